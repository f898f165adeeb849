//! A complete local Walrus network: embedded chain, contracts and storage nodes.
