//! Red Stuff: encode, decode, and verify erasure-coded blobs.
