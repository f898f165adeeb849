//! The client: one value that knows the network and offers the operations.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::OnceCell;
use walrus_core::{BlobId, Epoch, node_api::BlobStatus};
use walrus_encoder::{ConsistencyCheck, Encoder};
use walrus_sui::{
    Committee, Committees, ContractIds, Executor, Signer, SuiReader, SuiRpc, WalrusContract,
};

use crate::{
    backoff::Waits,
    config::{ClientConfig, CommunicationConfig},
    error::ClientError,
    network::CommitteeClients,
    progress::{ProgressEvent, ProgressSink},
    read::{ReadError, read_blob},
    status::{StatusError, blob_status},
    store::{DataInFlight, EpochOutlook, now_ms},
};

/// Time for the nodes to agree on a status that is asked for beside another operation.
pub(crate) const STATUS_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a status to arrive after the read it accompanies.
const STATUS_GRACE: Duration = Duration::from_secs(1);
/// How often a read waits for the nodes to see the certification of a blob they know as registered.
const CERTIFICATION_WAITS_MAX: u32 = 4;
/// One of these waits.
const CERTIFICATION_WAIT: Duration = Duration::from_secs(1);
/// Committees whose clients (and connections) are kept: current, previous, next.
const COMMITTEES_KEPT: usize = 3;

/// Reads and stores blobs. Cheap to clone; clones share connections, caches and limits.
#[derive(Clone)]
pub struct WalrusClient {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) reader: SuiReader,
    pub(crate) contract: Option<WalrusContract>,
    pub(crate) config: ClientConfig,
    pub(crate) communication: Arc<CommunicationConfig>,
    pub(crate) budget: Arc<DataInFlight>,
    encoder: OnceCell<Encoder>,
    committees: Mutex<Vec<Arc<CommitteeClients>>>,
}

/// How a client signs transactions.
#[derive(Debug, Clone)]
pub struct SigningOptions {
    /// The key.
    pub signer: Signer,
    /// Most gas to pay per transaction, in MIST; estimated when absent.
    pub gas_budget: Option<u64>,
}

impl WalrusClient {
    /// A client for the network of `config`, reached through `rpc_urls` in that order. Without `signing`
    /// it can read but not store. Nothing is contacted yet.
    pub fn new(
        config: ClientConfig,
        rpc_urls: &[String],
        signing: Option<SigningOptions>,
    ) -> Result<Self, ClientError> {
        let ids = ContractIds {
            system_object: config.system_object,
            staking_object: config.staking_object,
            treasury_object: config.treasury_object,
        };
        let reader = SuiReader::with_cache_ttl(SuiRpc::new(rpc_urls)?, ids, config.cache_ttl);
        let contract = signing.map(|signing| {
            let rpc = reader.rpc().clone();
            let executor = Executor::with_options(rpc, signing.signer, signing.gas_budget, None);
            WalrusContract::with_executor(reader.clone(), executor)
        });
        let communication = Arc::new(config.communication.clone());
        Ok(Self {
            shared: Arc::new(Shared {
                budget: Arc::new(DataInFlight::new(communication.max_data_in_flight)),
                reader,
                contract,
                config,
                communication,
                encoder: OnceCell::new(),
                committees: Mutex::default(),
            }),
        })
    }

    /// The chain as this client sees it.
    pub fn reader(&self) -> &SuiReader {
        &self.shared.reader
    }

    /// The contracts in the name of the wallet, if the client has one.
    pub fn contract(&self) -> Result<&WalrusContract, ClientError> {
        self.shared.contract.as_ref().ok_or(ClientError::NoWallet)
    }

    /// The encoder for the network's number of shards. The number in the configuration, if there is one, must be
    /// that of the chain: before anything is paid or computed with it.
    pub async fn encoder(&self) -> Result<Encoder, ClientError> {
        let encoder = self.shared.encoder.get_or_try_init(|| async {
            let n_shards = self.reader().contract_state().await?.n_shards;
            if let Some(configured) = self.shared.config.n_shards
                && configured != n_shards
            {
                return Err(ClientError::ShardCountMismatch {
                    configured: configured.get(),
                    actual: n_shards.get(),
                });
            }
            Encoder::new(n_shards).map_err(|_| ClientError::UnsupportedShardCount(n_shards.get()))
        });
        encoder.await.cloned()
    }

    /// When epochs will begin, as far as can be told now.
    pub async fn epoch_outlook(&self) -> Result<EpochOutlook, ClientError> {
        Ok(EpochOutlook::new(
            &self.reader().epoch_info().await?,
            now_ms(),
        ))
    }

    /// The configuration this client was made with.
    pub fn config(&self) -> &ClientConfig {
        &self.shared.config
    }

    /// What the network knows about a blob.
    pub async fn blob_status(
        &self,
        blob_id: &BlobId,
        timeout: Duration,
    ) -> Result<BlobStatus, ClientError> {
        let committees = self.committees().await?;
        let clients = self.clients(&committees.current);
        Ok(blob_status(&clients, blob_id, &self.shared.communication, timeout).await?)
    }

    /// Reads a blob. The bytes returned are those the blob ID stands for.
    ///
    /// With [`ConsistencyCheck::Strict`] that is proven by encoding them again; the weaker checks trust the
    /// writer to have encoded one blob consistently.
    pub async fn read(
        &self,
        blob_id: &BlobId,
        check: ConsistencyCheck,
        progress: &ProgressSink,
    ) -> Result<Vec<u8>, ClientError> {
        let mut certification_waits = 0;
        let mut waits = Waits::new(self.shared.communication.committee_change_backoff);
        loop {
            let committees = self.committees().await?;
            let error = match self.read_once(&committees, *blob_id, check, progress).await {
                Ok(blob) => return Ok(blob),
                Err(error) => error,
            };
            // Nodes learn of a certification from the chain, some of them a moment after the writer did.
            if is_not_certified(&error) && certification_waits < CERTIFICATION_WAITS_MAX {
                certification_waits += 1;
                tokio::time::sleep(CERTIFICATION_WAIT).await;
                continue;
            }
            if !may_be_committee_change(&error) || !self.has_changed(&committees).await? {
                return Err(error);
            }
            let Some(wait) = waits.next() else {
                return Err(error);
            };
            progress.report(ProgressEvent::CommitteeChanged);
            tokio::time::sleep(wait).await;
        }
    }

    async fn read_once(
        &self,
        committees: &Committees,
        blob_id: BlobId,
        check: ConsistencyCheck,
        progress: &ProgressSink,
    ) -> Result<Vec<u8>, ClientError> {
        let config = &self.shared.communication;
        let encoder = self.encoder().await?;
        let current = self.clients(&committees.current);
        let status = async {
            let status = blob_status(&current, &blob_id, config, STATUS_TIMEOUT).await;
            certified_epoch(blob_id, status)
        };
        if committees.is_changing() {
            // Which committee has the slivers depends on when the blob was certified.
            let certified = status.await?;
            let from = self.clients(committee_to_read(committees, certified));
            return Ok(read_blob(&from, &encoder, blob_id, check, config, &**progress).await?);
        }
        let read = read_blob(&current, &encoder, blob_id, check, config, &**progress);
        tokio::pin!(status, read);
        // Usually the status arrives first and costs no time; a definite "no" ends the read at once.
        tokio::select! {
            verdict = &mut status => {
                verdict?;
                Ok(read.await?)
            }
            result = &mut read => {
                // Whether the blob exists says more than how far the read came, but the nodes had time to say.
                if let Ok(verdict) = tokio::time::timeout(STATUS_GRACE, status).await {
                    verdict?;
                }
                Ok(result?)
            }
        }
    }

    /// The committees, of a network that has started.
    pub(crate) async fn committees(&self) -> Result<Arc<Committees>, ClientError> {
        let committees = self.reader().committees().await?;
        if committees.current.is_empty() {
            return Err(ClientError::NoCommittee);
        }
        Ok(committees)
    }

    /// Reads the chain again and tells whether the committees are others than those known.
    pub(crate) async fn has_changed(&self, known: &Committees) -> Result<bool, ClientError> {
        self.reader().refresh().await;
        let fresh = self.committees().await?;
        Ok(fresh.epoch != known.epoch
            || fresh.is_changing() != known.is_changing()
            || fresh.current.members != known.current.members)
    }

    /// The clients of a committee; connections are kept as long as the committee stays what it is.
    pub(crate) fn clients(&self, committee: &Committee) -> Arc<CommitteeClients> {
        let mut kept = self
            .shared
            .committees
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = kept.iter().find(|clients| clients.is_of(committee)) {
            return Arc::clone(clients);
        }
        let clients = Arc::new(CommitteeClients::new(
            Arc::new(committee.clone()),
            &self.shared.communication,
        ));
        kept.insert(0, Arc::clone(&clients));
        kept.truncate(COMMITTEES_KEPT);
        clients
    }
}

/// The committee that serves a blob certified in epoch `certified` while nodes still take over shards.
fn committee_to_read(committees: &Committees, certified: Option<Epoch>) -> &Committee {
    match (&committees.previous, certified) {
        (Some(previous), Some(certified)) if certified < committees.epoch => previous,
        _ => &committees.current,
    }
}

/// What a status means for a reader: the epoch of certification if it is known, or why there is nothing to
/// read. A status that could not be established means nothing; the slivers decide.
fn certified_epoch(
    blob_id: BlobId,
    status: Result<BlobStatus, StatusError>,
) -> Result<Option<Epoch>, ReadError> {
    match status {
        Ok(BlobStatus::Nonexistent) => Err(ReadError::NotFound(blob_id)),
        Ok(BlobStatus::Invalid { .. }) => Err(ReadError::Invalid(blob_id)),
        Ok(status) => match status.initial_certified_epoch() {
            Some(epoch) => Ok(Some(epoch)),
            None => Err(ReadError::NotCertified(blob_id)),
        },
        Err(error) => {
            tracing::debug!(%blob_id, %error, "reading without a status");
            Ok(None)
        }
    }
}

fn is_not_certified(error: &ClientError) -> bool {
    matches!(error, ClientError::Read(ReadError::NotCertified(_)))
}

/// Failures that a change of committee explains.
fn may_be_committee_change(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Read(ReadError::NoMetadata { .. } | ReadError::NotEnoughSlivers { .. })
            | ClientError::NotEnoughNodes(_)
    )
}

#[cfg(test)]
mod tests {
    use walrus_core::{EventId, NShards, node_api::DeletableCounts};
    use walrus_sui::EpochState;

    use super::*;

    const BLOB: BlobId = BlobId([1; 32]);

    fn committees() -> Committees {
        let committee = |epoch| Committee {
            epoch,
            n_shards: NShards::new(10).unwrap(),
            members: Vec::new(),
        };
        Committees {
            epoch: 5,
            n_shards: NShards::new(10).unwrap(),
            epoch_state: EpochState::ChangeSync { attested: 0 },
            current: committee(5),
            previous: Some(committee(4)),
            next: None,
        }
    }

    #[test]
    fn older_blobs_are_read_from_the_previous_committee_during_a_change() {
        let committees = committees();
        assert_eq!(committee_to_read(&committees, Some(4)).epoch, 4);
        assert_eq!(committee_to_read(&committees, Some(5)).epoch, 5);
        assert_eq!(committee_to_read(&committees, None).epoch, 5);
    }

    #[test]
    fn only_certified_blobs_are_read() {
        let deletable = |initial_certified_epoch| BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts: DeletableCounts::default(),
        };
        let event = EventId {
            tx_digest: [0; 32],
            event_seq: 0,
        };
        let check = |status| certified_epoch(BLOB, Ok(status));
        assert!(matches!(
            check(BlobStatus::Nonexistent),
            Err(ReadError::NotFound(BLOB))
        ));
        assert!(matches!(
            check(BlobStatus::Invalid { event }),
            Err(ReadError::Invalid(BLOB))
        ));
        assert!(matches!(
            check(deletable(None)),
            Err(ReadError::NotCertified(BLOB))
        ));
        assert!(matches!(check(deletable(Some(3))), Ok(Some(3))));
        assert!(matches!(
            certified_epoch(BLOB, Err(StatusError::NoAgreement(3))),
            Ok(None)
        ));
    }
}
