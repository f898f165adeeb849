//! Key servers as they are registered.

use sui_sdk_types::TypeTag;
use walrus_contracts::types::seal::{
    KeyServer, KeyServerV1, KeyServerV2, PartialKeyServer, ServerType,
};
use walrus_core::ObjectId;

use crate::{
    error::SuiError,
    reader::{dynamic_field_id, field_value},
    rpc::{ObjectData, SuiRpc},
};

/// Boneh-Franklin encryption over BLS12-381.
const KEY_TYPE: u8 = 0;
/// Versions of descriptions that we know, the best first.
const VERSIONS: [u64; 2] = [2, 1];

/// A registered key server. Registration proves nothing: whoever uses one asks it for a proof, or
/// trusts its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyServerInfo {
    /// Its object.
    pub id: ObjectId,
    /// What it calls itself.
    pub name: String,
    /// The public key, not yet decoded.
    pub public_key: Vec<u8>,
    /// Who has the key.
    pub kind: KeyServerKind,
    /// The first version of the package that it is registered with.
    pub package: ObjectId,
}

/// Who has the key of a key server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyServerKind {
    /// One server.
    Independent {
        /// Where it is reached.
        url: String,
    },
    /// Several, of whom a threshold is needed.
    Committee {
        /// How often the members have changed.
        version: u32,
        /// How many are needed.
        threshold: u16,
        /// The members, by their number.
        members: Vec<PartialKeyServer>,
    },
}

impl SuiRpc {
    /// Reads how a key server is registered.
    pub async fn key_server(&self, id: ObjectId) -> Result<KeyServerInfo, SuiError> {
        let object = self.object(id).await?;
        let unexpected = || SuiError::unexpected_type(id, "a key server", object.type_.as_ref());
        if !object.is("key_server", "KeyServer") {
            return Err(unexpected());
        }
        let package = object.type_.as_ref().ok_or_else(unexpected)?.address();
        let server: KeyServer = object.decode("KeyServer")?;
        let version = VERSIONS
            .into_iter()
            .find(|version| (server.first_version..=server.last_version).contains(version))
            .ok_or_else(|| {
                let (first, last) = (server.first_version, server.last_version);
                let reason = format!("only versions {first} to {last} of it are described");
                SuiError::decode(format!("key server {id}"), reason)
            })?;
        let field = dynamic_field_id(id, &TypeTag::U64, &version);
        let field = self.object(field).await?;
        describe(id, crate::ids::object_id(*package), version, &field)
    }
}

fn describe(
    id: ObjectId,
    package: ObjectId,
    version: u64,
    field: &ObjectData,
) -> Result<KeyServerInfo, SuiError> {
    let KeyServerV2 {
        name,
        key_type,
        pk,
        server_type,
    } = if version == 1 {
        let v1: KeyServerV1 = field_value::<u64, _>(field, "KeyServerV1")?;
        KeyServerV2 {
            name: v1.name,
            key_type: v1.key_type,
            pk: v1.pk,
            server_type: ServerType::Independent { url: v1.url },
        }
    } else {
        field_value::<u64, _>(field, "KeyServerV2")?
    };
    if key_type != KEY_TYPE {
        let reason = format!("its key is of type {key_type}, which is not known");
        return Err(SuiError::decode(format!("key server {id}"), reason));
    }
    Ok(KeyServerInfo {
        id,
        name,
        public_key: pk,
        kind: match server_type {
            ServerType::Independent { url } => KeyServerKind::Independent { url },
            ServerType::Committee {
                version,
                threshold,
                partial_key_servers,
            } => KeyServerKind::Committee {
                version,
                threshold,
                members: partial_key_servers,
            },
        },
        package,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use sui_sdk_types::Digest;

    use super::*;
    use crate::rpc::ObjectOwner;

    fn bytes(value: &Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }

    fn field_object(vector: &Value) -> ObjectData {
        ObjectData {
            id: vector["field_object_id"].as_str().unwrap().parse().unwrap(),
            version: 1,
            digest: Digest::ZERO,
            owner: ObjectOwner::Immutable,
            type_: None,
            contents: bytes(&vector["field_object_contents"]),
        }
    }

    #[test]
    fn registered_servers_are_read_as_others_write_them() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/seal-onchain.json"
        );
        let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut kinds = Vec::new();
        for vector in vectors["key_servers"].as_array().unwrap() {
            let server: KeyServer = bcs::from_bytes(&bytes(&vector["key_server_object"])).unwrap();
            let expected = &vector["key_server"];
            assert_eq!(server.id.to_string(), expected["id"].as_str().unwrap());
            let versions = server.first_version..=server.last_version;
            assert_eq!(Some(*versions.start()), expected["firstVersion"].as_u64());
            assert_eq!(Some(*versions.end()), expected["lastVersion"].as_u64());
            let best = VERSIONS
                .into_iter()
                .find(|version| versions.contains(version));
            assert_eq!(best, vector["use_version"].as_u64());
            for described in vector["versions"].as_array().unwrap() {
                let version = described["version"].as_u64().unwrap();
                let object = field_object(described);
                assert_eq!(
                    dynamic_field_id(server.id, &TypeTag::U64, &version),
                    object.id
                );
                let info = describe(server.id, ObjectId([1; 32]), version, &object).unwrap();
                assert_eq!(info.public_key.len(), 96);
                kinds.push(match info.kind {
                    KeyServerKind::Independent { url } => {
                        assert!(url.starts_with("https://"));
                        "independent"
                    }
                    KeyServerKind::Committee {
                        threshold, members, ..
                    } => {
                        assert!(usize::from(threshold) <= members.len());
                        assert!(
                            members
                                .iter()
                                .zip(0..)
                                .all(|(member, id)| member.party_id == id)
                        );
                        "committee"
                    }
                });
                // Nothing may be left over, and nothing missing.
                let mut longer = object.clone();
                longer.contents.push(0);
                assert!(describe(server.id, server.id, version, &longer).is_err());
                let mut shorter = object;
                shorter.contents.pop();
                assert!(describe(server.id, server.id, version, &shorter).is_err());
            }
        }
        assert!(kinds.contains(&"independent") && kinds.contains(&"committee"));
    }
}
