//! Being a member of a committee: which share is the right one now.

use stdx::RwLock;
use walrus_core::ObjectId;
use walrus_seal::{MasterKey, PublicKey};
use walrus_sui::{SuiError, SuiRpc, access::KeyServerKind};

use crate::keys::{KeyError, Shares};

/// Why a member cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The chain cannot be asked.
    #[error("cannot read the committee: {0}")]
    Chain(#[from] SuiError),
    /// The object is a server on its own.
    #[error("key server {0} is no committee")]
    NotACommittee(ObjectId),
    /// A share cannot be read.
    #[error(transparent)]
    Share(#[from] KeyError),
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
        "the share for version {version} is not one that is registered for {}",
        party_id.map_or_else(|| "any member".to_owned(), |id| format!("member {id}"))
    )]
    WrongShare {
        /// The version of the committee.
        version: u32,
        /// The number of the member, if it was told.
        party_id: Option<u16>,
    },
}

/// One member: its shares, and which of them counts.
#[derive(Debug)]
pub(crate) struct Membership {
    server: ObjectId,
    party_id: Option<u16>,
    shares: Shares,
    current: RwLock<Option<(u32, MasterKey)>>,
}

impl Membership {
    pub(crate) fn new(server: ObjectId, party_id: Option<u16>, shares: Shares) -> Self {
        Self {
            server,
            party_id,
            shares,
            current: RwLock::default(),
        }
    }

    /// The version of the committee and the share for it, if there is one.
    pub(crate) fn current(&self) -> Option<(u32, MasterKey)> {
        self.current.read().clone()
    }

    /// Looks which version the chain is at, and takes the share for it. Until a member that waits
    /// for a rotation is at that version, it has none; nor has one after a rotation without it.
    pub(crate) async fn refresh(&self, rpc: &SuiRpc) -> Result<(), MembershipError> {
        let info = rpc.key_server(self.server).await?;
        let KeyServerKind::Committee {
            version, members, ..
        } = info.kind
        else {
            return Err(MembershipError::NotACommittee(self.server));
        };
        let registered = members.iter().map(|it| (it.party_id, &it.partial_pk[..]));
        let chosen = self.choose(version, registered);
        let mut current = self.current.write();
        // What belonged to an older version is not given out any more, even if there is nothing in
        // its place.
        let now = chosen.as_ref().ok().cloned().flatten();
        let was = current.as_ref().map(|(version, _)| *version);
        if was != now.as_ref().map(|(version, _)| *version) {
            let is_served = now.is_some();
            tracing::info!(version, is_served, "the committee is at this version");
        }
        *current = now;
        chosen.map(drop)
    }

    /// The share for a version, or none yet. `registered` are numbers of members and public keys of
    /// their shares.
    fn choose<'a>(
        &self,
        version: u32,
        registered: impl Iterator<Item = (u16, &'a [u8])>,
    ) -> Result<Option<(u32, MasterKey)>, MembershipError> {
        let Some(share) = self.shares.of(version)? else {
            return match self.shares.of(version.saturating_add(1))? {
                Some(_) => Ok(None),
                None => Err(MembershipError::NoShare { version }),
            };
        };
        let (party_id, key) = (self.party_id, share.public());
        let is_ours = |(number, registered): (u16, &[u8])| {
            party_id.is_none_or(|id| id == number)
                && PublicKey::from_bytes(registered).ok() == Some(key)
        };
        if !registered.into_iter().any(is_ours) {
            return Err(MembershipError::WrongShare { version, party_id });
        }
        Ok(Some((version, share)))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn the_share_for_the_present_version_is_served_and_no_other() {
        let mut rng = StdRng::seed_from_u64(1);
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<MasterKey> = (0..3).map(|_| MasterKey::generate(&mut rng)).collect();
        let publics: Vec<_> = keys.iter().map(|key| key.public().to_bytes()).collect();
        let registered = || (0..).zip(publics.iter().map(|key| &key[..]));
        let membership = |party_id| {
            let shares = Shares::in_folder(folder.path());
            Membership::new(ObjectId([1; 32]), party_id, shares)
        };
        let write = |version, key: &MasterKey| {
            let path = folder.path().join(crate::share_file_name(version));
            std::fs::write(path, hex::encode(*key.to_bytes())).unwrap();
        };
        let member = membership(None);
        // Neither a share for now nor one for later.
        let none = member.choose(4, registered());
        assert!(matches!(none, Err(MembershipError::NoShare { version: 4 })));
        // One for later: it waits, and gives out nothing.
        write(5, &keys[1]);
        assert!(matches!(member.choose(4, registered()), Ok(None)));
        let chosen = member.choose(5, registered()).unwrap();
        assert_eq!(
            chosen.map(|(version, key)| (version, key.public())),
            Some((5, keys[1].public()))
        );
        assert!(
            membership(Some(1))
                .choose(5, registered())
                .unwrap()
                .is_some()
        );
        // Another member's, a stranger's, and what is no share.
        let other = membership(Some(2)).choose(5, registered());
        assert!(matches!(
            other,
            Err(MembershipError::WrongShare {
                party_id: Some(2),
                ..
            })
        ));
        write(5, &MasterKey::generate(&mut rng));
        let stranger = member.choose(5, registered());
        assert!(matches!(
            stranger,
            Err(MembershipError::WrongShare { party_id: None, .. })
        ));
        std::fs::write(folder.path().join("share-5.key"), "x").unwrap();
        assert!(matches!(
            member.choose(5, registered()),
            Err(MembershipError::Share(_))
        ));
    }
}
