//! Sessions of one process: an account signs once for a package, and again when that is over.

use std::{collections::BTreeMap, sync::Arc};

use stdx::Mutex;
use walrus_core::{ObjectId, SuiAddress};
use walrus_seal::{SessionKey, session::SessionError};
use walrus_sui::Signer;

use crate::key_servers::Session;

/// How long a session key is valid, in minutes.
const SESSION_TTL_MIN: u16 = 5;
/// Sessions that go on at a time; when there are more, all end.
const SESSIONS_MAX: usize = 100;

/// The session of each account and package.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: Mutex<BTreeMap<(SuiAddress, ObjectId), Arc<Session>>>,
}

impl Sessions {
    /// The session of an account with the policies of a package that goes on at `now_ms`, or a new
    /// one; and whether it is new.
    pub(super) fn current(
        &self,
        signer: &Signer,
        package: ObjectId,
        now_ms: u64,
    ) -> Result<(Arc<Session>, bool), SessionError> {
        let mut open = self.open.lock();
        let whose = (signer.address(), package);
        if let Some(session) = open.get(&whose)
            && !session.key().is_expired(now_ms)
        {
            return Ok((Arc::clone(session), false));
        }
        if open.len() >= SESSIONS_MAX {
            open.clear();
        }
        let session = Arc::new(begin(signer, package, now_ms)?);
        open.insert(whose, Arc::clone(&session));
        Ok((session, true))
    }

    /// Ends a session, unless somebody has done so meanwhile.
    pub(super) fn end(&self, session: &Arc<Session>) {
        let whose = (session.key().user(), session.key().package());
        let mut open = self.open.lock();
        if open.get(&whose).is_some_and(|it| Arc::ptr_eq(it, session)) {
            open.remove(&whose);
        }
    }
}

fn begin(signer: &Signer, package: ObjectId, now_ms: u64) -> Result<Session, SessionError> {
    let (user, mut rng) = (signer.address(), ambient::rng());
    let mut key = SessionKey::generate(user, package, SESSION_TTL_MIN, now_ms, &mut rng)?;
    let signature = signer.sign_personal_message(key.message()?.as_bytes());
    key.set_signature(signature)?;
    Ok(Session::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_MS: u64 = 60_000;

    #[test]
    fn a_session_goes_on_until_it_is_over_or_ended() {
        let (sessions, package) = (Sessions::default(), ObjectId([1; 32]));
        let (signer, other) = (Signer::from_seed([1; 32]), Signer::from_seed([2; 32]));
        let now = 1_000 * MIN_MS;
        let current = |signer: &Signer, package, now| {
            let (session, is_new) = sessions.current(signer, package, now).unwrap();
            assert_eq!(session.key().user(), signer.address());
            (session, is_new)
        };
        let (first, is_new) = current(&signer, package, now);
        assert!(is_new);
        let (same, is_new) = current(&signer, package, now + 4 * MIN_MS);
        assert!(!is_new && Arc::ptr_eq(&first, &same));
        // Others have their own.
        assert!(current(&other, package, now).1);
        assert!(current(&signer, ObjectId([2; 32]), now).1);
        // It is over a little before servers say so.
        let (second, is_new) = current(&signer, package, now + 5 * MIN_MS - 1_000);
        assert!(is_new && !Arc::ptr_eq(&first, &second));
        // Who was late does not end what somebody else has begun.
        sessions.end(&first);
        assert!(!current(&signer, package, now + 5 * MIN_MS).1);
        sessions.end(&second);
        assert!(current(&signer, package, now + 5 * MIN_MS).1);
    }
}
