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
