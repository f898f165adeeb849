//! One HTTP exchange: sending, bounded reading, and telling failures apart.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Method, Request, RequestBuilder, Response, StatusCode, Url};
use walrus_core::{node_api::ErrorEnvelope, text::printable};

use super::{
    error::NodeError,
    transport::{Transport, TransportError},
};
use crate::config::CommunicationConfig;

/// Time for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time without a byte after which a node is taken for silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Largest answer to a request that asks for no data, errors included, in bytes.
const SHORT_LENGTH_MAX: usize = 64 * 1024;
/// Longest message of a node that is passed on, in characters.
const MESSAGE_CHARS_MAX: usize = 200;

/// An HTTP client bound to one node.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    base: Url,
    timeout: Duration,
    /// Used instead of the client's connections.
    transport: Option<Arc<dyn Transport>>,
}

impl Http {
    pub(super) fn new(
        base: Url,
        tls: Option<rustls::ClientConfig>,
        config: &CommunicationConfig,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.total_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .http2_adaptive_window(true)
            .http2_keep_alive_timeout(config.http2_keep_alive_timeout)
            .http2_keep_alive_interval(config.http2_keep_alive_interval)
            .http2_keep_alive_while_idle(config.http2_keep_alive_while_idle)
            .pool_max_idle_per_host(config.max_node_connections.get());
        if let Some(idle) = config.pool_idle_timeout {
            builder = builder.pool_idle_timeout(idle);
        }
        // A proxy of the environment can never reach this machine.
        if config.disable_proxy || is_loopback(&base) {
            builder = builder.no_proxy();
        }
        builder = match tls {
            Some(tls) => builder.https_only(true).tls_backend_preconfigured(tls),
            // Never used for plain HTTP, but the library insists on a TLS configuration.
            None => builder.tls_backend_preconfigured(no_trust()),
        };
        Ok(Self {
            client: builder.build()?,
            base,
            timeout: config.total_timeout,
            transport: None,
        })
    }

    pub(super) fn set_transport(&mut self, transport: Arc<dyn Transport>) {
        self.transport = Some(transport);
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(path);
        self.client.request(method, url)
    }

    /// Sends a request that asks for something and reads the answer, at most `limit` bytes of it.
    /// Gives up when nothing arrives for a while, however long the whole answer may take.
    pub(super) async fn ask(
        &self,
        request: RequestBuilder,
        limit: usize,
    ) -> Result<Bytes, NodeError> {
        let (_, body) = self.exchange(request, limit, IDLE_TIMEOUT).await?;
        Ok(body)
    }

    /// Sends a request that carries much data and asks for something; only the time of the whole
    /// exchange is bounded.
    pub(super) async fn ask_slowly(
        &self,
        request: RequestBuilder,
        limit: usize,
    ) -> Result<Bytes, NodeError> {
        let (_, body) = self.exchange(request, limit, self.timeout).await?;
        Ok(body)
    }

    /// Sends a request whose answer is read part by part.
    pub(super) async fn open(&self, request: RequestBuilder) -> Result<Incoming, NodeError> {
        let response = self.respond(request, IDLE_TIMEOUT).await?;
        Ok(Incoming {
            http: self.clone(),
            response,
        })
    }

    /// Sends a request that carries data; only the time of the whole exchange is bounded, since
    /// sending alone may take long.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<StatusCode, NodeError> {
        let (status, _) = self
            .exchange(request, SHORT_LENGTH_MAX, self.timeout)
            .await?;
        Ok(status)
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        limit: usize,
        idle: Duration,
    ) -> Result<(StatusCode, Bytes), NodeError> {
        let response = self.respond(request, idle).await?;
        let status = response.status();
        Ok((status, self.body(response, limit, idle).await?))
    }

    /// The head of a successful answer.
    async fn respond(
        &self,
        request: RequestBuilder,
        idle: Duration,
    ) -> Result<Response, NodeError> {
        let started = tokio::time::Instant::now();
        let (client, request) = request.build_split();
        let request = request.map_err(|error| self.failure(&error))?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let sent = match patiently(idle, self.execute(&client, request)).await {
            Ok(sent) => sent,
            Err(silent) => Err(silent),
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let elapsed = started.elapsed();
                tracing::debug!(node = %self.base, %method, path, %error, ?elapsed, "request failed");
                return Err(error);
            }
        };
        let status = response.status();
        let elapsed = started.elapsed();
        tracing::debug!(node = %self.base, %method, path, status = status.as_u16(), ?elapsed, "request answered");
        if status.is_success() {
            return Ok(response);
        }
        let body = self
            .body(response, SHORT_LENGTH_MAX, idle)
            .await
            .unwrap_or_default();
        Err(refusal(status, &body))
    }

    async fn execute(&self, client: &Client, request: Request) -> Result<Response, NodeError> {
        let Some(transport) = &self.transport else {
            let sent = client.execute(request).await;
            return sent.map_err(|error| self.failure(&error));
        };
        transport.send(request).await.map_err(|error| match error {
            TransportError::Unreachable(reason) => NodeError::Unreachable(reason),
            TransportError::Broken(reason) => NodeError::Transport(reason),
        })
    }

    async fn body(
        &self,
        mut response: Response,
        limit: usize,
        idle: Duration,
    ) -> Result<Bytes, NodeError> {
        let too_long =
            || NodeError::InvalidAnswer(format!("the answer is longer than {limit} bytes"));
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_long());
        }
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
        loop {
            let chunk = patiently(idle, response.chunk()).await?;
            let Some(chunk) = chunk.map_err(|error| self.failure(&error))? else {
                return Ok(body.freeze());
            };
            if body.len() + chunk.len() > limit {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
    }

    fn failure(&self, error: &reqwest::Error) -> NodeError {
        if is_pinning_failure(error) {
            return NodeError::WrongNetworkKey;
        }
        if error.is_connect() {
            return NodeError::Unreachable(root_cause(error));
        }
        if error.is_timeout() {
            return NodeError::Timeout(self.timeout);
        }
        NodeError::Transport(root_cause(error))
    }
}

/// The body of a successful answer, as it arrives.
#[derive(Debug)]
pub(super) struct Incoming {
    http: Http,
    response: Response,
}

impl Incoming {
    /// The next part; `None` at the end. Gives up when nothing arrives for a while.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, NodeError> {
        let chunk = patiently(IDLE_TIMEOUT, self.response.chunk()).await?;
        chunk.map_err(|error| self.http.failure(&error))
    }
}

/// Bounds one wait for the node.
async fn patiently<T>(idle: Duration, wait: impl Future<Output = T>) -> Result<T, NodeError> {
    tokio::time::timeout(idle, wait)
        .await
        .map_err(|_| NodeError::Timeout(idle))
}

/// A TLS configuration that trusts nobody.
fn no_trust() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

fn sources<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}

/// The innermost error: what the operating system or the TLS library said.
fn root_cause(error: &reqwest::Error) -> String {
    let causes = sources(error);
    let texts = causes
        .map(ToString::to_string)
        .filter(|text| !text.is_empty());
    texts.last().unwrap_or_else(|| "unknown cause".to_owned())
}

/// Whether the server's certificate was refused anywhere down the chain of causes.
///
/// I/O errors wrap other errors without naming them as their source, sometimes several deep.
fn is_pinning_failure(error: &(dyn StdError + 'static)) -> bool {
    sources(error).any(|cause| {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return matches!(tls, rustls::Error::InvalidCertificate(_));
        }
        let wrapped = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        wrapped.is_some_and(|inner| is_pinning_failure(inner))
    })
}

fn refusal(status: StatusCode, body: &[u8]) -> NodeError {
    let status = status.as_u16();
    match serde_json::from_slice::<ErrorEnvelope>(body) {
        Ok(envelope) => NodeError::Refused {
            status,
            reason: envelope.reason(),
            message: shorten(&envelope.error.message),
        },
        // Some refusals are plain text: oversized bodies, wrong paths, proxies in between.
        Err(_) => NodeError::Refused {
            status,
            reason: None,
            message: shorten(&String::from_utf8_lossy(body)),
        },
    }
}

/// The first line of a text from outside, bounded and fit to be shown.
fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.is_empty() {
        return "no message".to_owned();
    }
    let start: String = line.chars().take(MESSAGE_CHARS_MAX).collect();
    printable(&start).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(shorten("  plain\x1b[31m\nsecond"), r"plain\u{1b}[31m");
        assert_eq!(shorten(""), "no message");
        assert_eq!(
            shorten(&"ä".repeat(1000)).chars().count(),
            MESSAGE_CHARS_MAX
        );
    }

    #[test]
    fn loopback_is_recognised() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://example.org", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
