//! Roles: what a network is in its game. A role picks configuration tables, the optimizer, and names in files.

/// What a network is in its game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// G: makes examples.
    Generator,
    /// D: tells examples from samples.
    Discriminator,
    /// C: tells classes apart.
    Classifier,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Generator, Role::Discriminator, Role::Classifier];

    /// The two networks of a GAN, which a configuration has tables of.
    pub const PLAYERS: [Role; 2] = [Role::Generator, Role::Discriminator];

    /// Name in files and configuration keys: `generator`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Generator => "generator",
            Role::Discriminator => "discriminator",
            Role::Classifier => "classifier",
        }
    }

    /// Letter in node paths and random streams: `G`.
    pub fn letter(self) -> &'static str {
        match self {
            Role::Generator => "G",
            Role::Discriminator => "D",
            // Its streams are older than its role.
            Role::Classifier => "G",
        }
    }
}
