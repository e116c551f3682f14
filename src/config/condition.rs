//! Where labels may enter a network: what its architecture, its role and its norms can read.

use super::validate::{fail, need, word};
use super::{Architecture, Condition, Config, Norm, Role};
use crate::error::Result;

impl Config {
    /// Checks that labels enter a network where it can read them.
    pub(super) fn conditions(&self) -> Result<()> {
        for (role, network) in self.networks() {
            let unfit = match (network.architecture, network.condition) {
                (Architecture::Resnet | Architecture::RpganResnet, Some(Condition::Everywhere)) => {
                    "another: no block of a residual network reads planes of labels"
                }
                (Architecture::RpganResnet, Some(Condition::Norm)) => "another: rpgan-resnet has no norms",
                _ => continue,
            };
            fail(&format!("{}.condition", role.name()), word(&network.condition), unfit)?;
        }
        for (role, network) in self.networks() {
            let Some(condition) = network.condition else { continue };
            let key = format!("{}.condition", role.name());
            let of = match condition {
                Condition::Input | Condition::Everywhere => continue,
                Condition::Norm => Role::Generator,
                Condition::Projection | Condition::Auxiliary => Role::Discriminator,
            };
            let others = match role {
                Role::Generator => "\"input\", \"everywhere\" or \"norm\": G gives no verdict",
                _ => "\"input\", \"everywhere\", \"projection\" or \"auxiliary\": norms of G's read labels",
            };
            need(role == of, &key, word(&condition), others)?;
            need(self.conditional, &key, word(&condition), "conditional = true (--conditional) beside it")?;
            let norm = network.norm == Some(Norm::Batch);
            let batch = format!(
                "{}.norm = \"batch\" beside it, whose factors it makes those of a class",
                role.name()
            );
            need(condition != Condition::Norm || norm, &key, word(&condition), &batch)?;
            let single = condition != Condition::Auxiliary || network.pack == 1;
            need(single, &key, word(&condition), "discriminator.pack = 1 beside it: a pack has no class")?;
        }
        Ok(())
    }
}
