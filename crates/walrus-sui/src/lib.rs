//! Chain client of Walrus: typed calls, events, objects and wallets over the Sui gRPC API.
