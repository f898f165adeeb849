//! What a lying node says instead of the truth: pure functions from an honest answer to another
//! one.

use std::{fmt, str::FromStr};

use axum::body::Bytes;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use walrus_core::{
    Sliver,
    messages::SyncShardResponse,
    node_api::{ColumnsResponse, DecodingSymbolsResponse},
    symbol::{EitherDecodingSymbol, GeneralRecoverySymbol},
};

/// How a node lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// It does not.
    #[default]
    Truth,
    /// Slivers with a flipped bit, to readers and to new owners of its shards.
    WrongSlivers,
    /// Symbols with a flipped bit, to nodes that recover slivers.
    WrongSymbols,
    /// Symbols that are right, with proofs that are not.
    WrongProofs,
    /// Metadata with a flipped bit.
    WrongMetadata,
    /// Confirmations and attestations with another signature.
    WrongSignatures,
    /// Bytes that are nothing at all.
    Garbage,
    /// It takes every request and never answers.
    Silence,
    /// It answers a byte at a time.
    Drip,
    /// It tells one the truth and the next one something else.
    Equivocation,
}

/// The text names no lie.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown lie {0:?}; there are {known}", known = names())]
pub struct LieParseError(String);

/// What is done with an honest answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is sent as it is.
    Nothing,
    /// Another body is sent.
    Body(Bytes),
    /// Another status and body are sent.
    Refusal,
    /// It is sent a byte at a time.
    Drip,
    /// Nothing is sent, ever.
    Silence,
}

/// What a request is about, as far as somebody could lie about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Metadata,
    Sliver,
    Shard,
    RecoverySymbols,
    DecodingSymbols,
    Columns,
    Signature,
    Other,
}

/// What garbage looks like.
const GARBAGE: &[u8] = &[0xa5; 1_000];

impl Lie {
    /// All lies, and the truth.
    pub const ALL: [Self; 10] = [
        Self::Truth,
        Self::WrongSlivers,
        Self::WrongSymbols,
        Self::WrongProofs,
        Self::WrongMetadata,
        Self::WrongSignatures,
        Self::Garbage,
        Self::Silence,
        Self::Drip,
        Self::Equivocation,
    ];

    /// Its name in commands and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truth => "truth",
            Self::WrongSlivers => "wrong-slivers",
            Self::WrongSymbols => "wrong-symbols",
            Self::WrongProofs => "wrong-proofs",
            Self::WrongMetadata => "wrong-metadata",
            Self::WrongSignatures => "wrong-signatures",
            Self::Garbage => "garbage",
            Self::Silence => "silence",
            Self::Drip => "drip",
            Self::Equivocation => "equivocation",
        }
    }

    /// What to do with the honest answer `body` to the request number `turn`.
    pub(crate) fn deed(self, method: &Method, path: &str, body: &[u8], turn: usize) -> Deed {
        let subject = Subject::of(method, path);
        let told = match self {
            Self::Silence => return Deed::Silence,
            Self::Drip => return Deed::Drip,
            Self::Garbage => (subject != Subject::Other).then(|| Bytes::from_static(GARBAGE)),
            Self::WrongSlivers => match subject {
                Subject::Sliver => Some(flipped(body)),
                Subject::Shard => changed(body, spoil_shard),
                _ => None,
            },
            Self::WrongSymbols => match subject {
                Subject::RecoverySymbols => {
                    changed(body, |symbols: &mut Vec<_>| spoil_symbols(symbols))
                }
                Subject::DecodingSymbols => changed(body, spoil_cells),
                Subject::Columns => changed(body, spoil_columns),
                _ => None,
            },
            Self::WrongProofs if subject == Subject::RecoverySymbols => {
                changed(body, |symbols: &mut Vec<_>| spoil_proofs(symbols))
            }
            Self::WrongMetadata if subject == Subject::Metadata => Some(flipped(body)),
            Self::WrongSignatures if subject == Subject::Signature => other_signature(body),
            Self::Equivocation => return equivocate(subject, method, path, body, turn),
            Self::Truth | Self::WrongProofs | Self::WrongMetadata | Self::WrongSignatures => None,
        };
        told.map_or(Deed::Nothing, Deed::Body)
    }
}

/// One is told the truth, the next one a lie, the one after that that there is nothing.
fn equivocate(subject: Subject, method: &Method, path: &str, body: &[u8], turn: usize) -> Deed {
    let lie = match subject {
        Subject::Metadata => Lie::WrongMetadata,
        Subject::Sliver | Subject::Shard => Lie::WrongSlivers,
        Subject::RecoverySymbols | Subject::DecodingSymbols | Subject::Columns => Lie::WrongSymbols,
        Subject::Signature => Lie::WrongSignatures,
        Subject::Other => Lie::Truth,
    };
    match turn % 3 {
        0 => Deed::Nothing,
        1 => lie.deed(method, path, body, turn),
        _ if subject == Subject::Other => Deed::Nothing,
        _ => Deed::Refusal,
    }
}

impl Subject {
    fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<_> = path.trim_matches('/').split('/').skip(1).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["blobs", _, "metadata"]) => Self::Metadata,
            ("GET", ["blobs", _, "slivers", _, _]) => Self::Sliver,
            ("GET", ["blobs", _, "recoverySymbols"]) => Self::RecoverySymbols,
            ("GET", ["blobs", _, "decodingSymbols"]) => Self::DecodingSymbols,
            ("GET", ["blobs", _, "confirmation", ..])
            | ("POST", ["blobs", _, "inconsistencyProof", _]) => Self::Signature,
            ("POST", ["migrate", "sync_shard"]) => Self::Shard,
            ("POST", ["recovery", "columns"]) => Self::Columns,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Lie {
    type Err = LieParseError;

    fn from_str(text: &str) -> Result<Self, LieParseError> {
        Self::ALL
            .into_iter()
            .find(|lie| lie.name() == text)
            .ok_or_else(|| LieParseError(text.chars().take(40).collect()))
    }
}

fn names() -> String {
    Lie::ALL.map(Lie::name).join(", ")
}

/// The status that goes with [`Deed::Refusal`].
pub(crate) const REFUSAL: StatusCode = StatusCode::NOT_FOUND;

/// The same bytes with one bit changed where symbols or hashes are.
fn flipped(body: &[u8]) -> Bytes {
    let mut bytes = body.to_vec();
    let middle = bytes.len() / 2;
    flip(&mut bytes, middle);
    bytes.into()
}

fn flip(bytes: &mut [u8], position: usize) {
    if let Some(byte) = bytes.get_mut(position) {
        *byte ^= 1;
    }
}

/// The BCS of a value after a change; `None` if the bytes are not such a value, as when the honest
/// node refuses.
fn changed<T: Serialize + DeserializeOwned>(body: &[u8], change: fn(&mut T)) -> Option<Bytes> {
    let mut value: T = bcs::from_bytes(body).ok()?;
    change(&mut value);
    Some(bcs::to_bytes(&value).ok()?.into())
}

fn spoil_shard(response: &mut SyncShardResponse) {
    let SyncShardResponse::V1(slivers) = response;
    for (_, sliver) in slivers {
        match sliver {
            Sliver::Primary(sliver) => flip(&mut sliver.symbols.data, 0),
            Sliver::Secondary(sliver) => flip(&mut sliver.symbols.data, 0),
        }
    }
}

fn spoil_symbols(symbols: &mut [GeneralRecoverySymbol]) {
    for symbol in symbols {
        spoil_cell(&mut symbol.symbol);
    }
}

fn spoil_cells(symbols: &mut DecodingSymbolsResponse) {
    symbols.values_mut().flatten().for_each(spoil_cell);
}

fn spoil_columns(columns: &mut ColumnsResponse) {
    for (_, column) in columns.iter_mut().flatten() {
        flip(&mut column.symbols.data, 0);
    }
}

fn spoil_cell(symbol: &mut EitherDecodingSymbol) {
    match symbol {
        EitherDecodingSymbol::Primary(symbol) => flip(&mut symbol.data, 0),
        EitherDecodingSymbol::Secondary(symbol) => flip(&mut symbol.data, 0),
    }
}

fn spoil_proofs(symbols: &mut [GeneralRecoverySymbol]) {
    // Proofs that are right for their neighbours.
    let proofs: Vec<_> = symbols.iter().map(|symbol| symbol.proof.clone()).collect();
    let count = proofs.len();
    for (position, symbol) in symbols.iter_mut().enumerate() {
        symbol.proof = if count > 1 {
            proofs[(position + 1) % count].clone()
        } else {
            walrus_core::merkle::MerkleProof::default()
        };
    }
}

/// The same JSON with the first letter of the signature changed.
fn other_signature(body: &[u8]) -> Option<Bytes> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let signature = find(&mut value, "signature")?;
    let text = signature.as_str()?;
    let other = if text.starts_with('A') { "B" } else { "A" };
    *signature = Value::String(format!("{other}{}", text.get(1..)?));
    Some(value.to_string().into())
}

/// The first value with this key, however deep.
fn find<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let Value::Object(fields) = value else {
        return None;
    };
    if fields.contains_key(key) {
        return fields.get_mut(key);
    }
    fields.values_mut().find_map(|inner| find(inner, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        for lie in Lie::ALL {
            assert_eq!(lie.name().parse(), Ok(lie));
            assert_eq!(serde_json::to_value(lie).unwrap(), lie.name());
        }
        let error = "truths".parse::<Lie>().unwrap_err().to_string();
        assert!(error.contains("wrong-slivers"), "{error}");
    }

    #[test]
    fn only_what_a_lie_is_about_is_changed() {
        let deed = |lie: Lie, path: &str, body: &[u8]| lie.deed(&Method::GET, path, body, 1);
        let sliver = "/v1/blobs/x/slivers/3/primary";
        assert_eq!(deed(Lie::Truth, sliver, b"abc"), Deed::Nothing);
        assert_eq!(deed(Lie::WrongMetadata, sliver, b"abc"), Deed::Nothing);
        let told = Deed::Body(Bytes::from_static(b"acc"));
        assert_eq!(deed(Lie::WrongSlivers, sliver, b"abc"), told);
        assert_eq!(deed(Lie::Equivocation, sliver, b"abc"), told);
        assert_eq!(deed(Lie::Silence, "/v1/health", b"{}"), Deed::Silence);
        let honest = br#"{"success":{"data":{"signed":{"signature":"ABC"}}}}"#;
        let told = br#"{"success":{"data":{"signed":{"signature":"BBC"}}}}"#;
        let path = "/v1/blobs/x/confirmation/permanent";
        let told = Deed::Body(Bytes::from_static(told));
        assert_eq!(deed(Lie::WrongSignatures, path, honest), told);
    }
}
