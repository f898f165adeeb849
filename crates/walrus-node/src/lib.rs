//! The storage node: verifies, stores and serves slivers, and signs storage confirmations.
