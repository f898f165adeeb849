//! The walrus command-line client.
