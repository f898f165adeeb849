//! Uploads through a relay, which encodes and distributes what this client registers and certifies.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use rand::RngCore as _;
use reqwest::{Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use stdx::Mutex;
use walrus_core::{
    BlobId, BlobPersistence, ProtocolCertificate,
    text::printable,
    upload_relay::{AuthPayload, RelayedBlob, TIP_CONFIG_PATH, TipConfig, UPLOAD_PATH},
};
use walrus_sui::{Executor, SuiError, TransactionDigest, contract::tip};

use crate::{backoff::Waits, config::Backoff, environment::Environment};

/// Time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for an upload and its answer.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3600);
/// Time for the question what the relay asks for.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer: a certificate of the largest committee, whose message comes as a list of
/// numbers.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Longest text of a relay that is passed on, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 32;

/// Why nothing came of an upload through a relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayFailure {
    /// Its URL is none.
    #[error("{0:?} is no URL of an upload relay")]
    Url(String),
    /// It cannot be reached, or the connection broke.
    #[error("the upload relay cannot be reached: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("the upload relay refused with status {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// Its answer cannot be understood.
    #[error("the answer of the upload relay makes no sense: {0}")]
    InvalidAnswer(String),
    /// The tip could not be paid.
    #[error("the tip for the upload relay could not be paid: {0}")]
    Tip(SuiError),
    /// The tip is more than there can be.
    #[error("the upload relay asks for a tip that nobody can pay")]
    TooDear,
}

impl RelayFailure {
    /// Whether the same request may succeed a little later.
    fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            // 404: its full node does not have the transaction of the tip yet.
            Self::Refused { status, .. } => matches!(status, 404 | 429) || *status >= 500,
            _ => false,
        }
    }
}

/// A tip that was paid for a blob, and the secret that shows who paid it.
#[derive(Debug, Clone, Copy)]
struct PaidTip {
    transaction: TransactionDigest,
    nonce: [u8; NONCE_BYTES],
}

/// A relay, and what it asks for.
#[derive(Debug)]
pub struct UploadRelay {
    base: String,
    http: reqwest::Client,
    tip: TipConfig,
    /// A blob that is sent again is not paid for again.
    paid: Mutex<HashMap<BlobId, PaidTip>>,
}

/// A blob that is registered, on its way to a relay.
pub(crate) struct ToRelay<'a> {
    pub blob_id: BlobId,
    pub persistence: BlobPersistence,
    pub blob: Bytes,
    pub encoded_length: u64,
    pub executor: &'a Executor,
    pub backoff: Backoff,
    pub environment: &'a Environment,
}

impl UploadRelay {
    /// Asks the relay at a URL, which may have a path, what it wants.
    pub async fn connect(url: &str) -> Result<Self, RelayFailure> {
        // Whoever installs a provider first wins; any provider will do.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let provider: Result<(), Arc<_>> =
                rustls::crypto::ring::default_provider().install_default();
            drop(provider);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unreachable(&error))?;
        let base = url.trim_end_matches('/').to_owned();
        let question = http
            .get(below(&base, TIP_CONFIG_PATH)?)
            .timeout(QUESTION_TIMEOUT);
        let answer = question.send().await.map_err(|error| unreachable(&error))?;
        Ok(Self {
            tip: read(answer).await?,
            paid: Mutex::default(),
            base,
            http,
        })
    }

    /// The tip in MIST for a blob with this encoded length; 0 if none is asked for.
    pub fn tip_mist(&self, encoded_length: u64) -> Result<u64, RelayFailure> {
        match &self.tip {
            TipConfig::NoTip => Ok(0),
            TipConfig::SendTip { kind, .. } => {
                kind.amount(encoded_length).ok_or(RelayFailure::TooDear)
            }
        }
    }

    /// Pays for a blob, once, and sends it until there is a certificate or a refusal that stands.
    pub(crate) async fn upload(
        &self,
        upload: &ToRelay<'_>,
    ) -> Result<ProtocolCertificate, RelayFailure> {
        let paid = self.pay(upload).await?;
        let mut waits = Waits::new(upload.backoff, upload.environment);
        loop {
            let error = match self.send(upload, paid).await {
                Ok(relayed) if relayed.blob_id == upload.blob_id => {
                    return Ok(relayed.confirmation_certificate);
                }
                Ok(relayed) => {
                    let text = format!("it is about blob {}", relayed.blob_id);
                    return Err(RelayFailure::InvalidAnswer(text));
                }
                Err(error) => error,
            };
            let wait = if error.is_transient() {
                waits.next()
            } else {
                None
            };
            let Some(wait) = wait else {
                return Err(error);
            };
            tracing::debug!(%error, "sending the blob to the relay again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn pay(&self, upload: &ToRelay<'_>) -> Result<Option<PaidTip>, RelayFailure> {
        let TipConfig::SendTip { address, .. } = &self.tip else {
            return Ok(None);
        };
        if let Some(paid) = self.paid.lock().get(&upload.blob_id) {
            return Ok(Some(*paid));
        }
        let mist = self.tip_mist(upload.encoded_length)?;
        let mut nonce = [0; NONCE_BYTES];
        ambient::rng().fill_bytes(&mut nonce);
        let payload = AuthPayload {
            blob_digest: Sha256::digest(&upload.blob).into(),
            nonce_digest: Sha256::digest(nonce).into(),
            unencoded_length: upload.blob.len() as u64,
        };
        let program = tip(&payload, mist, *address);
        let executed = upload.executor.run(&program).await;
        let paid = PaidTip {
            transaction: executed.map_err(RelayFailure::Tip)?.digest,
            nonce,
        };
        self.paid.lock().insert(upload.blob_id, paid);
        Ok(Some(paid))
    }

    async fn send(
        &self,
        upload: &ToRelay<'_>,
        paid: Option<PaidTip>,
    ) -> Result<RelayedBlob, RelayFailure> {
        let url = self.upload_url(upload, paid)?;
        let request = self.http.post(url).timeout(UPLOAD_TIMEOUT);
        let answer = request.body(upload.blob.clone()).send().await;
        read(answer.map_err(|error| unreachable(&error))?).await
    }

    fn upload_url(&self, upload: &ToRelay<'_>, paid: Option<PaidTip>) -> Result<Url, RelayFailure> {
        let mut url = below(&self.base, UPLOAD_PATH)?;
        let mut query = url.query_pairs_mut();
        query.append_pair("blob_id", &upload.blob_id.to_string());
        if let BlobPersistence::Deletable { object_id } = upload.persistence {
            query.append_pair("deletable_blob_object", &object_id.to_string());
        }
        if let Some(PaidTip { transaction, nonce }) = paid {
            query.append_pair("tx_id", &transaction.to_string());
            query.append_pair("nonce", &URL_SAFE_NO_PAD.encode(nonce));
        }
        drop(query);
        Ok(url)
    }
}

/// A path below the URL of a relay.
fn below(base: &str, path: &str) -> Result<Url, RelayFailure> {
    // A base without a host would take the beginning of the path for one.
    let url = Url::parse(base).ok();
    let url = url.and_then(|_| Url::parse(&format!("{base}{path}")).ok());
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| RelayFailure::Url(shorten(base)))
}

async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, RelayFailure> {
    let status = answer.status();
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let text = format!("it is longer than {ANSWER_BYTES_MAX} bytes");
            return Err(RelayFailure::InvalidAnswer(text));
        }
        body.extend_from_slice(&chunk);
    }
    if status != StatusCode::OK {
        return Err(RelayFailure::Refused {
            status: status.as_u16(),
            text: shorten(&String::from_utf8_lossy(&body)),
        });
    }
    serde_json::from_slice(&body)
        .map_err(|error| RelayFailure::InvalidAnswer(shorten(&error.to_string())))
}

fn unreachable(error: &reqwest::Error) -> RelayFailure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    RelayFailure::Unreachable(shorten(&cause.to_string()))
}

/// The beginning of a text from outside, fit to be shown.
fn shorten(text: &str) -> String {
    let start: String = text.trim().chars().take(TEXT_CHARS_MAX).collect();
    printable(&start).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_may_live_below_a_path() {
        let url = below("https://relay.example/walrus", UPLOAD_PATH).unwrap();
        let expected = "https://relay.example/walrus/v1/blob-upload-relay";
        assert_eq!(url.as_str(), expected);
        for wrong in ["", "relay.example", "ftp://relay.example", "https://"] {
            assert!(below(wrong, UPLOAD_PATH).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let refused = |status| RelayFailure::Refused {
            status,
            text: String::new(),
        };
        for status in [404, 429, 500, 503] {
            assert!(refused(status).is_transient(), "{status}");
        }
        for status in [400, 401, 402, 413] {
            assert!(!refused(status).is_transient(), "{status}");
        }
        assert!(!RelayFailure::TooDear.is_transient());
    }
}
