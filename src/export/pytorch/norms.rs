//! Norms of maps, as modules.

use crate::config::Norm;

/// Batch norm whose factors and shifts are those of each row's class.
pub(super) const CONDITIONAL: &str = "\
class ConditionalBatchNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, CLASSES))
        self.bias = nn.Parameter(torch.zeros(channels, CLASSES))
        self.register_buffer(\"running_mean\", torch.zeros(channels))
        self.register_buffer(\"running_var\", torch.ones(channels))
        self.register_buffer(\"num_batches_tracked\", torch.tensor(0))

    def forward(self, x, label):
        x = F.batch_norm(x, self.running_mean, self.running_var)
        return x * self.weight.T[label][:, :, None, None] + self.bias.T[label][:, :, None, None]";

/// What normalises maps of so many channels, by labels or not; none where nothing does.
pub(super) fn module(norm: Norm, channels: &str, by_labels: bool) -> Option<String> {
    Some(match norm {
        Norm::None => return None,
        Norm::Batch if by_labels => format!("ConditionalBatchNorm({channels})"),
        Norm::Batch => format!("nn.BatchNorm2d({channels})"),
        // All that belongs to an example is one group, with a factor and a shift a channel.
        Norm::Layer => format!("nn.GroupNorm(1, {channels})"),
        Norm::Instance => format!("nn.InstanceNorm2d({channels})"),
    })
}
