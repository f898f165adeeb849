//! What a store did, as JSON: the form that existing scripts and the HTTP interface share.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use walrus_contracts::types::{Blob, Storage};
use walrus_core::{
    BlobId, EncodingType, Epoch, EpochCount, EventId, Frost, ObjectId, quilt::QuiltPatchId,
};

use crate::{
    BlobError, BlobResult, CertifiedBy, StoreEstimate, StoreOperation, StoreOutcome, StoredBlob,
    StoredPatch,
};

/// Name of the erasure code in JSON.
const RS2: &str = "RS2";

/// A storage reservation on chain.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageObject {
    /// The object.
    #[serde_as(as = "DisplayFromStr")]
    pub id: ObjectId,
    /// First epoch of the reservation.
    pub start_epoch: Epoch,
    /// First epoch after the reservation.
    pub end_epoch: Epoch,
    /// Bytes of encoded data reserved.
    pub storage_size: u64,
}

/// A blob object on chain.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlobObject {
    /// The object.
    #[serde_as(as = "DisplayFromStr")]
    pub id: ObjectId,
    /// Epoch of the registration.
    pub registered_epoch: Epoch,
    /// The blob.
    #[serde_as(as = "DisplayFromStr")]
    pub blob_id: BlobId,
    /// Unencoded size in bytes.
    pub size: u64,
    /// Always `RS2`.
    pub encoding_type: String,
    /// Epoch of the certification; `null` while the blob is not certified.
    pub certified_epoch: Option<Epoch>,
    /// The storage the blob occupies.
    pub storage: StorageObject,
    /// Whether the owner may delete the blob before it expires.
    pub deletable: bool,
}

impl From<&Storage> for StorageObject {
    fn from(storage: &Storage) -> Self {
        Self {
            id: storage.id,
            start_epoch: storage.start_epoch,
            end_epoch: storage.end_epoch,
            storage_size: storage.storage_size,
        }
    }
}

impl From<&Blob> for BlobObject {
    fn from(blob: &Blob) -> Self {
        Self {
            id: blob.id,
            registered_epoch: blob.registered_epoch,
            blob_id: blob.blob_id,
            size: blob.size,
            encoding_type: match EncodingType::try_from(blob.encoding_type) {
                Ok(EncodingType::Rs2) => RS2.to_owned(),
                Err(_) => format!("unknown ({})", blob.encoding_type),
            },
            certified_epoch: blob.certified_epoch,
            storage: StorageObject::from(&blob.storage),
            deletable: blob.deletable,
        }
    }
}

/// How a blob came to its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ResourceOperation {
    /// Storage was bought and the blob registered.
    RegisterFromScratch {
        /// Encoded size in bytes.
        encoded_length: u64,
        /// Epochs bought, the current one included.
        epochs_ahead: EpochCount,
    },
    /// The blob was registered in storage the wallet already owned.
    ReuseStorage {
        /// Encoded size in bytes.
        encoded_length: u64,
    },
    /// The wallet owned the blob, registered but not certified.
    ReuseRegistration {
        /// Encoded size in bytes.
        encoded_length: u64,
    },
    /// The wallet owned the certified blob; its storage was extended.
    ReuseAndExtend {
        /// Encoded size in bytes.
        encoded_length: u64,
        /// Epochs added.
        epochs_extended: EpochCount,
    },
    /// The wallet owned the registered blob; its storage was extended, and it was certified.
    ReuseAndExtendNonCertified {
        /// Encoded size in bytes.
        encoded_length: u64,
        /// Epochs added.
        epochs_extended: EpochCount,
    },
}

/// Who made a blob available that did not have to be stored again.
#[serde_as]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventOrObject {
    /// Somebody's certification of a permanent blob.
    Event(EventId),
    /// A blob object of the wallet.
    Object(#[serde_as(as = "DisplayFromStr")] ObjectId),
}

/// What became of one blob of a store.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BlobStoreResult {
    /// The blob is certified by this store.
    NewlyCreated {
        /// The object, as it is on chain afterwards.
        blob_object: BlobObject,
        /// What had to be done.
        resource_operation: ResourceOperation,
        /// Price paid, gas not included.
        cost: Frost,
        /// Gas paid, in MIST; of transactions with several blobs, the share of this one. `null`
        /// where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gas_mist: Option<i64>,
        /// The shared object around the blob, if one was asked for.
        #[serde_as(as = "Option<DisplayFromStr>")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shared_blob_object: Option<ObjectId>,
        /// Digests of the transactions that registered and certified the blob.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        transactions: Vec<String>,
    },
    /// The blob was certified for long enough before.
    AlreadyCertified {
        /// The blob.
        #[serde_as(as = "DisplayFromStr")]
        blob_id: BlobId,
        /// Who made it available.
        #[serde(flatten)]
        event_or_object: EventOrObject,
        /// First epoch in which it is gone.
        end_epoch: Epoch,
    },
    /// The network has marked the blob as inconsistently encoded, for ever.
    MarkedInvalid {
        /// The blob.
        #[serde_as(as = "DisplayFromStr")]
        blob_id: BlobId,
        /// The event that says so.
        event: EventId,
    },
    /// The blob was not stored.
    Error {
        /// The blob, if its ID was known by then.
        #[serde_as(as = "Option<DisplayFromStr>")]
        blob_id: Option<BlobId>,
        /// What was being done.
        failure_phase: String,
        /// Why it failed.
        error_msg: String,
    },
}

impl From<&BlobResult> for BlobStoreResult {
    fn from(result: &BlobResult) -> Self {
        Self::new(result, ToString::to_string)
    }
}

impl BlobStoreResult {
    /// What became of a blob; `text` says why it was not stored.
    pub fn new(result: &BlobResult, text: impl Fn(&BlobError) -> String) -> Self {
        match result {
            Ok(StoreOutcome::Stored(stored)) => stored.into(),
            Ok(StoreOutcome::AlreadyCertified {
                blob_id,
                by,
                end_epoch,
            }) => Self::AlreadyCertified {
                blob_id: *blob_id,
                event_or_object: match by {
                    CertifiedBy::Event(event) => EventOrObject::Event(*event),
                    CertifiedBy::Object(object) => EventOrObject::Object(*object),
                },
                end_epoch: *end_epoch,
            },
            Err(BlobError::MarkedInvalid { blob_id, event }) => Self::MarkedInvalid {
                blob_id: *blob_id,
                event: *event,
            },
            Err(error) => Self::Error {
                blob_id: error.blob_id(),
                failure_phase: error.phase().to_owned(),
                error_msg: text(error),
            },
        }
    }
}

impl BlobStoreResult {
    /// The blob, if its ID is known.
    pub fn blob_id(&self) -> Option<BlobId> {
        match self {
            Self::NewlyCreated { blob_object, .. } => Some(blob_object.blob_id),
            Self::AlreadyCertified { blob_id, .. } | Self::MarkedInvalid { blob_id, .. } => {
                Some(*blob_id)
            }
            Self::Error { blob_id, .. } => *blob_id,
        }
    }
}

impl From<&StoredBlob> for BlobStoreResult {
    fn from(stored: &StoredBlob) -> Self {
        let encoded_length = stored.encoded_length;
        Self::NewlyCreated {
            blob_object: BlobObject::from(&stored.object),
            resource_operation: match stored.operation {
                StoreOperation::Bought { epochs_ahead } => ResourceOperation::RegisterFromScratch {
                    encoded_length,
                    epochs_ahead,
                },
                StoreOperation::InOwnedStorage => {
                    ResourceOperation::ReuseStorage { encoded_length }
                }
                StoreOperation::Completed { epochs_extended: 0 } => {
                    ResourceOperation::ReuseRegistration { encoded_length }
                }
                StoreOperation::Completed { epochs_extended } => {
                    ResourceOperation::ReuseAndExtendNonCertified {
                        encoded_length,
                        epochs_extended,
                    }
                }
                StoreOperation::Extended { epochs_extended } => ResourceOperation::ReuseAndExtend {
                    encoded_length,
                    epochs_extended,
                },
            },
            cost: stored.cost,
            gas_mist: i64::try_from(stored.gas_mist).ok(),
            shared_blob_object: stored.shared_object,
            transactions: stored.transactions.clone(),
        }
    }
}

/// A file of a stored quilt.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredQuiltPatch {
    /// Its name in the quilt.
    pub identifier: String,
    /// With which it can be read without the index.
    #[serde_as(as = "DisplayFromStr")]
    pub quilt_patch_id: QuiltPatchId,
    /// The columns it lies on: the first one, and the first one after it.
    pub range: [u16; 2],
}

impl From<&StoredPatch> for StoredQuiltPatch {
    fn from(patch: &StoredPatch) -> Self {
        Self {
            identifier: patch.identifier.clone(),
            quilt_patch_id: patch.id.clone(),
            range: [patch.columns.start, patch.columns.end],
        }
    }
}

/// One file of the JSON result of a dry run.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEstimate {
    /// The file.
    pub path: String,
    /// The ID the blob would have.
    #[serde_as(as = "DisplayFromStr")]
    pub blob_id: BlobId,
    /// Size in bytes.
    pub unencoded_size: u64,
    /// Size of all slivers and their metadata, in bytes.
    pub encoded_size: u64,
    /// Price of new storage for the whole duration and of the write.
    pub storage_cost: Frost,
    /// Always `RS2`.
    pub encoding_type: &'static str,
}

impl FileEstimate {
    /// The estimate for a file.
    pub fn new(path: String, estimate: &StoreEstimate) -> Self {
        Self {
            path,
            blob_id: estimate.blob_id,
            unencoded_size: estimate.unencoded_size,
            encoded_size: estimate.encoded_size,
            storage_cost: estimate.storage_cost,
            encoding_type: RS2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    fn object(byte: u8) -> ObjectId {
        ObjectId([byte; 32])
    }

    #[test]
    fn newly_created_has_the_known_shape() {
        let result = BlobStoreResult::NewlyCreated {
            blob_object: BlobObject {
                id: object(1),
                registered_epoch: 34,
                blob_id: BlobId([0; 32]),
                size: 17,
                encoding_type: "RS2".to_owned(),
                certified_epoch: Some(34),
                storage: StorageObject {
                    id: object(2),
                    start_epoch: 34,
                    end_epoch: 35,
                    storage_size: 66_034_000,
                },
                deletable: true,
            },
            resource_operation: ResourceOperation::RegisterFromScratch {
                encoded_length: 66_034_000,
                epochs_ahead: 1,
            },
            cost: Frost(132_300),
            gas_mist: None,
            shared_blob_object: None,
            transactions: Vec::new(),
        };
        let expected = format!(
            concat!(
                r#"{{"newlyCreated":{{"blobObject":{{"id":"0x{one}","registeredEpoch":34,"#,
                r#""blobId":"{id}","size":17,"encodingType":"RS2","certifiedEpoch":34,"#,
                r#""storage":{{"id":"0x{two}","startEpoch":34,"endEpoch":35,"storageSize":66034000}},"#,
                r#""deletable":true}},"resourceOperation":{{"registerFromScratch":"#,
                r#"{{"encodedLength":66034000,"epochsAhead":1}}}},"cost":132300}}}}"#
            ),
            one = "01".repeat(32),
            two = "02".repeat(32),
            id = "A".repeat(43),
        );
        assert_eq!(json(&result), expected);
        assert_eq!(
            serde_json::from_str::<BlobStoreResult>(&expected).unwrap(),
            result
        );
    }

    #[test]
    fn already_certified_is_flattened() {
        let event = EventId {
            tx_digest: [0; 32],
            event_seq: 0,
        };
        let by_event = BlobStoreResult::AlreadyCertified {
            blob_id: BlobId([0; 32]),
            event_or_object: EventOrObject::Event(event),
            end_epoch: 9,
        };
        let expected = format!(
            r#"{{"alreadyCertified":{{"blobId":"{}","event":{{"txDigest":"{}","eventSeq":"0"}},"endEpoch":9}}}}"#,
            "A".repeat(43),
            "1".repeat(32)
        );
        assert_eq!(json(&by_event), expected);
        let by_object = BlobStoreResult::AlreadyCertified {
            blob_id: BlobId([0; 32]),
            event_or_object: EventOrObject::Object(object(7)),
            end_epoch: 9,
        };
        assert!(json(&by_object).contains(&format!(r#""object":"0x{}""#, "07".repeat(32))));
    }

    #[test]
    fn errors_carry_phase_and_text() {
        let error = BlobStoreResult::Error {
            blob_id: None,
            failure_phase: "encode".to_owned(),
            error_msg: "too large".to_owned(),
        };
        assert_eq!(
            json(&error),
            r#"{"error":{"blobId":null,"failurePhase":"encode","errorMsg":"too large"}}"#
        );
    }
}
