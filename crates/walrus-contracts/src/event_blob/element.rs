//! Elements of the event stream, and what they look like in a file.

use std::fmt;

use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use walrus_core::{EncodingType, Epoch, EventId};

use super::{ENTRY_BYTES_MAX, EventBlobError};
use crate::events::{
    BlobCertified, BlobDeleted, BlobRegistered, ContractUpgradeProposed,
    ContractUpgradeQuorumReached, ContractUpgraded, DenyListBlobDeleted, DenyListUpdate,
    EpochChangeDone, EpochChangeStart, EpochParametersSelected, InvalidBlobID, PooledBlobCertified,
    PooledBlobDeleted, PooledBlobRegistered, PricesUpdated, ProtocolVersionUpdated,
    RegisterDenyListUpdate, ShardRecoveryStart, ShardsReceived, StoragePoolCreated,
    StoragePoolExtended, WalrusEvent,
};

/// What the event stream consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamElement {
    /// An event.
    Event(EventId, WalrusEvent),
    /// The end of a checkpoint, after its events.
    CheckpointBoundary,
}

/// Where an element is in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The checkpoint it is in.
    pub checkpoint: u64,
    /// Its position among the elements of the checkpoint, from 0. That of the boundary is the
    /// number of events.
    pub counter: u64,
    /// Its position in the whole stream, from 0.
    pub index: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            checkpoint,
            counter,
            index,
        } = self;
        write!(f, "element {index} ({counter} of checkpoint {checkpoint})")
    }
}

/// An element in the encoding of files, without its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedElement(Vec<u8>);

/// The encoded form of a position: three `u64`.
const POSITION_BYTES: usize = 24;

impl EncodedElement {
    /// Takes bytes that [`Self::as_bytes`] gave, refusing others.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, EventBlobError> {
        let element = Self(bytes);
        element.decode()?;
        Ok(element)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The element.
    pub fn decode(&self) -> Result<StreamElement, EventBlobError> {
        decode_element(&self.0).map_err(|reason| EventBlobError::Entry { offset: 0, reason })
    }

    /// Bytes of its entry in a file.
    pub fn entry_bytes(&self) -> usize {
        let data = self.data_bytes();
        leb128_bytes(data) + 1 + data
    }

    pub(super) fn data_bytes(&self) -> usize {
        self.0.len() + POSITION_BYTES
    }
}

fn leb128_bytes(number: usize) -> usize {
    let bits = usize::BITS - number.leading_zeros();
    usize::saturating_from(bits.div_ceil(7).max(1))
}

impl StreamElement {
    /// The element as files have it. Fails for an event that the format has no place for.
    pub fn encode(&self) -> Result<EncodedElement, EventBlobError> {
        let (element, name) = match self {
            Self::Event(id, event) => (
                Element::ContractEvent(ContractEvent::new(*id, event)),
                event.name(),
            ),
            Self::CheckpointBoundary => (Element::CheckpointBoundary, "the end of a checkpoint"),
        };
        let unwritable = |reason| EventBlobError::Unwritable {
            event: name,
            reason,
        };
        element.check().map_err(unwritable)?;
        let bytes = bcs::to_bytes(&element).map_err(|error| unwritable(error.to_string()))?;
        if bytes.len() + POSITION_BYTES > ENTRY_BYTES_MAX {
            return Err(unwritable(format!("it has {} bytes", bytes.len())));
        }
        Ok(EncodedElement(bytes))
    }

    /// The epoch that begins with this element, if one does.
    pub fn begins_epoch(&self) -> Option<Epoch> {
        match self {
            Self::Event(_, WalrusEvent::EpochChangeStart(start)) => Some(start.epoch),
            _ => None,
        }
    }
}

impl From<Element> for StreamElement {
    fn from(element: Element) -> Self {
        match element {
            Element::ContractEvent(event) => {
                let (id, event) = event.into_parts();
                Self::Event(id, event)
            }
            Element::CheckpointBoundary => Self::CheckpointBoundary,
        }
    }
}

fn decode_element(bytes: &[u8]) -> Result<StreamElement, String> {
    let element: Element = bcs::from_bytes(bytes).map_err(|error| error.to_string())?;
    element.check()?;
    Ok(element.into())
}

/// Takes the data of an entry apart.
pub(super) fn decode_entry(data: &[u8]) -> Result<(StreamElement, Position), String> {
    let entry: Entry = bcs::from_bytes(data).map_err(|error| error.to_string())?;
    entry.element.check()?;
    Ok((entry.element.into(), entry.position))
}

/// The data of an entry.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    element: Element,
    position: Position,
}

#[derive(Debug, Serialize, Deserialize)]
enum Element {
    ContractEvent(ContractEvent),
    CheckpointBoundary,
}

impl Element {
    /// Checks values that Move knows as numbers and the format as a choice of few.
    fn check(&self) -> Result<(), String> {
        let encoding_type = match self {
            Self::ContractEvent(ContractEvent::Blob(BlobEvent::Registered(event, _))) => {
                event.encoding_type
            }
            Self::ContractEvent(ContractEvent::Blob(BlobEvent::PooledRegistered(event, _))) => {
                event.encoding_type
            }
            _ => return Ok(()),
        };
        if encoding_type == RETIRED_ENCODING_TYPE {
            return Ok(());
        }
        EncodingType::try_from(encoding_type)
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

/// An erasure code that contracts once accepted: its number may stand in old events.
const RETIRED_ENCODING_TYPE: u8 = 0;

/// Defines the groups of events and their order, which are part of the format.
macro_rules! define_groups {
    ($($outer:ident($group:ident) { $($variant:ident($event:ident),)* })*) => {
        $(
            #[derive(Debug, Serialize, Deserialize)]
            enum $group {
                $($variant($event, EventId),)*
            }
        )*

        #[derive(Debug, Serialize, Deserialize)]
        enum ContractEvent {
            $($outer($group),)*
        }

        impl ContractEvent {
            fn new(id: EventId, event: &WalrusEvent) -> Self {
                match event.clone() {
                    $($(WalrusEvent::$event(event) => Self::$outer($group::$variant(event, id)),)*)*
                }
            }

            fn into_parts(self) -> (EventId, WalrusEvent) {
                match self {
                    $($(Self::$outer($group::$variant(event, id)) => (id, event.into()),)*)*
                }
            }
        }
    };
}

define_groups! {
    Blob(BlobEvent) {
        Registered(BlobRegistered),
        Certified(BlobCertified),
        Deleted(BlobDeleted),
        Invalid(InvalidBlobID),
        DenyListed(DenyListBlobDeleted),
        PooledRegistered(PooledBlobRegistered),
        PooledCertified(PooledBlobCertified),
        PooledDeleted(PooledBlobDeleted),
    }
    EpochChange(EpochChangeEvent) {
        ParametersSelected(EpochParametersSelected),
        Start(EpochChangeStart),
        Done(EpochChangeDone),
        Received(ShardsReceived),
        RecoveryStart(ShardRecoveryStart),
    }
    Package(PackageEvent) {
        Upgraded(ContractUpgraded),
        UpgradeProposed(ContractUpgradeProposed),
        UpgradeQuorumReached(ContractUpgradeQuorumReached),
    }
    DenyList(DenyListEvent) {
        Register(RegisterDenyListUpdate),
        Update(DenyListUpdate),
    }
    Protocol(ProtocolEvent) {
        VersionUpdated(ProtocolVersionUpdated),
        Prices(PricesUpdated),
    }
    StoragePool(StoragePoolEvent) {
        Created(StoragePoolCreated),
        Extended(StoragePoolExtended),
    }
}
