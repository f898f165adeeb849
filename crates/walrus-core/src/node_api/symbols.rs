//! Requests for symbols: what may stand in their query strings, and the form of the answers.
//!
//! Keys may be repeated, which is why these queries are not read by field like the others.

use std::{collections::BTreeMap, str::FromStr};

use thiserror::Error;

use crate::{
    SliverIndex, SliverType,
    symbol::{EitherDecodingSymbol, SymbolId},
};

const ID: &str = "id";
const TARGET_SLIVER: &str = "targetSliver";
const TARGET_SLIVERS: &str = "targetSlivers";
const TARGET_TYPE: &str = "targetType";
const PROOF_AXIS: &str = "proofAxis";

/// Symbols of the asked slivers, by sliver. In BCS a map is ordered by the bytes of its keys, so
/// that 256 comes before 1.
pub type DecodingSymbolsResponse = BTreeMap<SliverIndex, Vec<EitherDecodingSymbol>>;

/// Which symbols are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymbolFilter {
    /// These cells: at least one, ascending, each once.
    Ids(Vec<SymbolId>),
    /// Every cell of a sliver that the shards of the node contribute to.
    Target {
        /// The axis of the sliver.
        axis: SliverType,
        /// The sliver.
        index: SliverIndex,
    },
}

/// Query of `recoverySymbols`: `id=P-S` repeated, or `targetSliver` and `targetType`; and
/// optionally `proofAxis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverySymbolsQuery {
    /// Which symbols.
    pub filter: SymbolFilter,
    /// The axis of the slivers to take the symbols from, in whose trees the proofs are; either when
    /// absent.
    pub proof_axis: Option<SliverType>,
}

/// Query of `decodingSymbols`: `targetSlivers` repeated, and `targetType`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodingSymbolsQuery {
    /// The axis of the slivers to decode.
    pub axis: SliverType,
    /// The slivers: at least one, ascending, each once.
    pub targets: Vec<SliverIndex>,
}

/// Why a query for symbols cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SymbolQueryError {
    /// A value is not of its type.
    #[error("invalid {key} {value:?} in the query")]
    Malformed {
        /// The key.
        key: &'static str,
        /// The beginning of the text found.
        value: String,
    },
    /// No symbols are asked for.
    #[error("the query names no symbols: give id, or targetSliver and targetType")]
    NoSymbols,
    /// No slivers are asked for.
    #[error("the query names no slivers: give targetSlivers and targetType")]
    NoTargets,
    /// Filters that exclude each other, or half a filter.
    #[error("give either id, or targetSliver together with targetType")]
    InvalidFilter,
}

impl RecoverySymbolsQuery {
    /// Reads the pairs of a query string. Unknown keys are ignored; of a repeated single value the
    /// last counts.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SymbolQueryError> {
        let mut ids = Vec::new();
        let (mut index, mut axis, mut proof_axis) = (None, None, None);
        for (key, value) in pairs {
            match key {
                ID => ids.push(parse(ID, value)?),
                TARGET_SLIVER => index = Some(parse(TARGET_SLIVER, value)?),
                TARGET_TYPE => axis = Some(parse(TARGET_TYPE, value)?),
                PROOF_AXIS => proof_axis = Some(parse(PROOF_AXIS, value)?),
                _ => {}
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let filter = match (ids.is_empty(), index, axis) {
            (true, None, None) => return Err(SymbolQueryError::NoSymbols),
            (true, Some(index), Some(axis)) => SymbolFilter::Target { axis, index },
            (false, None, None) => SymbolFilter::Ids(ids),
            _ => return Err(SymbolQueryError::InvalidFilter),
        };
        Ok(Self { filter, proof_axis })
    }

    /// The pairs of the query string.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<_> = match &self.filter {
            SymbolFilter::Ids(ids) => ids.iter().map(|id| (ID, id.to_string())).collect(),
            SymbolFilter::Target { axis, index } => vec![
                (TARGET_SLIVER, index.to_string()),
                (TARGET_TYPE, axis.to_string()),
            ],
        };
        pairs.extend(self.proof_axis.map(|axis| (PROOF_AXIS, axis.to_string())));
        pairs
    }
}

impl DecodingSymbolsQuery {
    /// Reads the pairs of a query string. Unknown keys are ignored; of a repeated single value the
    /// last counts.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SymbolQueryError> {
        let (mut targets, mut axis) = (Vec::new(), None);
        for (key, value) in pairs {
            match key {
                TARGET_SLIVERS => targets.push(parse(TARGET_SLIVERS, value)?),
                TARGET_TYPE => axis = Some(parse(TARGET_TYPE, value)?),
                _ => {}
            }
        }
        targets.sort_unstable();
        targets.dedup();
        match axis {
            Some(axis) if !targets.is_empty() => Ok(Self { axis, targets }),
            _ => Err(SymbolQueryError::NoTargets),
        }
    }

    /// The pairs of the query string.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        self.targets
            .iter()
            .map(|target| (TARGET_SLIVERS, target.to_string()))
            .chain([(TARGET_TYPE, self.axis.to_string())])
            .collect()
    }
}

/// Characters of a value that an error repeats at most.
const EXCERPT_CHARS_MAX: usize = 100;

fn parse<T: FromStr>(key: &'static str, value: &str) -> Result<T, SymbolQueryError> {
    value.parse().map_err(|_| SymbolQueryError::Malformed {
        key,
        value: value.chars().take(EXCERPT_CHARS_MAX).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::DecodingSymbol;

    fn recovery(
        pairs: &[(&'static str, &'static str)],
    ) -> Result<RecoverySymbolsQuery, SymbolQueryError> {
        RecoverySymbolsQuery::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn recovery_queries_round_trip() {
        let by_id = recovery(&[("id", "3-1"), ("id", "1-3"), ("id", "3-1")]).unwrap();
        assert_eq!(
            by_id.to_pairs(),
            [("id", "1-3".into()), ("id", "3-1".into())]
        );
        let target = recovery(&[
            ("targetSliver", "7"),
            ("targetType", "primary"),
            ("proofAxis", "secondary"),
            ("unknown", "ignored"),
        ])
        .unwrap();
        for query in [by_id, target] {
            let pairs = query.to_pairs();
            let pairs = pairs.iter().map(|(key, value)| (*key, value.as_str()));
            assert_eq!(RecoverySymbolsQuery::from_pairs(pairs), Ok(query.clone()));
        }
    }

    #[test]
    fn filters_exclude_each_other() {
        assert_eq!(recovery(&[]), Err(SymbolQueryError::NoSymbols));
        assert_eq!(
            recovery(&[("proofAxis", "primary")]),
            Err(SymbolQueryError::NoSymbols)
        );
        for pairs in [
            &[
                ("id", "1-1"),
                ("targetSliver", "1"),
                ("targetType", "primary"),
            ][..],
            &[("id", "1-1"), ("targetType", "primary")],
            &[("targetSliver", "1")],
            &[("targetType", "primary")],
        ] {
            assert_eq!(recovery(pairs), Err(SymbolQueryError::InvalidFilter));
        }
        for pair in [
            ("id", "1"),
            ("targetSliver", "-1"),
            ("targetType", "Primary"),
            ("proofAxis", ""),
        ] {
            assert!(matches!(
                recovery(&[pair]),
                Err(SymbolQueryError::Malformed { .. })
            ));
        }
    }

    #[test]
    fn decoding_queries_need_targets_and_their_axis() {
        let parse = |pairs: &[(&'static str, &'static str)]| {
            DecodingSymbolsQuery::from_pairs(pairs.iter().copied())
        };
        let query = parse(&[
            ("targetSlivers", "2"),
            ("targetType", "secondary"),
            ("targetSlivers", "1"),
        ])
        .unwrap();
        assert_eq!(query.targets, [SliverIndex(1), SliverIndex(2)]);
        let pairs = query.to_pairs();
        let pairs = pairs.iter().map(|(key, value)| (*key, value.as_str()));
        assert_eq!(DecodingSymbolsQuery::from_pairs(pairs), Ok(query.clone()));
        for pairs in [&[("targetSlivers", "2")][..], &[("targetType", "primary")]] {
            assert_eq!(parse(pairs), Err(SymbolQueryError::NoTargets));
        }
    }

    #[test]
    fn answers_are_ordered_by_the_bytes_of_their_keys() {
        let symbol = EitherDecodingSymbol::Primary(DecodingSymbol::new(SliverIndex(3), vec![1, 2]));
        let answer = DecodingSymbolsResponse::from([
            (SliverIndex(1), vec![symbol]),
            (SliverIndex(256), Vec::new()),
        ]);
        let bytes = bcs::to_bytes(&answer).unwrap();
        assert_eq!(hex::encode(&bytes), "02000100010001000300020102");
        let decoded: DecodingSymbolsResponse = bcs::from_bytes(&bytes).unwrap();
        assert_eq!(decoded, answer);
    }
}
