//! Nodes by name, because nobody types 66 digits.

use std::{convert::Infallible, fmt, str::FromStr};

use walrus_core::{ObjectId, text::printable};

use super::SuiReader;
use crate::error::SuiError;

/// Hex digits of a full ID.
const ID_DIGITS: usize = 64;
/// Fewest hex digits that stand for an ID that begins with them.
const PREFIX_DIGITS_MIN: usize = 4;
/// Nodes that an error names.
const NAMED_MAX: usize = 5;

/// A node as people name it: by its ID, by its name, or by the beginning of either.
///
/// Names are what nodes call themselves: anybody can take one that is taken. So whatever fits
/// several nodes names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeRef {
    /// Its ID in full.
    Id(ObjectId),
    /// Anything else.
    Name(String),
}

impl FromStr for NodeRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let is_full = digits(text).is_some_and(|digits| digits.len() == ID_DIGITS);
        Ok(match text.parse() {
            Ok(id) if is_full => Self::Id(id),
            _ => Self::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => write!(f, "{:?}", printable(name)),
        }
    }
}

/// The hex digits after `0x`.
fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x")?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(digits)
}

impl NodeRef {
    /// The nodes that are meant among `nodes`, which are IDs with names. The whole name goes before
    /// beginnings.
    pub fn find<'a>(&self, nodes: &'a [(ObjectId, String)]) -> Vec<&'a (ObjectId, String)> {
        let name = match self {
            Self::Id(id) => return nodes.iter().filter(|(node, _)| node == id).collect(),
            Self::Name(name) => name,
        };
        let whole: Vec<_> = nodes.iter().filter(|(_, known)| known == name).collect();
        let prefix = digits(name)
            .filter(|digits| digits.len() >= PREFIX_DIGITS_MIN)
            .map(|_| name.to_ascii_lowercase());
        let begins = |(id, known): &&(ObjectId, String)| match &prefix {
            Some(prefix) => id.to_string().starts_with(prefix) || known == name,
            None => !name.is_empty() && known.starts_with(name.as_str()),
        };
        if whole.is_empty() || prefix.is_some() {
            nodes.iter().filter(begins).collect()
        } else {
            whole
        }
    }
}

impl SuiReader {
    /// The ID of the node that is meant: among the nodes with stake, else among all that ever
    /// registered.
    pub async fn node_id(&self, node: &NodeRef) -> Result<ObjectId, SuiError> {
        if let NodeRef::Id(id) = node {
            return Ok(*id);
        }
        for all in [false, true] {
            let pools = self.node_pools(all).await?;
            let nodes: Vec<(ObjectId, String)> = pools
                .into_iter()
                .map(|node| (node.pool.id, node.pool.node_info.name))
                .collect();
            match node.find(&nodes)[..] {
                [] => {}
                [(id, _)] => return Ok(*id),
                ref several => return Err(ambiguous(node, several)),
            }
        }
        Err(SuiError::InvalidInput(format!(
            "there is no node {node}: give its name, its ID, or at least {PREFIX_DIGITS_MIN} digits of it after 0x"
        )))
    }
}

fn ambiguous(node: &NodeRef, several: &[&(ObjectId, String)]) -> SuiError {
    let shown = several.iter().take(NAMED_MAX);
    let names: Vec<String> = shown
        .map(|(id, name)| format!("{id} ({})", printable(name)))
        .collect();
    let more = match several.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    SuiError::InvalidInput(format!(
        "{node} can mean {} nodes: {}{more}; give the ID of one",
        several.len(),
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Vec<u8> {
        let node = |byte: u8, name: &str| (ObjectId([byte; 32]), name.to_owned());
        let nodes = [
            node(0x11, "harbour"),
            node(0x12, "harbour north"),
            node(0x13, "lake"),
            node(0x14, "lake"),
            node(0x15, "0x1313"),
        ];
        let found: NodeRef = text.parse().unwrap();
        found.find(&nodes).iter().map(|(id, _)| id.0[0]).collect()
    }

    #[test]
    fn names_and_beginnings_mean_nodes() {
        let full = ObjectId([0x14; 32]).to_string();
        for (text, expected) in [
            ("harbour", vec![0x11]),
            ("harbour n", vec![0x12]),
            ("harb", vec![0x11, 0x12]),
            ("lake", vec![0x13, 0x14]),
            ("0x1111", vec![0x11]),
            ("0x1111FF", vec![]),
            (full.as_str(), vec![0x14]),
            // Who is called like somebody's ID is not taken for them.
            ("0x1313", vec![0x13, 0x15]),
            // Too few digits for a beginning.
            ("0x11", vec![]),
            ("sea", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }
}
