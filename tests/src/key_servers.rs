//! Key servers as processes, requests to them as readers make them, and one that lies.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use stdx::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};
use walrus_core::ObjectId;
use walrus_seal::{
    ApprovalProgram, Code, EphemeralKey, FetchKeyRequest, Refusal, SessionKey,
    request::{FETCH_KEY_PATH, SDK_TYPE_HEADER, SDK_VERSION_HEADER, SERVER_VERSION_HEADER},
};
use walrus_sui::{Signer, SuiRpc, access::ApprovalCall};

use crate::{TestNetwork, binary, patience::PATIENCE};

/// How long a session key is valid.
const TTL_MIN: u16 = 10;

/// A running `walrus-key-server run`; killed when dropped.
pub struct RunningKeyServer {
    child: Child,
    /// `http://ADDRESS:PORT`
    pub url: String,
    metrics_url: String,
    log: std::path::PathBuf,
}

impl RunningKeyServer {
    /// Starts a server in a folder for its own files, on any ports or at this address, with these
    /// lines in its configuration and variables in its environment. It logs all that it can.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(folder: &Path, address: &str, config: &str, variables: &[(&str, &str)]) -> Self {
        let (path, log) = (folder.join("config.yaml"), folder.join("log"));
        let fixed =
            format!("listen_address: {address}\nmetrics_host: 127.0.0.1\nmetrics_host_port: 0\n");
        fs::write(&path, format!("{config}\n{fixed}")).expect("a writable folder");
        let mut command = Command::new(binary("walrus-key-server"));
        let child = command
            .args(["run", "--config"])
            .arg(path)
            .env("RUST_LOG", "trace")
            .envs(variables.iter().copied())
            .stderr(File::create(&log).expect("a writable folder"))
            .spawn()
            .expect("the binary can be started");
        let mut running = Self {
            child,
            url: String::new(),
            metrics_url: String::new(),
            log,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = running.log();
            if let Some(line) = log.lines().find(|line| line.contains("serving address=")) {
                running.url = format!("http://{}", field(line, "address="));
                running.metrics_url = format!("http://{}", field(line, "metrics="));
                return running;
            }
            let ended = running.child.try_wait().expect("a child");
            let waits = ended.is_none() && Instant::now() < deadline;
            assert!(waits, "the key server did not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A number of its metrics.
    ///
    /// # Panics
    ///
    /// When there is none of this name.
    pub async fn metric(&self, name: &str) -> u64 {
        metric(&self.metrics_url, name).await
    }
}

impl Drop for RunningKeyServer {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let rest = line.split(name).nth(1).expect("the field is in the line");
    rest.split_whitespace().next().expect("it has a value")
}

async fn metric(url: &str, name: &str) -> u64 {
    let answer = send(Method::GET, &format!("{url}/metrics"), &[], "").await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let mut lines = text.lines();
    let line = lines.find(|line| line.split(' ').next() == Some(name));
    let value = line.and_then(|line| line.split(' ').nth(1)?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// Sends a request and waits for all of its answer.
///
/// # Panics
///
/// When there is none.
pub async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let request = headers
        .iter()
        .fold(Request::builder(), |request, (name, value)| {
            request.header(*name, *value)
        });
    let request = request.method(method).uri(url);
    let request = request.body(Full::new(body.into())).expect("a request");
    let client = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let (head, body) = client
            .request(request)
            .await
            .expect("an answer")
            .into_parts();
        let body = body.collect().await.expect("a complete answer");
        Response::from_parts(head, body.to_bytes())
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await;
    answer.expect("an answer in time")
}

/// Sends a request for keys as a current client does; status and JSON of the answer, `null` if it
/// is none.
pub async fn ask(url: &str, body: impl Into<Bytes>) -> (u16, Value) {
    let headers = [
        ("content-type", "application/json"),
        (SDK_VERSION_HEADER, "1.4.12"),
        (SDK_TYPE_HEADER, "typescript"),
    ];
    let answer = send(
        Method::POST,
        &format!("{url}{FETCH_KEY_PATH}"),
        &headers,
        body,
    )
    .await;
    assert!(
        answer.headers().contains_key(SERVER_VERSION_HEADER),
        "no version"
    );
    let value = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status().as_u16(), value)
}

/// Now, in ms since 1970.
///
/// # Panics
///
/// When the clock is before that.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_millis()).expect("not that late")
}

/// An account that asks key servers.
pub struct Reader {
    /// The chain.
    pub rpc: SuiRpc,
    /// The account.
    pub signer: Signer,
    /// The package of its policies.
    pub package: ObjectId,
}

impl Reader {
    /// A user of a network with key servers; to be made inside of a runtime.
    ///
    /// # Panics
    ///
    /// When there is no such user.
    pub fn new(network: &TestNetwork, user: usize) -> Self {
        let ready = &network.ready;
        let said = |value: &Value| value.as_str().expect("the ready line has it").to_owned();
        let secret = said(&ready["accounts"][user]["secret"]);
        Self {
            rpc: SuiRpc::new([said(&ready["rpc"])]).expect("a URL"),
            signer: Signer::from_suiprivkey(&secret).expect("a key"),
            package: said(&ready["packages"]["policies"]).parse().expect("an ID"),
        }
    }

    /// An identity that only this account can decrypt, without its package.
    pub fn identity(&self, last: u8) -> Vec<u8> {
        [&self.signer.address().0[..], &[last; 16]].concat()
    }

    /// A session key that the account has signed.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn session(&self) -> SessionKey {
        let (user, mut rng) = (self.signer.address(), rand::thread_rng());
        let session = SessionKey::generate(user, self.package, TTL_MIN, now_ms(), &mut rng);
        let mut session = session.expect("a session key");
        let message = session.message().expect("a time");
        let signature = self.signer.sign_personal_message(message.as_bytes());
        session.set_signature(signature).expect("our own signature");
        session
    }

    /// The program that asks one of our policies for identities.
    ///
    /// # Panics
    ///
    /// When the chain does not know what it needs.
    pub async fn program(&self, call: &ApprovalCall, identities: &[Vec<u8>]) -> ApprovalProgram {
        let program = self.rpc.approval_program(call, identities).await;
        ApprovalProgram::new(program.expect("a program")).expect("what key servers take")
    }

    /// A request for identities of this account, and what opens the answer.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub async fn request(&self, identities: &[Vec<u8>]) -> (FetchKeyRequest, EphemeralKey) {
        let call = ApprovalCall::new(self.package, "account", Vec::new());
        let program = self.program(&call, identities).await;
        sign(&program.to_bytes(), &self.session())
    }
}

/// A request with this program.
///
/// # Panics
///
/// When the session key was not signed.
pub fn sign(program: &[u8], session: &SessionKey) -> (FetchKeyRequest, EphemeralKey) {
    let key = EphemeralKey::generate(&mut rand::thread_rng());
    let request = FetchKeyRequest::sign(program, &key, session).expect("a signed session key");
    (request, key)
}

/// What a server that lies makes of an answer.
pub type Lie = Box<dyn Fn(Value) -> Said + Send + Sync>;

/// What a server that lies says instead.
pub enum Said {
    /// Another answer.
    Answer(Value),
    /// As many bytes of nothing.
    Bytes(usize),
    /// No, for this reason.
    Refusal(Code),
    /// That it is of this version.
    Version(&'static str),
    /// Nothing, ever.
    Nothing,
}

/// A key server that lies: a proxy in front of an honest one. It says the truth until
/// [`FalseKeyServer::tell`].
pub struct FalseKeyServer {
    lie: Arc<Mutex<Option<Lie>>>,
    serving: JoinHandle<()>,
}

struct Shared {
    upstream: String,
    lie: Arc<Mutex<Option<Lie>>>,
}

impl FalseKeyServer {
    /// A server at `http://ADDRESS:PORT`, in front of the one at `upstream`.
    ///
    /// # Panics
    ///
    /// When its port is not free.
    pub async fn start(url: &str, upstream: &str) -> Self {
        let address = url.trim_start_matches("http://");
        let listener = TcpListener::bind(address).await.expect("a free port");
        let lie: Arc<Mutex<Option<Lie>>> = Arc::default();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            lie: Arc::clone(&lie),
        });
        let app = Router::new().fallback(hand_on).with_state(shared);
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("it serves");
        });
        Self { lie, serving }
    }

    /// From now on it changes every answer to a request for keys like this.
    pub fn tell(&self, lie: impl Fn(Value) -> Said + Send + Sync + 'static) {
        *self.lie.lock() = Some(Box::new(lie));
    }
}

impl Drop for FalseKeyServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn hand_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a request").to_bytes();
    let path = head
        .uri
        .path_and_query()
        .map_or("/", |it| it.as_str())
        .to_owned();
    let names = ["content-type", SDK_VERSION_HEADER, SDK_TYPE_HEADER];
    let headers: Vec<(&str, &str)> = names
        .into_iter()
        .filter_map(|name| Some((name, head.headers.get(name)?.to_str().ok()?)))
        .collect();
    let url = format!("{}{path}", shared.upstream);
    let mut answer = send(head.method, &url, &headers, body).await;
    let said = {
        let lie = shared.lie.lock();
        let value = serde_json::from_slice(answer.body()).unwrap_or_default();
        lie.as_ref()
            .filter(|_| path == FETCH_KEY_PATH)
            .map(|lie| lie(value))
    };
    answer.headers_mut().remove("content-length");
    match said {
        None => {}
        Some(Said::Answer(value)) => *answer.body_mut() = value.to_string().into(),
        Some(Said::Bytes(count)) => *answer.body_mut() = vec![b' '; count].into(),
        Some(Said::Refusal(code)) => {
            *answer.status_mut() = StatusCode::from_u16(code.status()).expect("a status");
            let body = serde_json::to_vec(&Refusal::of(code).body());
            *answer.body_mut() = body.expect("JSON in memory").into();
        }
        Some(Said::Version(version)) => {
            let version = HeaderValue::from_static(version);
            answer.headers_mut().insert(SERVER_VERSION_HEADER, version);
        }
        Some(Said::Nothing) => std::future::pending().await,
    }
    answer.map(Body::from)
}
