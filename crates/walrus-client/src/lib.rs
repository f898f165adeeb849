//! Stores and reads blobs: storage-node client, write and read protocols.
