//! Collecting the answers of a committee: clients talk to this server as to any key server.
//!
//! It sees who asks for what, and can refuse to serve. It can neither read keys nor forge them:
//! what members give is encrypted to the client, and clients check what comes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use stdx::RwLock;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use walrus_client::key_servers::{Credentials, KeyServerError, KeyServerHttp, SdkType};
use walrus_core::ObjectId;
use walrus_http::{Connection, HttpLimits, HttpServer, Scheme, serve_metrics};
use walrus_seal::{
    ApprovalProgram, Code, FetchKeyRequest, FetchKeyResponse, IdentityPoint, PublicKey, Refusal,
    WrappedKey,
    elgamal::aggregate,
    request::{
        DecryptionKey, FETCH_KEY_PATH, HEALTH_PATH, REQUEST_BYTES_MAX, REQUEST_ID_HEADER,
        SDK_TYPE_HEADER, SDK_VERSION_HEADER, SERVICE_PATH,
    },
};
use walrus_sui::{SuiRpc, access::KeyServerKind};

use crate::{
    PROTOCOL_VERSION,
    committee::MembershipError,
    config::{ConfigError, NetworkChoice, Time, default_committee_interval},
    http::{Refused, health, say_version, surround_all},
    metrics::Metrics,
    packages::Packages,
    server::{POLL_INTERVAL_MIN, StartError, listen, local_address, pause},
};

/// How often members are asked within one request, if the committee changes meanwhile.
const ROUNDS_MAX: u32 = 2;
/// A committee that may have changed is not read again before this time.
const REREAD_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Where the service listens unless the file says otherwise.
const LISTEN_PORT: u16 = 2025;
const METRICS_PORT: u16 = 9185;
/// Kinds of clients that may ask.
const SDK_TYPES: [&str; 3] = ["typescript", "rust", "python"];
/// Oldest members that are believed.
const MEMBER_VERSION_MIN: semver::Version = semver::Version::new(0, 6, 2);

/// What a member demands of the aggregator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCredentials {
    /// Name of the header.
    pub api_key_name: String,
    /// Its value. Secret.
    pub api_key: String,
}

/// The configuration of an aggregator.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregatorConfig {
    /// Which chain.
    pub network: NetworkChoice,
    /// Its full node.
    pub node_url: String,
    /// The registered committee.
    #[serde_as(as = "DisplayFromStr")]
    pub key_server_object_id: ObjectId,
    /// How long a member may take, in seconds.
    #[serde(default = "default_timeout")]
    pub key_server_timeout_secs: u64,
    /// What members demand, by their registered name.
    #[serde(default)]
    pub api_credentials: BTreeMap<String, ApiCredentials>,
    /// Ours: where the service listens.
    #[serde(default = "default_listen")]
    pub listen_address: SocketAddr,
    /// Ours: where metrics are served.
    #[serde(default = "default_metrics")]
    pub metrics_address: SocketAddr,
    /// Ours: how often the committee is read.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_committee_interval")]
    pub committee_update_interval: Time,
}

fn default_timeout() -> u64 {
    8
}

fn default_listen() -> SocketAddr {
    ([0, 0, 0, 0], LISTEN_PORT).into()
}

fn default_metrics() -> SocketAddr {
    ([0, 0, 0, 0], METRICS_PORT).into()
}

impl AggregatorConfig {
    /// A configuration with nothing but what has no default.
    pub fn new(network: NetworkChoice, node_url: String, server: ObjectId) -> Self {
        Self {
            network,
            node_url,
            key_server_object_id: server,
            key_server_timeout_secs: default_timeout(),
            api_credentials: BTreeMap::new(),
            listen_address: default_listen(),
            metrics_address: default_metrics(),
            committee_update_interval: default_committee_interval(),
        }
    }

    /// The text of a file.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self).map_err(|error| ConfigError::Contradiction(error.to_string()))
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let path: PathBuf = path.to_owned();
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        serde_saphyr::from_str(&text).map_err(|error| ConfigError::Invalid {
            path,
            reason: error.to_string(),
        })
    }
}

/// The committee as the chain describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Committee {
    version: u32,
    threshold: usize,
    members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    party_id: u16,
    url: String,
    public_key: PublicKey,
    credentials: Option<Credentials>,
}

#[derive(Debug)]
struct Service {
    rpc: SuiRpc,
    server: ObjectId,
    http: KeyServerHttp,
    credentials: BTreeMap<String, ApiCredentials>,
    packages: Packages,
    committee: RwLock<Arc<Committee>>,
    /// When the committee was read because members seemed to have changed.
    reread: tokio::sync::Mutex<Option<Instant>>,
    metrics: Metrics,
}

impl Service {
    fn committee(&self) -> Arc<Committee> {
        Arc::clone(&self.committee.read())
    }

    async fn read_committee(&self) -> Result<(), MembershipError> {
        let committee = read_committee(&self.rpc, self.server, &self.credentials).await?;
        *self.committee.write() = Arc::new(committee);
        Ok(())
    }

    /// The committee, if it is another one than `known` by now.
    async fn changed(&self, known: &Committee) -> Option<Arc<Committee>> {
        // One looks for all who wait.
        let mut reread = self.reread.lock().await;
        let is_due = reread.is_none_or(|at| at.elapsed() >= REREAD_INTERVAL_MIN);
        if is_due && *self.committee() == *known {
            *reread = Some(Instant::now());
            if let Err(error) = self.read_committee().await {
                tracing::warn!(%error, "cannot read the committee");
            }
        }
        let committee = self.committee();
        (*committee != *known).then_some(committee)
    }
}

/// An aggregator that runs until it is shut down.
#[derive(Debug)]
pub struct Aggregator {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Aggregator {
    /// Starts it.
    pub async fn start(config: AggregatorConfig) -> Result<Self, StartError> {
        let timeout = Duration::from_secs(config.key_server_timeout_secs);
        let http = KeyServerHttp::new(
            timeout,
            SdkType::Aggregator,
            PROTOCOL_VERSION,
            MEMBER_VERSION_MIN,
        )
        .map_err(|error| StartError::Http(error.to_string()))?;
        let rpc = SuiRpc::new([&config.node_url])?;
        let server = config.key_server_object_id;
        let committee = read_committee(&rpc, server, &config.api_credentials).await?;
        let metrics = Metrics::new();
        let service = Arc::new(Service {
            rpc,
            server,
            http,
            credentials: config.api_credentials,
            packages: Packages::default(),
            committee: RwLock::new(Arc::new(committee)),
            reread: tokio::sync::Mutex::default(),
            metrics: metrics.clone(),
        });
        let listener = listen(config.listen_address).await?;
        let metrics_listener = listen(config.metrics_address).await?;
        let address = local_address(&listener, config.listen_address)?;
        let stop = CancellationToken::new();
        let limits = HttpLimits::default();
        let router = router(Arc::clone(&service), &limits);
        let server = HttpServer::new(listener, router, Scheme::Http, limits, metrics.http.clone());
        let render = move || metrics.render();
        let tasks = vec![
            ambient::spawn(server.run(stop.clone())),
            ambient::spawn(serve_metrics(metrics_listener, render, stop.clone())),
            ambient::spawn(follow(
                service,
                config.committee_update_interval.0,
                stop.clone(),
            )),
        ];
        Ok(Self {
            address,
            stop,
            tasks,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets open requests finish, and ends.
    pub async fn shutdown(self) {
        self.stop.cancel();
        for task in self.tasks {
            // One that panicked has said so.
            let _ = task.await;
        }
    }
}

fn router(service: Arc<Service>, limits: &HttpLimits) -> Router {
    let metrics = service.metrics.clone();
    let unsupported = || async { (StatusCode::BAD_REQUEST, "Unsupported").into_response() };
    let routes = Router::new()
        .route(FETCH_KEY_PATH, post(fetch_keys))
        .route(SERVICE_PATH, get(unsupported))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn(say_version))
        .route(HEALTH_PATH, get(health))
        .with_state(service);
    surround_all(routes, &metrics, limits, Scheme::Http.name())
}

async fn follow(service: Arc<Service>, interval: Duration, stop: CancellationToken) {
    let interval = interval.max(POLL_INTERVAL_MIN);
    while pause(interval, &stop).await {
        if let Err(error) = service.read_committee().await {
            tracing::warn!(%error, "cannot read the committee");
        }
    }
}

async fn read_committee(
    rpc: &SuiRpc,
    server: ObjectId,
    credentials: &BTreeMap<String, ApiCredentials>,
) -> Result<Committee, MembershipError> {
    let info = rpc.key_server(server).await?;
    let KeyServerKind::Committee {
        version,
        threshold,
        members,
    } = info.kind
    else {
        return Err(MembershipError::NotACommittee(server));
    };
    // A member whose key cannot be decoded cannot answer anything that is believed.
    let members = members.into_iter().filter_map(|member| {
        let credentials = credentials.get(&member.name);
        Some(Member {
            party_id: member.party_id,
            public_key: PublicKey::from_bytes(&member.partial_pk).ok()?,
            url: member.url,
            credentials: credentials.map(|it| Credentials {
                header: it.api_key_name.clone(),
                key: it.api_key.clone(),
            }),
        })
    });
    Ok(Committee {
        version,
        threshold: usize::from(threshold),
        members: members.collect(),
    })
}

async fn fetch_keys(
    State(service): State<Arc<Service>>,
    Extension(_): Extension<Arc<Connection>>,
    headers: HeaderMap,
    body: Json<FetchKeyRequest>,
) -> Response {
    let Json(request) = body;
    service.metrics.requests.inc();
    let answer = async {
        check_client(&headers)?;
        let id = headers.get(REQUEST_ID_HEADER);
        let id = id.and_then(|value| value.to_str().ok()).unwrap_or("none");
        collect(&service, request, id).await
    };
    match answer.await {
        Ok(response) => Json(response).into_response(),
        Err(refusal) => Refused(refusal).into_response(),
    }
}

fn check_client(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !text(SDK_TYPE_HEADER).is_some_and(|sdk_type| SDK_TYPES.contains(&sdk_type)) {
        return Err(Refusal::of(Code::InvalidSDKType));
    }
    let version = text(SDK_VERSION_HEADER)
        .ok_or_else(|| Refusal::new(Code::MissingRequiredHeader, "Client-Sdk-Version"))?;
    let parsed: Result<semver::Version, _> = version.parse();
    parsed.map_err(|_| Refusal::of(Code::InvalidSDKVersion))?;
    Ok(())
}

/// The checked keys of one member, in the order of the identities.
type Part = (u16, Vec<WrappedKey>);

/// What enough members give; those of the present committee.
async fn collect(
    service: &Arc<Service>,
    request: FetchKeyRequest,
    request_id: &str,
) -> Result<FetchKeyResponse, Refusal> {
    let (program, _) = ApprovalProgram::from_base64(&request.ptb)?;
    let package = service
        .packages
        .first_version(&service.rpc, program.package())
        .await?;
    // Each identity once, however often the program asks for it.
    let ids: BTreeSet<Vec<u8>> = program
        .inner_ids()
        .iter()
        .map(|inner| [&package.0, &inner[..]].concat())
        .collect();
    let ids: Arc<Vec<Vec<u8>>> = Arc::new(ids.into_iter().collect());
    let request = Arc::new(request);
    let mut committee = service.committee();
    let mut rounds = 1;
    loop {
        let asked = ask_all(service, &committee, &request, &ids, request_id).await;
        let failures = match asked {
            Ok(parts) => return put_together(&ids, &parts),
            Err(failures) => failures,
        };
        // Members who do not give what they should may have new shares, or be others by now.
        let is_refused = |error: &KeyServerError| matches!(error, KeyServerError::Refused(_));
        if rounds == ROUNDS_MAX || failures.iter().all(is_refused) {
            return Err(majority(&failures));
        }
        match service.changed(&committee).await {
            Some(changed) => committee = changed,
            None => return Err(majority(&failures)),
        }
        rounds += 1;
    }
}

/// Asks all members of a committee, until enough have answered or cannot any more.
async fn ask_all(
    service: &Arc<Service>,
    committee: &Committee,
    request: &Arc<FetchKeyRequest>,
    ids: &Arc<Vec<Vec<u8>>>,
    request_id: &str,
) -> Result<Vec<Part>, Vec<KeyServerError>> {
    let mut asked = JoinSet::new();
    for member in committee.members.clone() {
        let (service, request) = (Arc::clone(service), Arc::clone(request));
        let (ids, request_id) = (Arc::clone(ids), request_id.to_owned());
        asked.spawn(async move { ask(&service, &member, &request, &ids, &request_id).await });
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut failures: Vec<KeyServerError> = Vec::new();
    while parts.len() < committee.threshold
        && parts.len() + asked.len() >= committee.threshold
        && let Some(answer) = asked.join_next().await
    {
        match answer {
            Ok(Ok(part)) => parts.push(part),
            Ok(Err(error)) => failures.push(error),
            Err(error) => failures.push(KeyServerError::InvalidAnswer(error.to_string())),
        }
    }
    if parts.len() < committee.threshold {
        return Err(failures);
    }
    Ok(parts)
}

async fn ask(
    service: &Service,
    member: &Member,
    request: &Arc<FetchKeyRequest>,
    ids: &Arc<Vec<Vec<u8>>>,
    request_id: &str,
) -> Result<Part, KeyServerError> {
    let credentials = member.credentials.as_ref();
    let answer = service
        .http
        .fetch_keys(&member.url, credentials, request_id, request);
    let checked = match answer.await {
        // Pairings take a while: not on the threads that serve.
        Ok(answer) => {
            let (member, request) = (member.clone(), Arc::clone(request));
            let ids = Arc::clone(ids);
            let check = move || check(&member, &request, &ids, &answer);
            let checked = ambient::run_blocking(check).await;
            checked.unwrap_or_else(|error| Err(KeyServerError::InvalidAnswer(error.to_string())))
        }
        Err(error) => Err(error),
    };
    checked.inspect_err(|error| {
        tracing::warn!(member = member.party_id, %error, "a member gave no keys");
    })
}

/// The keys of a member, if it gave all of them and nothing else, and every one is right.
fn check(
    member: &Member,
    request: &FetchKeyRequest,
    ids: &[Vec<u8>],
    answer: &FetchKeyResponse,
) -> Result<Part, KeyServerError> {
    let given: BTreeSet<&Vec<u8>> = answer.decryption_keys.iter().map(|key| &key.id).collect();
    if given.len() != ids.len() || !ids.iter().all(|id| given.contains(id)) {
        return Err(KeyServerError::MissingKey);
    }
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        let point = IdentityPoint::of(id);
        let to = &request.enc_verification_key;
        let valid = answer
            .decryption_keys
            .iter()
            .find(|key| key.id == *id && key.encrypted_key.verify(&point, to, &member.public_key));
        keys.push(valid.ok_or(KeyServerError::WrongKey)?.encrypted_key);
    }
    Ok((member.party_id, keys))
}

fn put_together(ids: &[Vec<u8>], parts: &[Part]) -> Result<FetchKeyResponse, Refusal> {
    let keys = ids.iter().enumerate().map(|(index, id)| {
        let of_id: Vec<(u16, WrappedKey)> = parts
            .iter()
            .map(|(party_id, keys)| (*party_id, keys[index]))
            .collect();
        let encrypted_key = aggregate(&of_id).map_err(|error| {
            tracing::error!(%error, "cannot put the answers of members together");
            Refusal::of(Code::Failure)
        })?;
        Ok(DecryptionKey {
            id: id.clone(),
            encrypted_key,
        })
    });
    Ok(FetchKeyResponse {
        decryption_keys: keys.collect::<Result<_, Refusal>>()?,
    })
}

/// What most members said; what is not a refusal counts as a failure of ours. Of equally many, what
/// will not change by asking again.
fn majority(failures: &[KeyServerError]) -> Refusal {
    let mut counts: BTreeMap<Code, (usize, Refusal)> = BTreeMap::new();
    for failure in failures {
        let refusal = match failure {
            KeyServerError::Refused(refusal) => refusal.clone(),
            _ => Refusal::of(Code::Failure),
        };
        let entry = counts.entry(refusal.code).or_insert((0, refusal));
        entry.0 += 1;
    }
    let most = counts
        .into_values()
        .max_by_key(|(count, refusal)| (*count, !refusal.code.is_transient()));
    most.map_or_else(|| Refusal::of(Code::Failure), |(_, refusal)| refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_members_said_is_passed_on() {
        let refused = |code| KeyServerError::Refused(Refusal::of(code));
        let failures = [
            refused(Code::Failure),
            refused(Code::NoAccess),
            refused(Code::NoAccess),
        ];
        assert_eq!(majority(&failures).code, Code::NoAccess);
        assert_eq!(majority(&failures[..2]).code, Code::NoAccess);
        assert_eq!(majority(&[KeyServerError::WrongKey]).code, Code::Failure);
        assert_eq!(majority(&[]).code, Code::Failure);
    }
}
