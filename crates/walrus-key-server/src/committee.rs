//! Being a member of a committee: which share is the right one now.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use walrus_core::ObjectId;
use walrus_seal::{MasterKey, PublicKey};
use walrus_sui::{SuiError, SuiRpc, access::KeyServerKind};

/// Why a member cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The chain cannot be asked.
    #[error("cannot read the committee: {0}")]
    Chain(#[from] SuiError),
    /// The object is a server on its own.
    #[error("key server {0} is no committee")]
    NotACommittee(ObjectId),
    /// There is no such member.
    #[error("the committee has {members} members, and no member {party_id}")]
    NoMember {
        /// The number of the member.
        party_id: u16,
        /// How many there are.
        members: usize,
    },
    /// There is no share for the present version, nor for the next one.
    #[error(
        "the committee is at version {version}, for which there is no share (and none for the next)"
    )]
    NoShare {
        /// The version of the committee.
        version: u32,
    },
    /// The share is of another member or committee.
    #[error(
        "the share for version {version} is not the one that is registered for member {party_id}"
    )]
    WrongShare {
        /// The version of the committee.
        version: u32,
        /// The number of the member.
        party_id: u16,
    },
}

/// One member: its shares, and which of them counts.
#[derive(Debug)]
pub(crate) struct Membership {
    server: ObjectId,
    party_id: u16,
    shares: BTreeMap<u32, MasterKey>,
    current: RwLock<Option<(u32, MasterKey)>>,
}

impl Membership {
    pub(crate) fn new(server: ObjectId, party_id: u16, shares: BTreeMap<u32, MasterKey>) -> Self {
        Self {
            server,
            party_id,
            shares,
            current: RwLock::default(),
        }
    }

    /// The version of the committee and the share for it, if there is one.
    pub(crate) fn current(&self) -> Option<(u32, MasterKey)> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks which version the chain is at, and takes the share for it. Until a member that waits
    /// for a rotation is at that version, it has none.
    pub(crate) async fn refresh(&self, rpc: &SuiRpc) -> Result<(), MembershipError> {
        let info = rpc.key_server(self.server).await?;
        let KeyServerKind::Committee {
            version, members, ..
        } = info.kind
        else {
            return Err(MembershipError::NotACommittee(self.server));
        };
        let party_id = self.party_id;
        let registered = members.get(usize::from(party_id));
        let chosen = match self.shares.get(&version) {
            Some(share) => {
                let registered = registered.ok_or(MembershipError::NoMember {
                    party_id,
                    members: members.len(),
                })?;
                let key = PublicKey::from_bytes(&registered.partial_pk).ok();
                if key != Some(share.public()) {
                    return Err(MembershipError::WrongShare { version, party_id });
                }
                Some((version, share.clone()))
            }
            None if self.shares.contains_key(&(version + 1)) => None,
            None => return Err(MembershipError::NoShare { version }),
        };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let was = current.as_ref().map(|(version, _)| *version);
        if was != chosen.as_ref().map(|(version, _)| *version) {
            tracing::info!(
                version,
                is_served = chosen.is_some(),
                "the committee is at this version"
            );
        }
        *current = chosen;
        Ok(())
    }
}
