//! Compiled Move packages of Walrus and the Rust mirror of their on-chain types.
