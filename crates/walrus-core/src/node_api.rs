//! JSON types and paths of the storage-node HTTP API.
