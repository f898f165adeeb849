//! Who answered, who did not and why: the part of an error that tells what to look at.

use std::fmt;

use crate::node::NodeError;

/// Failures that are spelled out in a message; the others are counted.
const FAILURES_SHOWN_MAX: usize = 4;

/// A node that could not contribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFailure {
    /// The node's name on chain.
    pub node: String,
    /// Shards it owns.
    pub shards: u16,
    /// What went wrong.
    pub error: NodeError,
}

/// How many shards contributed to an operation that needed more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardReport {
    /// Shards that gave a correct answer.
    pub answered: u16,
    /// Shards that had to.
    pub needed: u16,
    /// Shards there are.
    pub total: u16,
    /// The nodes that did not, in the order in which they failed.
    pub failures: Vec<NodeFailure>,
}

impl fmt::Display for ShardReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} shards answered, {} are needed",
            self.answered, self.total, self.needed
        )?;
        for failure in self.failures.iter().take(FAILURES_SHOWN_MAX) {
            write!(
                f,
                "; {} ({} shards): {}",
                failure.node, failure.shards, failure.error
            )?;
        }
        match self.failures.len().saturating_sub(FAILURES_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "; and {more} more nodes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_shards_and_nodes() {
        let failure = |i: u16| NodeFailure {
            node: format!("node-{i}"),
            shards: 3,
            error: NodeError::Unreachable("Connection refused (os error 111)".into()),
        };
        let report = |count| ShardReport {
            answered: 4,
            needed: 7,
            total: 10,
            failures: (0..count).map(failure).collect(),
        };
        assert_eq!(
            report(1).to_string(),
            "4 of 10 shards answered, 7 are needed; \
             node-0 (3 shards): cannot connect: Connection refused (os error 111)"
        );
        assert!(report(6).to_string().ends_with("; and 2 more nodes"));
    }
}
