//! Objects of package `seal`: the registry of key servers.

use serde::{Deserialize, Serialize};
use walrus_core::ObjectId;

/// `key_server::KeyServer`. Its description is in a dynamic field, under its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServer {
    /// The object; the server proves possession of its key for it.
    pub id: ObjectId,
    /// First version of the description that there is.
    pub first_version: u64,
    /// Last version of the description that there is.
    pub last_version: u64,
}

/// `key_server::KeyServerV1`: a server on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServerV1 {
    pub name: String,
    pub url: String,
    /// 0 is Boneh-Franklin encryption over BLS12-381, the only type there is.
    pub key_type: u8,
    /// Compressed point of G2.
    pub pk: Vec<u8>,
}

/// `key_server::KeyServerV2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServerV2 {
    pub name: String,
    /// 0 is Boneh-Franklin encryption over BLS12-381, the only type there is.
    pub key_type: u8,
    /// Compressed point of G2.
    pub pk: Vec<u8>,
    pub server_type: ServerType,
}

/// `key_server::ServerType`: who has the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerType {
    /// One server.
    Independent { url: String },
    /// Members with shares of it, any `threshold` of whom act for all.
    Committee {
        /// How often the members have changed.
        version: u32,
        threshold: u16,
        partial_key_servers: Vec<PartialKeyServer>,
    },
}

/// `key_server::PartialKeyServer`: a member of a committee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialKeyServer {
    pub name: String,
    pub url: String,
    /// Public key of its share; compressed point of G2.
    pub partial_pk: Vec<u8>,
    pub party_id: u16,
}
