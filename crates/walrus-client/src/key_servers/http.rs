//! One exchange with one key server.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use reqwest::{RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use walrus_core::{ObjectId, text::printable};
use walrus_seal::{
    FetchKeyRequest, FetchKeyResponse, Refusal,
    refusal::RefusalBody,
    request::{
        FETCH_KEY_PATH, REQUEST_ID_HEADER, SDK_TYPE_HEADER, SDK_VERSION_HEADER,
        SERVER_VERSION_HEADER, SERVICE_PATH, ServiceResponse,
    },
};

/// Longest answer: the keys of the largest request, whose identities come back as lists of numbers.
const ANSWER_BYTES_MAX: usize = 2 << 20;
/// Longest text of a server that is passed on, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// Why one server gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyServerError {
    /// It cannot be reached.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("it did not answer within {0:?}")]
    Timeout(Duration),
    /// Its answer cannot be understood.
    #[error("its answer makes no sense: {0}")]
    InvalidAnswer(String),
    /// It refused.
    #[error("{0}")]
    Refused(Refusal),
    /// It refused in words of its own; a proxy in between may.
    #[error("it refused with status {status}: {text}")]
    OtherRefusal {
        /// The HTTP status.
        status: u16,
        /// The text.
        text: String,
    },
    /// It does not say which version it is of, or one that is too old.
    #[error("its version {0:?} is not supported")]
    OldVersion(String),
    /// It gave a key that is not the one of the identity.
    #[error("it gave a wrong key")]
    WrongKey,
    /// It gave no key for an identity that was asked for.
    #[error("it did not give all keys")]
    MissingKey,
    /// What the chain says of it cannot be used.
    #[error("{0}")]
    Registration(String),
}

impl KeyServerError {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) => true,
            Self::Refused(refusal) => refusal.code.is_transient(),
            Self::OtherRefusal { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// What an operator demands of those who ask.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Name of the header.
    pub header: String,
    /// Its value. Secret.
    pub key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.header)
    }
}

/// As what kind of client requests are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdkType {
    /// A client.
    Rust,
    /// Whoever collects answers of a committee.
    Aggregator,
}

impl SdkType {
    /// The text of the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Aggregator => "aggregator",
        }
    }
}

/// Sends requests to key servers.
#[derive(Debug, Clone)]
pub struct KeyServerHttp {
    client: reqwest::Client,
    timeout: Duration,
    sdk_type: SdkType,
    sdk_version: &'static str,
    server_version_min: semver::Version,
}

impl KeyServerHttp {
    /// Requests of one kind of client. Servers must say that they are of `server_version_min` or
    /// newer.
    pub fn new(
        timeout: Duration,
        sdk_type: SdkType,
        sdk_version: &'static str,
        server_version_min: semver::Version,
    ) -> Result<Self, KeyServerError> {
        // Whoever installs a provider first wins; any provider will do.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let provider: Result<(), Arc<_>> =
                rustls::crypto::ring::default_provider().install_default();
            drop(provider);
        }
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| KeyServerError::Unreachable(error.to_string()))?;
        Ok(Self {
            client,
            timeout,
            sdk_type,
            sdk_version,
            server_version_min,
        })
    }

    /// Asks for keys.
    pub async fn fetch_keys(
        &self,
        base: &str,
        credentials: Option<&Credentials>,
        request_id: &str,
        request: &FetchKeyRequest,
    ) -> Result<FetchKeyResponse, KeyServerError> {
        let request = self.client.post(url(base, FETCH_KEY_PATH)?).json(request);
        self.exchange(request, credentials, request_id).await
    }

    /// Asks for the proof that a server has the key of its object.
    pub async fn proof(
        &self,
        base: &str,
        credentials: Option<&Credentials>,
        server: ObjectId,
    ) -> Result<ServiceResponse, KeyServerError> {
        let mut url = url(base, SERVICE_PATH)?;
        url.query_pairs_mut()
            .append_pair("service_id", &server.to_string());
        let request = self.client.get(url);
        self.exchange(request, credentials, &server.to_string())
            .await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        mut request: RequestBuilder,
        credentials: Option<&Credentials>,
        request_id: &str,
    ) -> Result<T, KeyServerError> {
        request = request
            .header(SDK_TYPE_HEADER, self.sdk_type.as_str())
            .header(SDK_VERSION_HEADER, self.sdk_version)
            .header(REQUEST_ID_HEADER, request_id);
        if let Some(Credentials { header, key }) = credentials {
            request = request.header(header, key);
        }
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        let status = response.status();
        let version = self.check_version(&response);
        let body = self.body(response).await?;
        if !status.is_success() {
            return Err(refusal(status.as_u16(), &body));
        }
        version?;
        serde_json::from_slice(&body)
            .map_err(|error| KeyServerError::InvalidAnswer(shorten(&error.to_string())))
    }

    fn check_version(&self, response: &Response) -> Result<(), KeyServerError> {
        let text = response
            .headers()
            .get(SERVER_VERSION_HEADER)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match text.parse::<semver::Version>() {
            Ok(version) if version >= self.server_version_min => Ok(()),
            _ => Err(KeyServerError::OldVersion(shorten(text))),
        }
    }

    async fn body(&self, mut response: Response) -> Result<BytesMut, KeyServerError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.failure(&error))?
        {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(KeyServerError::InvalidAnswer(format!(
                    "it is longer than {ANSWER_BYTES_MAX} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failure(&self, error: &reqwest::Error) -> KeyServerError {
        if error.is_timeout() {
            return KeyServerError::Timeout(self.timeout);
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        KeyServerError::Unreachable(shorten(&cause.to_string()))
    }
}

/// A path below the URL that a server registered.
fn url(base: &str, path: &str) -> Result<Url, KeyServerError> {
    let joined = format!("{}{path}", base.trim_end_matches('/'));
    let url = Url::parse(&joined).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| KeyServerError::Registration(format!("its URL {:?} is none", shorten(base))))
}

fn refusal(status: u16, body: &[u8]) -> KeyServerError {
    let parsed = serde_json::from_slice::<RefusalBody>(body).ok();
    match parsed.and_then(RefusalBody::parse) {
        Some(Refusal { code, message }) => KeyServerError::Refused(Refusal {
            code,
            message: shorten(&message),
        }),
        None => KeyServerError::OtherRefusal {
            status,
            text: shorten(&String::from_utf8_lossy(body)),
        },
    }
}

/// The beginning of a text from outside, fit to be shown.
fn shorten(text: &str) -> String {
    let start: String = text.trim().chars().take(TEXT_CHARS_MAX).collect();
    printable(&start).into_owned()
}
