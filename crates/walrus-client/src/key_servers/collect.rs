//! Collecting keys until there are enough.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use rand::RngCore as _;
use stdx::Mutex;
use walrus_core::ObjectId;
use walrus_seal::{
    ApprovalProgram, Code, EphemeralKey, FetchKeyRequest, FetchKeyResponse, Identity,
    IdentityPoint, PublicKey, UserKeys, UserSecretKey, session::SessionError,
};
use walrus_sui::{
    SuiError, SuiRpc,
    access::{KeyServerInfo, KeyServerKind},
};

use super::{
    http::{Credentials, KeyServerError, KeyServerHttp, SdkType},
    session::Session,
};

/// How long one server may take, unless configured otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often one server is asked when it says that it cannot answer now, or does not know an object
/// yet.
const ATTEMPTS_MAX: u32 = 3;
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// The first version whose answers we understand.
const SERVER_VERSION_MIN: semver::Version = semver::Version::new(0, 4, 1);

/// What the chain does not say about key servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What their operators demand.
    pub credentials: BTreeMap<ObjectId, Credentials>,
    /// Who collects the answers of a committee.
    pub aggregators: BTreeMap<ObjectId, String>,
    /// How long one server may take.
    pub timeout: Option<Duration>,
}

/// A key server as the chain describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKeyServer {
    /// Its object.
    pub id: ObjectId,
    /// What it calls itself.
    pub name: String,
    /// Where it is reached, or whoever collects the answers of its members.
    pub url: String,
    /// Its public key.
    pub public_key: PublicKey,
    /// Whether members have shares of its key.
    pub is_committee: bool,
}

/// Why there are not enough keys.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Too few servers gave the keys.
    #[error("{}", not_enough(*.have, *.need, .failures))]
    NotEnough {
        /// Weight of the servers that gave all keys.
        have: usize,
        /// Weight that is needed.
        need: u8,
        /// What the others said.
        failures: Vec<(ObjectId, KeyServerError)>,
    },
    /// The session key cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The chain cannot be asked.
    #[error(transparent)]
    Chain(#[from] SuiError),
}

impl FetchError {
    /// What most servers said; of equally many, what was said first.
    pub fn most_frequent(&self) -> Option<&KeyServerError> {
        let Self::NotEnough { failures, .. } = self else {
            return None;
        };
        most_frequent(failures)
    }

    /// Whether the policy said no.
    pub fn is_denied(&self) -> bool {
        self.is_mostly(Code::NoAccess)
    }

    /// Whether the servers say that the time of the session is over.
    pub fn is_session_over(&self) -> bool {
        self.is_mostly(Code::InvalidCertificate)
    }

    fn is_mostly(&self, code: Code) -> bool {
        matches!(
            self.most_frequent(),
            Some(KeyServerError::Refused(refusal)) if refusal.code == code
        )
    }
}

fn most_frequent(failures: &[(ObjectId, KeyServerError)]) -> Option<&KeyServerError> {
    let kind = |error: &KeyServerError| match error {
        KeyServerError::Refused(refusal) => refusal.code.as_str().to_owned(),
        other => format!("{:?}", std::mem::discriminant(other)),
    };
    let count = |error: &KeyServerError| {
        let same = failures.iter().filter(|(_, it)| kind(it) == kind(error));
        same.count()
    };
    // The last of equals wins in `max_by_key`.
    let errors = failures.iter().rev().map(|(_, error)| error);
    errors.max_by_key(|error| count(error))
}

fn not_enough(have: usize, need: u8, failures: &[(ObjectId, KeyServerError)]) -> String {
    let said: Vec<String> = failures
        .iter()
        .map(|(server, error)| format!("{server}: {error}"))
        .collect();
    format!(
        "key servers of weight {have} gave the keys, and {need} is needed; {}",
        said.join("; ")
    )
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct KeyRequest<'a> {
    /// The servers, and the weight of each.
    pub servers: &'a [(ObjectId, usize)],
    /// The weight that is needed.
    pub threshold: u8,
    /// The identities, which the program asks for.
    pub identities: &'a [Identity],
    /// The calls of the policy.
    pub program: &'a ApprovalProgram,
    /// In whose name.
    pub session: &'a Session,
}

/// The keys of each identity, by server. Servers that failed although there were enough are told,
/// too.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Keys, every one verified.
    pub keys: BTreeMap<Identity, UserKeys>,
    /// What servers said that were not needed in the end.
    pub failures: Vec<(ObjectId, KeyServerError)>,
}

/// Key servers, and what is known of them.
#[derive(Debug)]
pub struct KeyServers {
    rpc: SuiRpc,
    http: KeyServerHttp,
    settings: Settings,
    known: Mutex<BTreeMap<ObjectId, Arc<KnownKeyServer>>>,
}

impl KeyServers {
    /// Key servers that are registered on the chain of `rpc`.
    pub fn new(rpc: SuiRpc, settings: Settings) -> Result<Self, KeyServerError> {
        let http = KeyServerHttp::new(
            settings.timeout.unwrap_or(TIMEOUT),
            SdkType::Rust,
            env!("CARGO_PKG_VERSION"),
            SERVER_VERSION_MIN,
        )?;
        Ok(Self {
            rpc,
            http,
            settings,
            known: Mutex::default(),
        })
    }

    /// What the chain says of a server.
    pub async fn describe(&self, id: ObjectId) -> Result<Arc<KnownKeyServer>, KeyServerError> {
        if let Some(known) = self.known.lock().get(&id) {
            return Ok(Arc::clone(known));
        }
        let registration = |reason: String| KeyServerError::Registration(reason);
        let info = self.rpc.key_server(id).await;
        let info = info.map_err(|error| registration(error.to_string()))?;
        let known = Arc::new(self.known_server(info)?);
        self.known.lock().insert(id, Arc::clone(&known));
        Ok(known)
    }

    fn known_server(&self, info: KeyServerInfo) -> Result<KnownKeyServer, KeyServerError> {
        let public_key = PublicKey::from_bytes(&info.public_key).map_err(|error| {
            KeyServerError::Registration(format!("its public key is invalid: {error}"))
        })?;
        let aggregator = self.settings.aggregators.get(&info.id);
        let (url, is_committee) = match (info.kind, aggregator) {
            (KeyServerKind::Independent { url }, None) => (url, false),
            (KeyServerKind::Committee { .. }, Some(url)) => (url.clone(), true),
            (KeyServerKind::Independent { .. }, Some(_)) => {
                return Err(KeyServerError::Registration(
                    "it has an aggregator in the configuration and is no committee".to_owned(),
                ));
            }
            (KeyServerKind::Committee { .. }, None) => {
                return Err(KeyServerError::Registration(
                    "it is a committee, and the configuration has no aggregator for it".to_owned(),
                ));
            }
        };
        Ok(KnownKeyServer {
            id: info.id,
            name: info.name,
            url,
            public_key,
            is_committee,
        })
    }

    /// Checks that a server has the key of its object. A committee has no such proof: it is trusted
    /// by its ID.
    pub async fn verify(&self, id: ObjectId) -> Result<Arc<KnownKeyServer>, KeyServerError> {
        let known = self.describe(id).await?;
        if known.is_committee {
            return Ok(known);
        }
        let credentials = self.settings.credentials.get(&id);
        let proof = self.http.proof(&known.url, credentials, id).await?;
        if proof.service_id != id || !known.public_key.verify_possession(id, &proof.pop) {
            return Err(KeyServerError::WrongKey);
        }
        Ok(known)
    }

    /// Asks for keys until servers of enough weight have given all of them.
    pub async fn fetch(&self, request: KeyRequest<'_>) -> Result<Fetched, FetchError> {
        let need = usize::from(request.threshold);
        let mut collected = Collected::new(&request);
        let mut missing = Vec::new();
        for (server, weight) in request.servers {
            match request.session.kept(*server, request.identities) {
                Some(keys) => collected.accept(*server, *weight, keys),
                None => missing.push((*server, *weight)),
            }
        }
        if collected.have >= need {
            return Ok(collected.done());
        }
        let (wire, key) = sign(&request)?;
        let mut left: usize = missing.iter().map(|(_, weight)| weight).sum();
        let mut answers: FuturesUnordered<_> = missing
            .iter()
            .map(|(server, weight)| {
                let asked = self.ask(*server, &request, &wire, &key);
                async move { (*server, *weight, asked.await) }
            })
            .collect();
        while collected.have + left >= need
            && let Some((server, weight, answer)) = answers.next().await
        {
            left -= weight;
            match answer {
                Ok(keys) => collected.accept(server, weight, keys),
                Err(error) => {
                    tracing::debug!(%server, %error, "a key server gave no keys");
                    collected.fetched.failures.push((server, error));
                }
            }
            if collected.have >= need {
                return Ok(collected.done());
            }
        }
        Err(FetchError::NotEnough {
            have: collected.have,
            need: request.threshold,
            failures: collected.fetched.failures,
        })
    }

    /// The keys of one server, every one verified, in the order of the identities.
    async fn ask(
        &self,
        server: ObjectId,
        request: &KeyRequest<'_>,
        wire: &FetchKeyRequest,
        key: &EphemeralKey,
    ) -> Result<Vec<UserSecretKey>, KeyServerError> {
        let known = self.describe(server).await?;
        let credentials = self.settings.credentials.get(&server);
        let request_id = request_id();
        let mut attempt = 1;
        let response = loop {
            let asked = self
                .http
                .fetch_keys(&known.url, credentials, &request_id, wire);
            match asked.await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS_MAX => {
                    tokio::time::sleep(RETRY_DELAY * attempt).await;
                    attempt += 1;
                }
                answer => break answer?,
            }
        };
        let wanted = request.identities;
        let keys = open(&response, key, &known.public_key, wanted)?;
        request.session.keep(server, wanted, &keys);
        Ok(keys)
    }
}

/// Opens and verifies an answer. What was not asked for is ignored.
fn open(
    response: &FetchKeyResponse,
    key: &EphemeralKey,
    public_key: &PublicKey,
    wanted: &[Identity],
) -> Result<Vec<UserSecretKey>, KeyServerError> {
    wanted
        .iter()
        .map(|identity| {
            let full = identity.full();
            let answers = response.decryption_keys.iter();
            let mut answers = answers.filter(|answer| answer.id == full).peekable();
            if answers.peek().is_none() {
                return Err(KeyServerError::MissingKey);
            }
            let point = IdentityPoint::of(&full);
            answers
                .filter_map(|answer| key.unwrap_key(&answer.encrypted_key).ok())
                .find(|key| key.verify(&point, public_key))
                .ok_or(KeyServerError::WrongKey)
        })
        .collect()
}

/// One key and one signature for all servers.
fn sign(request: &KeyRequest<'_>) -> Result<(FetchKeyRequest, EphemeralKey), SessionError> {
    let key = EphemeralKey::generate(&mut ambient::rng());
    let wire = FetchKeyRequest::sign(&request.program.to_bytes(), &key, request.session.key())?;
    Ok((wire, key))
}

fn request_id() -> String {
    let mut bytes = [0; 16];
    ambient::rng().fill_bytes(&mut bytes);
    let hex = hex::encode(bytes);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// What has been collected so far.
struct Collected<'a> {
    identities: &'a [Identity],
    seen: BTreeSet<ObjectId>,
    have: usize,
    fetched: Fetched,
}

impl<'a> Collected<'a> {
    fn new(request: &KeyRequest<'a>) -> Self {
        Self {
            identities: request.identities,
            seen: BTreeSet::new(),
            have: 0,
            fetched: Fetched::default(),
        }
    }

    fn accept(&mut self, server: ObjectId, weight: usize, keys: Vec<UserSecretKey>) {
        if !self.seen.insert(server) {
            return;
        }
        self.have += weight;
        for (identity, key) in self.identities.iter().zip(keys) {
            let of_identity = self.fetched.keys.entry(identity.clone()).or_default();
            of_identity.insert(server, key);
        }
    }

    fn done(self) -> Fetched {
        self.fetched
    }
}

#[cfg(test)]
mod tests {
    use walrus_seal::Refusal;

    use super::*;

    fn refused(code: Code) -> KeyServerError {
        KeyServerError::Refused(Refusal::of(code))
    }

    #[test]
    fn the_most_frequent_failure_is_told_and_the_first_of_equals() {
        let id = ObjectId([0; 32]);
        let failures = vec![
            (id, refused(Code::Failure)),
            (id, refused(Code::NoAccess)),
            (id, refused(Code::NoAccess)),
        ];
        assert_eq!(most_frequent(&failures), Some(&refused(Code::NoAccess)));
        assert_eq!(most_frequent(&failures[..2]), Some(&refused(Code::Failure)));
        assert_eq!(most_frequent(&[]), None);
    }
}
