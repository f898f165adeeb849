//! Identifiers, shard arithmetic, Merkle trees, wire types, signed messages and certificates of Walrus.
