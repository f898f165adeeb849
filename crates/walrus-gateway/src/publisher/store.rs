//! Storing a blob, and what becomes of its object.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::{FromRequestParts, State},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use tokio::task::spawn_blocking;
use walrus_client::{
    BlobInput, BlobToStore, ClientError, ObjectReuse, StorageDuration, StoreOptions, StoreOutcome,
    StoredBlob, progress::no_progress, results::BlobStoreResult,
};
use walrus_core::{EpochCount, SuiAddress};
use walrus_http::{Connection, Received, Reception};
use walrus_sui::{
    Unrecorded,
    contract::{Attributes, Call},
};

use super::{
    Publisher,
    auth::{Asked, Permit},
    error::StoreError,
    wallets::InUse,
};

/// Attributes of one blob.
const ATTRIBUTES_MAX: usize = 32;
/// Bytes of all attributes of one blob.
const ATTRIBUTE_BYTES_MAX: usize = 16 * 1024;
/// The attribute readers get as the type of the content.
const CONTENT_TYPE: &str = "content-type";
/// Types that say nothing: clients send them without being asked.
const MEANINGLESS_TYPES: [&str; 2] = [
    "application/octet-stream",
    "application/x-www-form-urlencoded",
];

/// Who gets the object of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    /// The main account of the publisher; or nobody, if it burns objects.
    Publisher,
    /// Another account.
    Account(SuiAddress),
    /// Everybody.
    Shared,
}

/// What the query of a store asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreQuery {
    epochs: EpochCount,
    permanent: bool,
    force: bool,
    reuse_resources: bool,
    destination: Destination,
    pub(crate) attributes: Attributes,
}

impl StoreQuery {
    fn parse(query: &str) -> Result<Self, StoreError> {
        let mut parsed = Self {
            epochs: 1,
            permanent: false,
            force: false,
            reuse_resources: false,
            destination: Destination::Publisher,
            attributes: Attributes::new(),
        };
        let (mut deletable, mut share, mut receiver) = (false, false, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "epochs" => parsed.epochs = number(&key, &value)?,
                "permanent" => parsed.permanent = flag(&key, &value)?,
                "deletable" => deletable = flag(&key, &value)?,
                "force" => parsed.force = flag(&key, &value)?,
                "reuse_resources" => parsed.reuse_resources = flag(&key, &value)?,
                "share" => share = flag(&key, &value)?,
                "send_object_to" => receiver = Some(address(&value)?),
                "encoding_type" if !value.eq_ignore_ascii_case("RS2") => {
                    return Err(StoreError::malformed("the only encoding_type is RS2"));
                }
                "attribute" => parsed.attributes.push(attribute(&value)?),
                // What is not known is ignored.
                _ => {}
            }
        }
        if parsed.epochs == 0 {
            return Err(StoreError::malformed(
                "a blob is stored for at least one epoch",
            ));
        }
        if parsed.permanent && deletable {
            return Err(StoreError::InvalidPersistence);
        }
        parsed.destination = match (receiver, share) {
            (Some(_), true) => {
                let text = "send_object_to and share exclude each other";
                return Err(StoreError::Plain(text.to_owned()));
            }
            (Some(receiver), false) => Destination::Account(receiver),
            (None, true) if !parsed.permanent => {
                let text = "deletable blobs cannot be shared: add permanent=true";
                return Err(StoreError::malformed(text));
            }
            (None, true) => Destination::Shared,
            (None, false) => Destination::Publisher,
        };
        check_attributes(&parsed.attributes)?;
        Ok(parsed)
    }

    fn options(&self) -> StoreOptions {
        StoreOptions {
            duration: StorageDuration::Epochs(self.epochs),
            deletable: !self.permanent,
            force: self.force,
            ignore_resources: !self.reuse_resources,
            // Who says what is to become of the object wants one.
            needs_object: !self.attributes.is_empty()
                || !matches!(self.destination, Destination::Publisher),
            reuse: ObjectReuse::Any,
        }
    }

    pub(crate) fn asked(&self, headers: &HeaderMap) -> Asked {
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        Asked {
            epochs: self.epochs,
            send_object_to: match self.destination {
                Destination::Account(receiver) => Some(receiver),
                Destination::Publisher | Destination::Shared => None,
            },
            announced,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StoreQuery {
    type Rejection = StoreError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StoreError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

fn number(key: &str, value: &str) -> Result<u32, StoreError> {
    value.parse().map_err(|_| {
        StoreError::Plain(format!(
            "Failed to deserialize query string: {key} is no number of 32 bits"
        ))
    })
}

fn flag(key: &str, value: &str) -> Result<bool, StoreError> {
    value.parse().map_err(|_| {
        StoreError::Plain(format!(
            "Failed to deserialize query string: {key} is neither true nor false"
        ))
    })
}

fn address(value: &str) -> Result<SuiAddress, StoreError> {
    value.parse().map_err(|_| {
        StoreError::Plain(
            "Failed to deserialize query string: send_object_to is no address".to_owned(),
        )
    })
}

/// `NAME=VALUE`
fn attribute(value: &str) -> Result<(String, String), StoreError> {
    match value.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(StoreError::malformed("an attribute is written NAME=VALUE")),
    }
}

fn check_attributes(attributes: &Attributes) -> Result<(), StoreError> {
    let bytes: usize = attributes
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if attributes.len() > ATTRIBUTES_MAX || bytes > ATTRIBUTE_BYTES_MAX {
        return Err(StoreError::malformed(format!(
            "a blob has at most {ATTRIBUTES_MAX} attributes, and {ATTRIBUTE_BYTES_MAX} bytes of them"
        )));
    }
    Ok(())
}

/// Store a blob
#[utoipa::path(put, path = crate::paths::BLOBS, tag = "publisher",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The blob. A `Content-Type` that says something becomes an attribute, which readers by object ID get back"),
    params(
        ("epochs" = Option<u32>, Query, description = "Epochs to store it, the current one included; 1 by default"),
        ("permanent" = Option<bool>, Query, description = "Nobody can delete it before its time"),
        ("send_object_to" = Option<String>, Query, description = "Address that gets the blob object"),
        ("share" = Option<bool>, Query, description = "Make a shared blob, which everybody can extend; needs permanent=true"),
        ("attribute" = Option<String>, Query, description = "NAME=VALUE; can be repeated"),
        ("force" = Option<bool>, Query, description = "Store it even if it is available already"),
        ("reuse_resources" = Option<bool>, Query, description = "Use storage and registrations that the publisher owns"),
        ("encoding_type" = Option<String>, Query, description = "RS2"),
    ),
    responses(
        (status = 200, description = "newlyCreated or alreadyCertified, as `walrus store --json`"),
        (status = 400, description = "MALFORMED_REQUEST, INVALID_BLOB_PERSISTENCE"),
        (status = 401, description = "A token is missing or not valid"),
        (status = 403, description = "The token is not good for this"),
        (status = 409, description = "TOKEN_ALREADY_USED"),
        (status = 413, description = "The body is too large"),
        (status = 429, description = "Too many requests: try again later"),
        (status = 503, description = "INSUFFICIENT_FUNDS, UNAVAILABLE: try again later"),
        (status = 504, description = "INSUFFICIENT_CONFIRMATIONS"),
    ))]
pub(crate) async fn put_blob(
    State(publisher): State<Publisher>,
    Extension(connection): Extension<Arc<Connection>>,
    query: StoreQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, StoreError> {
    let permit = publisher.permit(&headers, &query).await?;
    let limit = publisher.options.body_bytes_max;
    let received = publisher
        .receive(&connection, &headers, body, limit)
        .await?;
    if let Some(permit) = &permit {
        permit.check_size(received.bytes.len() as u64)?;
    }
    let blob = NewBlob {
        bytes: received.bytes.clone(),
        content_type: meaningful_type(&headers),
        query,
    };
    let result = publisher
        .detached(received, |publisher| publisher.store(blob))
        .await?;
    Ok(Json(result).into_response())
}

fn meaningful_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.trim();
    let essence = value.split(';').next().unwrap_or_default().trim();
    let is_meaningless = essence.is_empty()
        || MEANINGLESS_TYPES
            .iter()
            .any(|type_| essence.eq_ignore_ascii_case(type_));
    (!is_meaningless).then(|| value.to_owned())
}

/// A blob that has arrived.
pub(super) struct NewBlob {
    pub(super) bytes: Bytes,
    /// Becomes an attribute of a new object.
    pub(super) content_type: Option<String>,
    pub(super) query: StoreQuery,
}

impl Publisher {
    pub(super) async fn permit(
        &self,
        headers: &HeaderMap,
        query: &StoreQuery,
    ) -> Result<Option<Permit>, StoreError> {
        let Some(auth) = self.auth.clone() else {
            return Ok(None);
        };
        let (headers, asked) = (headers.clone(), query.asked(headers));
        let checked = spawn_blocking(move || auth.permit(&headers, &asked)).await;
        let permit = checked.map_err(|error| StoreError::internal(&error))?;
        Ok(Some(permit?))
    }

    pub(super) async fn receive(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<Received, StoreError> {
        let reception = Reception {
            connection,
            limits: &self.limits,
            memory: &self.uploads,
        };
        Ok(reception.read(headers, body, bytes_max).await?)
    }

    /// Runs a store to its end, whether or not the client waits for it: what was paid for is not
    /// given up because a connection breaks. The memory of the body is held as long.
    pub(super) async fn detached<T, F>(
        &self,
        received: Received,
        work: impl FnOnce(Self) -> F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let work = work(self.clone());
        let task = self.tasks.spawn(async move {
            let _memory = received;
            work.await
        });
        task.await.map_err(|error| StoreError::internal(&error))?
    }

    /// Stores a blob and hands over its object.
    pub(super) async fn store(self, blob: NewBlob) -> Result<BlobStoreResult, StoreError> {
        let wallet = self.wallets.take().await;
        let input = BlobToStore {
            input: BlobInput::Bytes(blob.bytes),
            // They are set when the object is handed over, in the same transaction.
            attributes: Attributes::new(),
        };
        let options = blob.query.options();
        let progress = no_progress();
        let results = wallet
            .client()
            .store_labelled(vec![input], &options, &progress)
            .await?;
        let mut result = results.into_iter().next().ok_or(StoreError::NoResult)?;
        if let Ok(StoreOutcome::Stored(stored)) = &mut result {
            let mut attributes = blob.query.attributes.clone();
            if let Some(content_type) = blob.content_type
                && !attributes
                    .iter()
                    .any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE))
            {
                attributes.push((CONTENT_TYPE.to_owned(), content_type));
            }
            self.hand_over(&wallet, stored, attributes, blob.query.destination)
                .await?;
        }
        match result {
            Ok(_) => Ok(BlobStoreResult::from(&result)),
            Err(error) => Err(StoreError::of_blob(error)),
        }
    }

    /// Labels the object and gives it to whom it belongs, in one transaction.
    async fn hand_over(
        &self,
        wallet: &InUse,
        stored: &mut StoredBlob,
        attributes: Attributes,
        destination: Destination,
    ) -> Result<(), StoreError> {
        let object = stored.object.id;
        let labelled = if attributes.is_empty() {
            Call::empty()
        } else {
            Call::set_attributes(object, attributes)
        };
        let call = match destination {
            Destination::Account(receiver) => labelled.then(Call::transfer(vec![object], receiver)),
            Destination::Shared => labelled.then(Call::share_blobs(vec![object])),
            Destination::Publisher if self.options.burn_after_store => {
                Call::burn_blobs(vec![object])
            }
            Destination::Publisher => {
                labelled.then(Call::transfer(vec![object], self.wallets.main_address()))
            }
        };
        let contract = wallet.client().contract()?;
        let handed_over = contract.submit(&call, &Unrecorded).await;
        let paid = handed_over.map_err(|cause| StoreError::NotHandedOver {
            object,
            cause: Box::new(cause),
        })?;
        stored.transactions.push(paid.executed.digest.to_string());
        stored.gas_mist += paid.executed.gas_mist;
        if destination == Destination::Shared {
            let shared = paid.executed.only_created("shared_blob", "SharedBlob");
            stored.shared_object = Some(shared.map_err(ClientError::from)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_say_what_becomes_of_a_blob() {
        let parsed = StoreQuery::parse("").unwrap();
        assert_eq!((parsed.epochs, parsed.permanent), (1, false));
        assert_eq!(parsed.destination, Destination::Publisher);
        let parsed = StoreQuery::parse(
            "epochs=5&permanent=true&share=true&attribute=a%3Db%3Dc&attribute=x%3D&unknown=1&encoding_type=rs2",
        )
        .unwrap();
        assert_eq!(parsed.destination, Destination::Shared);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parsed.attributes, [pair("a", "b=c"), pair("x", "")]);
        let address = format!("send_object_to=0x{}", "07".repeat(32));
        let parsed = StoreQuery::parse(&address).unwrap();
        assert_eq!(
            parsed.destination,
            Destination::Account(SuiAddress([7; 32]))
        );
        assert!(parsed.options().needs_object);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let many = "attribute=a%3D1&".repeat(ATTRIBUTES_MAX + 1);
        let long = format!("attribute=a%3D{}", "b".repeat(ATTRIBUTE_BYTES_MAX));
        for query in [
            "epochs=0",
            "epochs=-1",
            "epochs=4294967296",
            "epochs=",
            "permanent=1",
            "permanent=true&deletable=true",
            "share=true",
            "share=true&permanent=true&send_object_to=0x7",
            "send_object_to=me",
            "encoding_type=RS1",
            "attribute=a",
            "attribute=%3D1",
            &many,
            &long,
        ] {
            assert!(StoreQuery::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn types_that_clients_send_unasked_are_no_attributes() {
        let typed = |value: &'static str| {
            let value = axum::http::HeaderValue::from_static(value);
            meaningful_type(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
        };
        assert_eq!(
            typed("text/html; charset=utf-8").unwrap(),
            "text/html; charset=utf-8"
        );
        assert_eq!(typed("application/octet-stream"), None);
        assert_eq!(typed("application/x-www-form-urlencoded"), None);
        assert_eq!(typed(" ; charset=utf-8"), None);
        assert_eq!(meaningful_type(&HeaderMap::new()), None);
    }
}
