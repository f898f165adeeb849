//! Requests to the bucket. One attempt each; who asks decides when to ask again.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use object_store::{
    ClientOptions, Error, GetOptions, ObjectStore, ObjectStoreExt as _, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
    path::Path,
};

use super::names::{IDENTITY, SLIVER_FOLDER};
use crate::storage::{StorageError, index::ObjectName};

/// Longest time for a connection to the bucket.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest pause within an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest time for a request with its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes of the object that says whose bucket it is, at most.
const IDENTITY_BYTES_MAX: u64 = 4_096;

/// Names looked at together.
const PAGE: usize = 1_000;

/// Where a bucket is, how to get in, and how much of it is kept on the disk.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketOptions {
    /// URL of the object store; that of the region at AWS if absent.
    pub endpoint: Option<String>,
    /// The region, which signatures name.
    pub region: String,
    /// The bucket.
    pub name: String,
    /// What the names of all objects begin with.
    pub prefix: String,
    /// Whether the name of the bucket is a part of the host instead of the path.
    pub virtual_hosted_style: bool,
    /// Which key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// Bytes of slivers kept in files although the bucket has them.
    pub cache_bytes: u64,
    /// Bytes of slivers that may wait to be uploaded.
    pub write_ahead_bytes: u64,
}

impl fmt::Debug for BucketOptions {
    /// Does not show secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketOptions")
            .field("endpoint", &self.endpoint)
            .field("name", &self.name)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::storage) enum Failure {
    /// It may succeed later.
    #[error("{0}")]
    Away(String),
    /// The bucket does not let this node in.
    #[error("{0}")]
    Refused(String),
}

/// What a request for an object gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) enum Object {
    Found(Bytes),
    /// It has another length, so it was not read.
    OtherLength,
    Missing,
}

pub(in crate::storage) struct Client {
    store: AmazonS3,
    name: String,
    prefix: String,
}

impl Client {
    pub(in crate::storage) fn new(options: &BucketOptions) -> Result<Self, StorageError> {
        let connector = Connector::new()?;
        let is_plain = options
            .endpoint
            .as_ref()
            .is_some_and(|endpoint| endpoint.starts_with("http://"));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&options.name)
            .with_region(&options.region)
            .with_access_key_id(&options.access_key_id)
            .with_secret_access_key(&options.secret_access_key)
            .with_virtual_hosted_style_request(options.virtual_hosted_style)
            .with_allow_http(is_plain)
            // Object stores other than the first one do not all have it.
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            })
            .with_http_connector(connector);
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder
            .build()
            .map_err(|error| StorageError::Bucket(error.to_string()))?;
        Ok(Self {
            store,
            name: options.name.clone(),
            prefix: options.prefix.trim_matches('/').to_owned(),
        })
    }

    /// The bucket and the prefix, for people.
    pub(in crate::storage) fn place(&self) -> String {
        format!("bucket {}/{}", self.name, self.prefix)
    }

    /// What the bucket says of its owner.
    pub(in crate::storage) async fn identity(&self) -> Result<Option<String>, Failure> {
        let result = match self.store.get(&self.path(IDENTITY)).await {
            Ok(result) => result,
            Err(Error::NotFound { source, .. }) => {
                // A bucket that does not exist has no objects, either.
                return if in_full(source.as_ref()).contains("NoSuchBucket") {
                    Err(Failure::Refused(format!("there is no {}", self.place())))
                } else {
                    Ok(None)
                };
            }
            Err(error) => return Err(self.failure(&error)),
        };
        if result.meta.size > IDENTITY_BYTES_MAX {
            return Ok(Some(String::new()));
        }
        let bytes = result.bytes().await.map_err(|error| self.failure(&error))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(in crate::storage) async fn put_identity(&self, text: &str) -> Result<(), Failure> {
        let path = self.path(IDENTITY);
        let put = self.store.put(&path, text.to_owned().into()).await;
        put.map_err(|error| self.failure(&error)).map(drop)
    }

    /// Writes an object; it is durable on return.
    pub(in crate::storage) async fn put(
        &self,
        name: &ObjectName,
        bytes: Bytes,
    ) -> Result<(), Failure> {
        let put = self.store.put(&self.path(&name.path()), bytes.into()).await;
        put.map_err(|error| self.failure(&error)).map(drop)
    }

    /// Reads an object that should have `len` bytes.
    pub(in crate::storage) async fn get(
        &self,
        name: &ObjectName,
        len: u64,
    ) -> Result<Object, Failure> {
        let path = self.path(&name.path());
        let result = match self.store.get_opts(&path, GetOptions::default()).await {
            Ok(result) => result,
            Err(Error::NotFound { .. }) => return Ok(Object::Missing),
            Err(error) => return Err(self.failure(&error)),
        };
        if result.meta.size != len {
            return Ok(Object::OtherLength);
        }
        let bytes = result.bytes().await.map_err(|error| self.failure(&error))?;
        Ok(Object::Found(bytes))
    }

    /// Deletes an object; a missing one is fine.
    pub(in crate::storage) async fn delete(&self, name: &ObjectName) -> Result<(), Failure> {
        match self.store.delete(&self.path(&name.path())).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Names and lengths of all objects with slivers, some at a time. Objects with other names are
    /// not ours and left out.
    pub(in crate::storage) fn pages(
        &self,
    ) -> BoxStream<'_, Result<Vec<(ObjectName, u64)>, Failure>> {
        let listed = self.store.list(Some(&self.path(SLIVER_FOLDER)));
        let names = listed.map(|object| match object {
            Ok(object) => {
                let name = object.location.filename().and_then(ObjectName::parse);
                Ok(name.map(|name| (name, object.size)))
            }
            Err(error) => Err(self.failure(&error)),
        });
        let pages = names.chunks(PAGE).map(|page| {
            let names: Result<Vec<_>, Failure> = page.into_iter().collect();
            Ok(names?.into_iter().flatten().collect())
        });
        pages.boxed()
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    fn failure(&self, error: &Error) -> Failure {
        let text = format!("{}: {}", self.place(), in_full(error));
        match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Failure::Refused(text)
            }
            _ => Failure::Away(text),
        }
    }
}

/// An error with its causes, on one line, each said once.
fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Connects as the node does elsewhere.
#[derive(Debug, Clone)]
struct Connector(Arc<reqwest::Client>);

impl Connector {
    fn new() -> Result<Self, StorageError> {
        // Whoever installs a provider first wins; any will do here.
        let _: Result<(), Arc<rustls::crypto::CryptoProvider>> =
            rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(|error| StorageError::Bucket(in_full(&error)))?;
        Ok(Self(Arc::new(client)))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.as_ref().clone()))
    }
}
