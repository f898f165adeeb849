//! The handlers.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_with::{DisplayFromStr, serde_as};
use tokio::time::Instant;
use walrus_client::DistributeError;
use walrus_core::{
    BlobId, BlobPersistence, EncodingType, ObjectId, ProtocolCertificate, params,
    upload_relay::{AuthPayload, RelayedBlob, TIP_CONFIG_PATH, TipConfig, UPLOAD_PATH},
};
use walrus_http::{Connection, Received, Reception, discard};
use walrus_sui::{TransactionDigest, rpc::Payment};

use super::{
    RelayState,
    checks::{NONCE_BYTES, check_blob, check_payload, check_time, check_tip, tip_amount},
    error::RelayError,
};
use crate::extract::QueryOf;

/// How long a transaction is waited for that no full node has yet. Clients give up after about 30
/// seconds.
const TRANSACTION_PATIENCE: Duration = Duration::from_secs(15);
/// How often it is asked for.
const TRANSACTION_POLL: Duration = Duration::from_millis(250);

/// The parameters of an upload.
#[serde_as]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadQuery {
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    tx_id: Option<TransactionDigest>,
    #[serde(default)]
    nonce: Option<Nonce>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    deletable_blob_object: Option<ObjectId>,
    /// There is one; others are refused when the query is read.
    #[serde(default)]
    #[serde(rename = "encoding_type")]
    _encoding_type: Option<EncodingType>,
}

/// What only the sender of the tip knows, in base64url without padding.
#[derive(Debug, Clone, Copy)]
struct Nonce([u8; NONCE_BYTES]);

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        let nonce = bytes.try_into();
        nonce
            .map(Self)
            .map_err(|_| D::Error::custom("a nonce has 32 bytes"))
    }
}

/// What this relay asks for
#[utoipa::path(get, path = TIP_CONFIG_PATH, tag = "relay",
    responses((status = 200, description = "`\"no_tip\"`, or `send_tip` with the address and the kind: `const` in MIST, or `linear` with the encoded size")))]
pub(crate) async fn tip_config(State(relay): State<RelayState>) -> Json<TipConfig> {
    Json(relay.options.config.tip.clone())
}

/// Encode a blob, distribute it, and return what certifies it
#[utoipa::path(post, path = UPLOAD_PATH, tag = "relay",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The blob, which must be registered"),
    params(
        ("blob_id" = String, Query, description = "Its ID"),
        ("tx_id" = Option<String>, Query, description = "Digest of the transaction that pays the tip, whose first input says what for"),
        ("nonce" = Option<String>, Query, description = "The 32 bytes whose hash is in that input, in base64url without padding"),
        ("deletable_blob_object" = Option<String>, Query, description = "The blob object, if the blob is deletable"),
        ("encoding_type" = Option<String>, Query, description = "RS2"),
    ),
    responses(
        (status = 200, description = "The blob ID as numbers, and the certificate: signers, serialized_message, signature"),
        (status = 400, description = "A parameter is missing or wrong, the transaction is too old, or the bytes are another blob"),
        (status = 401, description = "The transaction was made for another blob or by another client"),
        (status = 402, description = "The transaction pays no tip, or too little"),
        (status = 404, description = "The transaction is not on chain yet: try again"),
        (status = 413, description = "The body is too large"),
        (status = 429, description = "Too many uploads: try again later"),
        (status = 500, description = "The chain cannot be read, or too few storage nodes confirmed: try again"),
        (status = 503, description = "Others hold the memory: try again later"),
    ))]
pub(crate) async fn upload(
    State(relay): State<RelayState>,
    Extension(connection): Extension<Arc<Connection>>,
    QueryOf(query): QueryOf<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RelayedBlob>, RelayError> {
    let payload = match relay.paid_for(&query, &headers).await {
        Ok(payload) => payload,
        Err(error) => {
            discard(body).await;
            return Err(error);
        }
    };
    let reception = Reception {
        connection: &connection,
        limits: &relay.limits,
        memory: &relay.memory,
    };
    let limit = relay.options.body_bytes_max;
    let received = reception.read(&headers, body, limit).await?;
    if let Some(payload) = &payload {
        check_blob(payload, &received.bytes).inspect_err(|_| {
            relay.metrics.auth_package_check_error.inc();
        })?;
    }
    let persistence = match query.deletable_blob_object {
        Some(object_id) => BlobPersistence::Deletable { object_id },
        None => BlobPersistence::Permanent,
    };
    let certificate = relay.relay(received, query.blob_id, persistence).await?;
    Ok(Json(RelayedBlob {
        blob_id: query.blob_id,
        confirmation_certificate: certificate,
    }))
}

impl RelayState {
    /// Checks, before the body is read, whatever does not need it. Returns what the blob must be;
    /// `None` without a tip.
    async fn paid_for(
        &self,
        query: &UploadQuery,
        headers: &HeaderMap,
    ) -> Result<Option<AuthPayload>, RelayError> {
        let limit = self.options.body_bytes_max;
        if announced(headers).is_some_and(|length| length > limit) {
            return Err(walrus_http::BodyError::TooLarge { limit }.into());
        }
        let TipConfig::SendTip { address, kind } = &self.options.config.tip else {
            return Ok(None);
        };
        let (Some(digest), Some(nonce)) = (query.tx_id, query.nonce) else {
            return Err(RelayError::TipNeeded);
        };
        let payment = self.payment(digest).await.inspect_err(|_| {
            self.metrics.get_transaction_error.inc();
        })?;
        check_time(&payment, &self.options.config, now()).inspect_err(|_| {
            self.metrics.freshness_check_error.inc();
        })?;
        let payload = check_payload(&payment, &nonce.0);
        // The tip depends on the length. What neither the client nor a payload tells is refused
        // below.
        let paid_for = payload.as_ref().map(|payload| payload.unencoded_length);
        let announced = announced(headers).map(|length| length as u64);
        let length = announced.or(paid_for.ok()).unwrap_or_default();
        let encoded = self.encoded_length(length).await?;
        check_tip(&payment, *address, tip_amount(kind, encoded)).inspect_err(|_| {
            self.metrics.tip_check_error.inc();
        })?;
        payload.map(Some).inspect_err(|_| {
            self.metrics.auth_package_check_error.inc();
        })
    }

    /// The transaction, which may be seconds behind the client.
    async fn payment(&self, digest: TransactionDigest) -> Result<Payment, RelayError> {
        let deadline = Instant::now() + TRANSACTION_PATIENCE;
        loop {
            if let Some(payment) = self.client.reader().rpc().payment(digest).await? {
                return Ok(payment);
            }
            if Instant::now() >= deadline {
                return Err(RelayError::UnknownTransaction(digest));
            }
            tokio::time::sleep(TRANSACTION_POLL).await;
        }
    }

    async fn encoded_length(&self, length: u64) -> Result<u64, RelayError> {
        let encoder = self.client.encoder().await.map_err(DistributeError::from)?;
        let n_shards = encoder.n_shards();
        params::encoded_length(n_shards, length)
            .ok_or_else(|| RelayError::TooLarge(params::max_blob_size(n_shards)))
    }

    /// Distributes a blob to its end, whether or not the client waits for it. The memory of the
    /// body is held as long.
    async fn relay(
        &self,
        received: Received,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> Result<ProtocolCertificate, RelayError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| RelayError::Busy)?;
        let relay = self.clone();
        let task = self.tasks.spawn(async move {
            let _admitted = admitted;
            let _running = relay
                .running
                .acquire()
                .await
                .expect("the semaphore is never closed");
            let blob = received.bytes.clone();
            let distributed = relay.client.distribute(blob, &blob_id, persistence).await;
            drop(received);
            distributed
        });
        let distributed = task.await.map_err(|_| RelayError::Broken)?;
        match &distributed {
            Ok(_) => self.metrics.blobs_uploaded.inc(),
            Err(DistributeError::OtherBlob { .. }) => self.metrics.blob_id_mismatch.inc(),
            Err(_) => 0,
        };
        Ok(distributed?)
    }
}

/// The length the client announces.
fn announced(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Time since 1970.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::{extract::Query, http::Uri};

    use super::*;

    fn parse(query: &str) -> Result<UploadQuery, String> {
        let uri: Uri = format!("/v1/blob-upload-relay?{query}").parse().unwrap();
        let query = Query::<UploadQuery>::try_from_uri(&uri);
        query
            .map(|query| query.0)
            .map_err(|error| error.body_text())
    }

    #[test]
    fn queries_are_read_as_clients_write_them() {
        let (blob, digest) = (BlobId([1; 32]), TransactionDigest::new([2; 32]));
        let (nonce, object) = (URL_SAFE_NO_PAD.encode([0xfb; 32]), ObjectId([3; 32]));
        let all = format!(
            "blob_id={blob}&tx_id={digest}&nonce={nonce}&deletable_blob_object={object}&encoding_type=RS2"
        );
        let query = parse(&all).unwrap();
        assert_eq!((query.blob_id, query.tx_id), (blob, Some(digest)));
        assert_eq!(query.nonce.unwrap().0, [0xfb; 32]);
        assert_eq!(query.deletable_blob_object, Some(object));
        assert!(parse(&format!("blob_id={blob}")).is_ok());
        for bad in [
            String::new(),
            "blob_id=x".to_owned(),
            format!("blob_id={blob}&other=1"),
            format!("blob_id={blob}&nonce={}", URL_SAFE_NO_PAD.encode([1; 31])),
            format!("blob_id={blob}&nonce=+%2F"),
            format!("blob_id={blob}&tx_id=0OIl"),
            format!("blob_id={blob}&deletable_blob_object=1z"),
            format!("blob_id={blob}&encoding_type=RS1"),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
