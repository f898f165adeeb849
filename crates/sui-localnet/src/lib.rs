//! Embedded single-process chain that executes Sui Move bytecode and speaks the Sui gRPC API.
