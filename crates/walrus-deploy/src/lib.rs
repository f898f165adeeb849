//! Deploys the Walrus packages, initialises the system and registers storage nodes.
