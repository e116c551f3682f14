//! Numbers of a model's networks and optimizers: all that graphs, plans and executors know of them.

/// Optimizers that a model has at most.
pub const MAX_OPTIMIZERS: usize = 4;

/// Number of a network in its model's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkId(pub u8);

/// Number of an optimizer in its model's list, below [`MAX_OPTIMIZERS`]. An optimizer owns one flat memory, which holds
/// the parameters of one or more networks, and has one update counter, one loss scale, one gradient norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OptimizerId(pub u8);

impl NetworkId {
    /// Position in arrays indexed by network.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl OptimizerId {
    /// Position in arrays indexed by optimizer.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The first `count` optimizers.
    ///
    /// # Panics
    /// When a model asks for more than [`MAX_OPTIMIZERS`].
    pub fn first(count: usize) -> impl Iterator<Item = OptimizerId> {
        assert!(count <= MAX_OPTIMIZERS, "{count} optimizers; executors keep {MAX_OPTIMIZERS}");
        (0..count as u8).map(OptimizerId)
    }
}
