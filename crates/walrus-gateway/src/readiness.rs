//! Whether the network can be read from here.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use walrus_client::{ClientError, WalrusClient};
use walrus_core::BlobId;

/// How long an answer is good for.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Time for a quorum of the nodes to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Any blob ID will do: that nobody knows it is an answer, too.
const ANY_BLOB: BlobId = BlobId([0; 32]);

/// Asks the chain for the committee, and the committee for an answer, at most once in a while.
#[derive(Clone)]
pub(crate) struct Readiness {
    client: WalrusClient,
    known: Cache<(), Option<String>>,
}

impl Readiness {
    pub(crate) fn new(client: WalrusClient) -> Self {
        Self {
            client,
            known: Cache::builder()
                .max_capacity(1)
                .time_to_live(KNOWN_FOR)
                .build(),
        }
    }

    /// Why nothing can be read; `None` if all is well.
    pub(crate) async fn obstacle(&self) -> Option<String> {
        let ask = async { self.ask().await.err().map(|error| error.to_string()) };
        self.known.get_with((), ask).await
    }

    async fn ask(&self) -> Result<(), Arc<ClientError>> {
        self.client.blob_status(&ANY_BLOB, PATIENCE).await?;
        Ok(())
    }
}
