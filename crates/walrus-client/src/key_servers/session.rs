//! A session with key servers, and the keys that were given in it.

use std::{collections::BTreeMap, fmt};

use stdx::Mutex;
use walrus_core::ObjectId;
use walrus_seal::{Identity, SessionKey, UserSecretKey};

/// Keys that a session keeps; when there are more, all are forgotten.
const KEPT_KEYS_MAX: usize = 10_000;

type KeptKeys = BTreeMap<(Identity, ObjectId), UserSecretKey>;

/// A session key, and the keys that servers have given for it. They go with the session, and are
/// overwritten then: what a policy has granted in one is asked for anew in the next.
pub struct Session {
    key: SessionKey,
    kept: Mutex<KeptKeys>,
}

impl Session {
    /// A session in which nothing has been asked yet.
    pub fn new(key: SessionKey) -> Self {
        Self {
            key,
            kept: Mutex::default(),
        }
    }

    /// What signs its requests.
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// What a server has given, in the order of the identities, if that is all of them.
    pub(super) fn kept(
        &self,
        server: ObjectId,
        identities: &[Identity],
    ) -> Option<Vec<UserSecretKey>> {
        let kept = self.kept.lock();
        let key = |identity: &Identity| kept.get(&(identity.clone(), server)).cloned();
        identities.iter().map(key).collect()
    }

    /// Keeps what a server has given; every key is verified.
    pub(super) fn keep(&self, server: ObjectId, identities: &[Identity], keys: &[UserSecretKey]) {
        let mut kept = self.kept.lock();
        if kept.len() + keys.len() > KEPT_KEYS_MAX {
            kept.clear();
        }
        for (identity, key) in identities.iter().zip(keys) {
            kept.insert((identity.clone(), server), key.clone());
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::SuiAddress;
    use walrus_seal::MasterKey;

    use super::*;

    #[test]
    fn keys_are_kept_by_server_and_identity_and_never_more_than_the_bound() {
        let (package, mut rng) = (ObjectId([1; 32]), ambient::rng());
        let key = SessionKey::generate(SuiAddress([2; 32]), package, 5, 0, &mut rng).unwrap();
        let session = Session::new(key);
        let identity = |index: usize| Identity {
            package,
            inner: index.to_le_bytes().to_vec(),
        };
        let master = MasterKey::generate(&mut rng);
        let (first, second) = (identity(1), identity(2));
        let keys = [master.extract(&first.point())];
        let (server, other) = (ObjectId([3; 32]), ObjectId([4; 32]));
        session.keep(server, std::slice::from_ref(&first), &keys);
        let is_kept = |server, identities: &[Identity]| session.kept(server, identities).is_some();
        assert!(is_kept(server, std::slice::from_ref(&first)));
        assert!(!is_kept(other, std::slice::from_ref(&first)));
        assert!(!is_kept(server, &[first.clone(), second]));
        let many: Vec<_> = (2..KEPT_KEYS_MAX + 2).map(identity).collect();
        let keys = vec![keys[0].clone(); KEPT_KEYS_MAX];
        session.keep(server, &many, &keys);
        assert!(is_kept(server, &many));
        assert!(!is_kept(server, &[first]), "the bound holds");
    }
}
