//! Gateways as processes, and requests to them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, Error},
    rt::TokioExecutor,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{TestNetwork, binary, patience::PATIENCE, text};

/// An address whose port the system chooses.
const ANY_PORT: &str = "127.0.0.1:0";

type Body = Full<bytes::Bytes>;

/// A running `walrus aggregator`, `publisher`, `daemon` or `walrus-upload-relay`; killed when
/// dropped.
pub struct RunningGateway {
    child: Child,
    /// `http://ADDRESS:PORT`
    pub url: String,
    metrics_url: String,
    client: Client<hyper_util::client::legacy::connect::HttpConnector, Body>,
}

impl RunningGateway {
    /// Starts a gateway of a network on free ports; `arguments` begin with the command.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub fn start(network: &TestNetwork, arguments: &[&str]) -> Self {
        let mut command: Command = network.walrus_command();
        command.args(arguments);
        command.args(["--bind-address", ANY_PORT]);
        Self::run(command)
    }

    /// The same, with something that a shell does to the process before.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub fn start_after(prelude: &str, network: &TestNetwork, arguments: &[&str]) -> Self {
        let walrus = network.walrus_command();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{prelude}; exec \"$0\" \"$@\"")])
            .arg(walrus.get_program())
            .args(walrus.get_args())
            .args(arguments)
            .args(["--bind-address", ANY_PORT])
            .current_dir(network.folder());
        Self::run(command)
    }

    /// Starts an upload relay on free ports; `config` is the file that says what it asks for.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub fn start_relay(network: &TestNetwork, config: &str, more: &[&str]) -> Self {
        Self::start_relay_at(ANY_PORT, network, config, more)
    }

    /// The same at an address, such as that of one that has ended.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub fn start_relay_at(
        address: &str,
        network: &TestNetwork,
        config: &str,
        more: &[&str],
    ) -> Self {
        let file = network.folder().join("relay.yaml");
        std::fs::write(&file, config).expect("a writable temporary folder");
        let network_config = network.ready["client_config"].as_str();
        let mut command = Command::new(binary("walrus-upload-relay"));
        command
            .args(["--walrus-config", network_config.expect("a path")])
            .args(["--relay-config", text(&file)])
            .args(["--server-address", address])
            .args(more);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        command.args(["--metrics-address", ANY_PORT, "--json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut text = String::new();
        while !text.trim_end().ends_with('}') {
            let read = output.read_line(&mut text).expect("a readable pipe");
            assert!(
                read > 0,
                "the gateway ended instead of getting ready: {text}"
            );
        }
        let ready: Value = serde_json::from_str(&text).expect("a ready line");
        let field = |name: &str| ready[name].as_str().expect("a URL").to_owned();
        Self {
            child,
            url: field("url"),
            metrics_url: field("metricsUrl"),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Sends a request for a path.
    ///
    /// # Panics
    ///
    /// When there is no complete answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Response<bytes::Bytes> {
        let answer = self.try_send(method, path, headers, body.into()).await;
        answer.expect("a complete answer")
    }

    /// The same when the answer may be cut off.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: bytes::Bytes,
    ) -> Result<Response<bytes::Bytes>, String> {
        let request = headers
            .iter()
            .fold(Request::builder(), |request, (name, value)| {
                request.header(*name, *value)
            })
            .method(method)
            .uri(format!("{}{path}", self.url))
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let answer = self.client.request(request).await;
            let (head, body) = answer
                .map_err(|error: Error| error.to_string())?
                .into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await;
        answer.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// `GET` with headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response<bytes::Bytes> {
        self.send(Method::GET, path, headers, "").await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Response<bytes::Bytes> {
        self.get_with(path, &[]).await
    }

    /// Times from the request to the first bytes and to the last of a body of `length` bytes.
    ///
    /// # Panics
    ///
    /// When the body has another length.
    pub async fn timed_get(&self, path: &str, length: usize) -> (Duration, Duration) {
        let started = Instant::now();
        let request = Request::get(format!("{}{path}", self.url)).body(Body::default());
        let answer = self.client.request(request.expect("a request")).await;
        let mut body = answer.expect("an answer").into_body();
        let (mut first, mut received) = (None, 0);
        while let Some(frame) = body.frame().await {
            first.get_or_insert_with(|| started.elapsed());
            received += frame
                .expect("a frame")
                .into_data()
                .map_or(0, |data| data.len());
        }
        assert_eq!(received, length);
        (first.unwrap_or_default(), started.elapsed())
    }

    /// Most memory the process has had.
    ///
    /// # Panics
    ///
    /// When the system does not tell.
    pub fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.expect("the peak").trim().trim_end_matches("kB").trim();
        kib.parse::<u64>().expect("a number") * 1024
    }

    /// A metric's value; 0 while it has none.
    ///
    /// # Panics
    ///
    /// When the metrics are not served.
    pub async fn metric(&self, name: &str) -> u64 {
        let request = Request::get(&self.metrics_url).body(Body::default());
        let answer = self.client.request(request.expect("a request")).await;
        let body = answer.expect("an answer").into_body().collect().await;
        let text = String::from_utf8(body.expect("a body").to_bytes().to_vec()).expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |value| value.trim().parse().expect("a number"))
    }

    /// Where it listens: `ADDRESS:PORT`.
    ///
    /// # Panics
    ///
    /// When it has no URL.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("a URL")
    }

    /// Opens a connection and sends bytes.
    ///
    /// # Panics
    ///
    /// When there is no connection.
    pub fn connect(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        // The server may hang up before everything is sent.
        let _ = stream.write_all(request);
        stream
    }

    /// Ends the process at once, like a power cut.
    ///
    /// # Panics
    ///
    /// When it has ended already.
    pub fn kill(&mut self) {
        self.child.kill().expect("a running process");
        self.child.wait().expect("a child");
    }

    /// Asks the process to end.
    ///
    /// # Panics
    ///
    /// When the signal cannot be sent.
    pub fn terminate(&self) {
        let id = i32::try_from(self.child.id()).expect("a process ID");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("a running process");
    }

    /// Waits for the process to end; returns whether its exit code was 0.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn ended_well(&mut self) -> bool {
        self.child.wait().expect("a child").success()
    }
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        // One that has ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The reason in the envelope of a refusal.
///
/// # Panics
///
/// When it is no refusal.
pub fn reason(answer: &Response<bytes::Bytes>) -> String {
    let envelope: Value = serde_json::from_slice(answer.body()).expect("an envelope");
    assert_eq!(envelope["error"]["code"], answer.status().as_u16());
    let reason = &envelope["error"]["details"][0]["reason"];
    reason.as_str().expect("a reason").to_owned()
}
