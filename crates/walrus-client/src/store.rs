//! The write protocol: encode, choose resources, register, upload, certify.

mod certify;
mod distribute;
mod encoded;
mod estimate;
mod input;
mod labels;
mod outcome;
mod plan;
mod register;
mod upload;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use walrus_contracts::types::Blob;
use walrus_core::{BlobId, EpochCount, ObjectId, node_api::BlobStatus};
use walrus_sui::{Committees, SuiError, WalrusContract, contract::Attributes};

pub use distribute::DistributeError;
pub use estimate::{EstimateError, StoreEstimate};
pub use input::{BlobInput, BlobToStore};
pub use outcome::{BlobError, CertifiedBy, StoreOperation, StoreOutcome, StoredBlob, TooLarge};
pub use upload::UploadError;

use crate::{
    client::{STATUS_TIMEOUT, WalrusClient},
    duration::StorageDuration,
    error::ClientError,
    node::NodeError,
    progress::{ProgressEvent, ProgressSink},
    report::NodeFailure,
    status::{StatusError, blob_status},
};
pub(crate) use encoded::EncodedBlob;
use plan::{Resources, Wanted, plan};
#[cfg(test)]
pub(crate) use upload::{Upload, Uploaded};

/// Blobs whose status is asked for at the same time.
const CONCURRENT_STATUS_QUESTIONS: usize = 8;

/// How often the nodes are asked before a store gives up, when too few answer.
const STATUS_ATTEMPTS_MAX: u32 = 3;
/// Time between these attempts.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

/// How blobs are to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// How long they are kept.
    pub duration: StorageDuration,
    /// Whether the owner may delete them before they expire.
    pub deletable: bool,
    /// Store anew whatever is certified or owned already.
    pub force: bool,
    /// Use neither storage nor blobs the wallet already owns.
    pub ignore_resources: bool,
    /// The wallet is to have an object of each blob, even if somebody else's makes it available.
    pub needs_object: bool,
    /// Which blob objects of the wallet may be used.
    pub reuse: ObjectReuse,
}

/// Which blob objects that the wallet has already a store may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObjectReuse {
    /// Any object of the blob.
    #[default]
    Any,
    /// None: objects of equal blobs mean different things.
    None,
    /// Only what an earlier store has registered with the same attributes and did not certify.
    Unfinished,
}

impl WalrusClient {
    /// Stores blobs and certifies their availability. Results are in the order of `inputs`.
    ///
    /// A blob that fails for a reason of its own is an error among the results; the others go on.
    /// What concerns all of them (no money, too few nodes, no chain) fails the call, unless some
    /// are stored by then.
    pub async fn store(
        &self,
        inputs: Vec<BlobInput>,
        options: &StoreOptions,
        progress: &ProgressSink,
    ) -> Result<Vec<BlobResult>, ClientError> {
        let blobs = inputs.into_iter().map(BlobToStore::from).collect();
        self.store_labelled(blobs, options, progress).await
    }

    /// The same for blobs whose objects get attributes: new ones when they are registered, those
    /// that the wallet has already afterwards. A blob with attributes is stored even if somebody
    /// else's object makes it available.
    ///
    /// Of several equal blobs the attributes of the first are set.
    pub async fn store_labelled(
        &self,
        inputs: Vec<BlobToStore>,
        options: &StoreOptions,
        progress: &ProgressSink,
    ) -> Result<Vec<BlobResult>, ClientError> {
        let contract = self.contract()?;
        let epochs_ahead = self.epochs_ahead(options.duration).await?;
        let encoder = self.encoder().await?;
        let mut results: Vec<BlobResult> = Vec::with_capacity(inputs.len());
        let total_max = self.shared.communication.max_total_blob_size;
        let mut batches = input::batches(inputs, &encoder, total_max)
            .await?
            .into_iter();
        while let Some(inputs) = batches.next() {
            let count = inputs.len();
            let batch = Batch {
                client: self,
                contract,
                first: results.len(),
                options,
                epochs_ahead,
                progress,
            };
            let labels: Vec<Attributes> =
                inputs.iter().map(|blob| blob.attributes.clone()).collect();
            let encoded = batch.encode(inputs, &encoder).await;
            match batch.store(encoded, &labels).await {
                Ok(stored) => results.extend(stored),
                Err(error) if results.iter().all(Result::is_err) => return Err(error),
                Err(error) => {
                    // What is stored already is worth telling, and so is what is not.
                    let cause = Arc::new(error);
                    let left = count + batches.map(|inputs| inputs.len()).sum::<usize>();
                    let failed = || Err(BlobError::NotAttempted(Arc::clone(&cause)));
                    results.extend(std::iter::repeat_with(failed).take(left));
                    break;
                }
            }
        }
        Ok(results)
    }

    /// The number of epochs to buy for `duration`.
    pub(crate) async fn epochs_ahead(
        &self,
        duration: StorageDuration,
    ) -> Result<EpochCount, ClientError> {
        let info = self.reader().epoch_info().await?;
        let max = self
            .shared
            .config
            .max_epochs_ahead
            .unwrap_or(info.max_epochs_ahead);
        duration.epochs_ahead(&info, max, self.shared.environment.now_ms())
    }
}

/// Blobs that are held in memory together and share transactions.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub client: &'a WalrusClient,
    pub contract: &'a WalrusContract,
    /// Position of the first blob of the batch in the store.
    pub first: usize,
    pub options: &'a StoreOptions,
    pub epochs_ahead: EpochCount,
    pub progress: &'a ProgressSink,
}

/// A blob of a batch: encoded, or failed before that.
type Encoded = Result<Arc<EncodedBlob>, BlobError>;

/// What became of one blob.
pub type BlobResult = Result<StoreOutcome, BlobError>;

/// A different blob of a batch, and its position in it.
pub(crate) struct Unique {
    pub index: usize,
    pub blob: Arc<EncodedBlob>,
    pub attributes: Attributes,
}

impl Batch<'_> {
    async fn encode(
        &self,
        inputs: Vec<BlobToStore>,
        encoder: &walrus_encoder::Encoder,
    ) -> Vec<Encoded> {
        let mut encoded = Vec::with_capacity(inputs.len());
        // One after the other: each uses all cores.
        for (index, input) in inputs.into_iter().enumerate() {
            let blob = self.first + index;
            encoded.push(
                input
                    .input
                    .encode(encoder, blob, self.progress, self.client.relay.is_some())
                    .await
                    .map(Arc::new),
            );
        }
        encoded
    }

    async fn store(
        &self,
        encoded: Vec<Encoded>,
        labels: &[Attributes],
    ) -> Result<Vec<BlobResult>, ClientError> {
        let unique = unique(&encoded, labels);
        let mut by_id = HashMap::new();
        if !unique.is_empty() {
            let committees = self.client.committees().await?;
            let (committees, statuses) = self.statuses(committees, &unique).await?;
            let mut resources = self.resources(&unique).await?;
            let mut plans = Vec::with_capacity(unique.len());
            let labelled: Vec<(BlobId, Attributes)> = unique
                .iter()
                .filter(|item| !item.attributes.is_empty())
                .map(|item| (*item.blob.blob_id(), item.attributes.clone()))
                .collect();
            for (item, status) in unique.into_iter().zip(&statuses) {
                let wanted = self.wanted(&item, committees.epoch);
                let decision = plan(&wanted, status.as_ref(), &mut resources);
                plans.push((item, decision));
            }
            let registered = self.register(plans).await?;
            let ready = registered.results;
            let certified = self.certify(registered.jobs, committees).await;
            by_id.extend(ready.into_iter().chain(certified));
            self.label(&labelled, &mut by_id).await;
        }
        Ok(encoded
            .into_iter()
            .map(|item| take_result(item, &mut by_id))
            .collect())
    }

    fn wanted(&self, item: &Unique, current_epoch: walrus_core::Epoch) -> Wanted {
        Wanted {
            blob_id: *item.blob.blob_id(),
            encoded_length: item.blob.metadata().encoded_length(),
            deletable: self.options.deletable,
            needs_object: self.options.needs_object || !item.attributes.is_empty(),
            current_epoch,
            epochs_ahead: self.epochs_ahead,
        }
    }

    /// Asks the nodes for the status of every blob. That also proves, before anything is paid, that
    /// enough nodes can be reached to store.
    async fn statuses(
        &self,
        committees: Arc<Committees>,
        unique: &[Unique],
    ) -> Result<(Arc<Committees>, Vec<Option<BlobStatus>>), ClientError> {
        self.progress.report(ProgressEvent::CheckingStatus);
        let started = tokio::time::Instant::now();
        let mut committees = committees;
        let mut attempt = 0;
        loop {
            let error = match self.ask_statuses(&committees, unique).await {
                Ok(statuses) => {
                    let blobs = unique.len();
                    tracing::info!(blobs, elapsed = ?started.elapsed(), "asked the nodes for the status");
                    return Ok((committees, statuses));
                }
                Err(error) => error,
            };
            // Nodes that restart are back in a moment; those of a committee just replaced may be
            // gone.
            if self.client.has_changed(&committees).await? {
                self.progress.report(ProgressEvent::CommitteeChanged);
                committees = self.client.committees().await?;
            }
            attempt += 1;
            if attempt >= STATUS_ATTEMPTS_MAX || has_silent_nodes(&error) {
                return Err(error);
            }
            tokio::time::sleep(STATUS_PAUSE).await;
        }
    }

    async fn ask_statuses(
        &self,
        committees: &Committees,
        unique: &[Unique],
    ) -> Result<Vec<Option<BlobStatus>>, ClientError> {
        let clients = self.client.clients(&committees.current);
        let config = &self.client.shared.communication;
        let ids: Vec<BlobId> = unique.iter().map(|item| *item.blob.blob_id()).collect();
        let questions = ids.into_iter().map(|blob_id| {
            let clients = Arc::clone(&clients);
            async move {
                match blob_status(&clients, &blob_id, config, STATUS_TIMEOUT).await {
                    Ok(status) => Ok((!self.options.force).then_some(status)),
                    // Too much is going on around this blob; it can be stored all the same.
                    Err(StatusError::NoAgreement(_)) => Ok(None),
                    Err(StatusError::NotEnoughAnswers(report)) => {
                        Err(ClientError::NotEnoughNodes(report))
                    }
                }
            }
        });
        stream::iter(questions)
            .buffered(CONCURRENT_STATUS_QUESTIONS)
            .try_collect()
            .await
    }

    async fn resources(&self, unique: &[Unique]) -> Result<Resources, ClientError> {
        if self.options.force || self.options.ignore_resources {
            return Ok(Resources::default());
        }
        let owner = self.contract.address();
        let reader = self.client.reader();
        let blobs = async {
            match self.options.reuse {
                ObjectReuse::Any => reader.owned_blobs(owner).await,
                ObjectReuse::None => Ok(Vec::new()),
                ObjectReuse::Unfinished => self.unfinished(unique).await,
            }
        };
        let (blobs, storage) = tokio::try_join!(blobs, reader.owned_storage(owner))?;
        Ok(Resources { blobs, storage })
    }

    /// Objects that the wallet has registered for the blobs of this batch, with their attributes,
    /// and not certified.
    async fn unfinished(&self, unique: &[Unique]) -> Result<Vec<Blob>, SuiError> {
        let reader = self.client.reader();
        let mut blobs = reader.owned_blobs(self.contract.address()).await?;
        let wanted = |blob: &Blob| {
            unique
                .iter()
                .find(|item| *item.blob.blob_id() == blob.blob_id)
        };
        blobs.retain(|blob| blob.certified_epoch.is_none() && wanted(blob).is_some());
        let ids: Vec<ObjectId> = blobs.iter().map(|blob| blob.id).collect();
        let labels = reader.attributes_of_blobs(&ids).await?;
        let is_ours = |(blob, labels): &(Blob, Option<Attributes>)| {
            let sorted = |mut attributes: Attributes| {
                attributes.sort();
                attributes
            };
            let found = sorted(labels.clone().unwrap_or_default());
            wanted(blob).is_some_and(|item| sorted(item.attributes.clone()) == found)
        };
        let ours = blobs.into_iter().zip(labels).filter(is_ours);
        Ok(ours.map(|(blob, _)| blob).collect())
    }
}

/// Whether nodes used up the time they had: asking again would take as long again.
fn has_silent_nodes(error: &ClientError) -> bool {
    let silent = |failure: &NodeFailure| matches!(failure.error, NodeError::Timeout(_));
    matches!(error, ClientError::NotEnoughNodes(report) if report.failures.iter().any(silent))
}

/// The result of a blob. Of several equal blobs the first is stored; the others are available
/// through it.
fn take_result(item: Encoded, by_id: &mut HashMap<BlobId, BlobResult>) -> BlobResult {
    let blob_id = *item?.blob_id();
    let result = by_id
        .get(&blob_id)
        .expect("every blob has a result")
        .clone();
    if let Ok(StoreOutcome::Stored(stored)) = &result {
        let later = StoreOutcome::AlreadyCertified {
            blob_id,
            by: CertifiedBy::Object(stored.object.id),
            end_epoch: stored.object.storage.end_epoch,
        };
        by_id.insert(blob_id, Ok(later));
    }
    result
}

/// The different blobs of a batch.
fn unique(encoded: &[Encoded], labels: &[Attributes]) -> Vec<Unique> {
    let mut seen = std::collections::HashSet::new();
    encoded
        .iter()
        .enumerate()
        .filter_map(|(index, item)| item.as_ref().ok().map(|blob| (index, blob)))
        .filter(|(_, blob)| seen.insert(*blob.blob_id()))
        .map(|(index, blob)| Unique {
            index,
            blob: Arc::clone(blob),
            attributes: labels[index].clone(),
        })
        .collect()
}
