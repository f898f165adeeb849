//! Binary Merkle trees over BLAKE2b.
//!
//! Leaves and inner nodes are hashed in different domains. A level with an odd number of nodes
//! (more than one) is completed by an *empty* node, which hashes as 32 zero bytes.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};
use stdx::SaturatingFrom as _;
use thiserror::Error;

use crate::{
    hash::{
        Digest, INNER_PREFIX, LEAF_PREFIX, blake2b256, hash_pairs_in_place, hash_row_pairs_in_place,
    },
    wire::Marker,
};

/// The longest authentication path that is decoded; trees have at most 65 536 leaves, so valid ones
/// have at most 16 nodes.
pub const MAX_PATH_LENGTH: usize = 64;

/// A node of a Merkle tree. An empty node and a digest of zeros hash alike but are not equal.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Node {
    /// Completes a level with an odd number of nodes; the root of a tree without leaves.
    #[default]
    Empty,
    /// The hash of a leaf or of two nodes.
    Digest(Digest),
}

impl Node {
    /// The bytes that enter the hash of the parent: the digest, or zeros.
    pub const fn as_bytes(&self) -> &Digest {
        match self {
            Self::Empty => &[0; 32],
            Self::Digest(digest) => digest,
        }
    }
}

impl From<Digest> for Node {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// `H(0 ‖ data)`.
pub fn leaf_hash(data: &[u8]) -> Digest {
    blake2b256(&[&[LEAF_PREFIX], data])
}

/// `H(1 ‖ left ‖ right)`.
pub fn inner_hash(left: &Node, right: &Node) -> Digest {
    blake2b256(&[&[INNER_PREFIX], left.as_bytes(), right.as_bytes()])
}

/// Replaces the nodes of a level by their parents. Returns how many there are; a single node is its
/// own parent only if it is the root, so at least two nodes are expected.
fn reduce_level(nodes: &mut [Digest]) -> usize {
    let odd = (nodes.len() % 2 == 1)
        .then(|| nodes.last().copied().map(Node::Digest))
        .flatten();
    let pairs = hash_pairs_in_place(nodes);
    let Some(odd) = odd else { return pairs };
    nodes[pairs] = inner_hash(&odd, &Node::Empty);
    pairs + 1
}

/// The root over the leaf hashes, which are used up as working memory.
pub fn root_of_leaf_hashes(nodes: &mut [Digest]) -> Node {
    let mut count = nodes.len();
    while count > 1 {
        count = reduce_level(&mut nodes[..count]);
    }
    nodes.first().copied().map_or(Node::Empty, Node::Digest)
}

/// The roots of `width` trees side by side: of each tree, the leaf hashes are a column of `nodes`,
/// whose rows follow each other. They are used up as working memory.
pub fn roots_of_columns(nodes: &mut [Digest], width: usize) -> Vec<Node> {
    let mut count = nodes.len() / width;
    while count > 1 {
        let pairs = hash_row_pairs_in_place(&mut nodes[..count * width], width);
        if count % 2 == 1 {
            // The last row meets a row of empty nodes, which hash as zeros.
            let mut last = nodes[(count - 1) * width..count * width].to_vec();
            last.resize(2 * width, [0; 32]);
            hash_row_pairs_in_place(&mut last, width);
            nodes[pairs * width..][..width].copy_from_slice(&last[..width]);
        }
        count = pairs + count % 2;
    }
    let roots = nodes[..count * width].iter().copied().map(Node::Digest);
    roots
        .chain(std::iter::repeat(Node::Empty))
        .take(width)
        .collect()
}

/// Why a proof does not show that a leaf is in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MerkleProofError {
    /// The path has more nodes than the tree has levels.
    #[error("the authentication path is longer than the tree is high")]
    PathLengthTooLarge,
    /// The path is too short for the index.
    #[error("leaf {0} is out of bounds")]
    LeafIndexOutOfBounds(usize),
    /// The root that follows from leaf and path is another one.
    #[error("the leaf does not belong to the tree with this root")]
    RootMismatch,
}

/// An authentication path: the siblings from a leaf up to the root.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct MerkleProof {
    /// The siblings, from the level of the leaves upwards.
    pub path: Vec<Node>,
}

impl MerkleProof {
    /// Checks that the leaf with this data is at `index` in the tree of `leaf_count` leaves.
    pub fn verify(
        &self,
        root: &Node,
        leaf_count: usize,
        leaf: &[u8],
        index: usize,
    ) -> Result<(), MerkleProofError> {
        if self.path.len() > path_length(leaf_count) {
            return Err(MerkleProofError::PathLengthTooLarge);
        }
        let length = u32::saturating_from(self.path.len());
        if index.checked_shr(length).unwrap_or_default() != 0 {
            return Err(MerkleProofError::LeafIndexOutOfBounds(index));
        }
        let computed =
            self.path
                .iter()
                .enumerate()
                .fold(leaf_hash(leaf), |node, (level, sibling)| {
                    let node = Node::Digest(node);
                    if (index >> level).is_multiple_of(2) {
                        inner_hash(&node, sibling)
                    } else {
                        inner_hash(sibling, &node)
                    }
                });
        if Node::Digest(computed) == *root {
            Ok(())
        } else {
            Err(MerkleProofError::RootMismatch)
        }
    }
}

impl Serialize for MerkleProof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("MerkleProof", 2)?;
        fields.serialize_field("_hash_type", &Marker)?;
        fields.serialize_field("path", &self.path)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for MerkleProof {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "MerkleProof")]
        struct Wire {
            path: Vec<Node>,
        }
        let Wire { path } = Wire::deserialize(source)?;
        if path.len() > MAX_PATH_LENGTH {
            return Err(de::Error::invalid_length(path.len(), &"at most 64 nodes"));
        }
        Ok(Self { path })
    }
}

/// Number of nodes on the path of every leaf of a tree with `leaf_count` leaves: its height.
pub fn path_length(leaf_count: usize) -> usize {
    match leaf_count.checked_sub(1).and_then(usize::checked_ilog2) {
        Some(log) => log as usize + 1,
        None => 0,
    }
}

/// A tree kept whole, for making proofs. To get only the root, use [`root_of_leaf_hashes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    /// The levels from the leaves to the root, without the empty nodes.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// Builds the tree over the data of the leaves.
    pub fn build<I>(leaves: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        Self::from_leaf_hashes(
            leaves
                .into_iter()
                .map(|leaf| leaf_hash(leaf.as_ref()))
                .collect(),
        )
    }

    /// Builds the tree over leaves that are hashed already.
    pub fn from_leaf_hashes(leaf_hashes: Vec<Digest>) -> Self {
        let mut levels = vec![leaf_hashes];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let mut parents = level.clone();
            let count = reduce_level(&mut parents);
            parents.truncate(count);
            levels.push(parents);
        }
        Self { levels }
    }

    /// The root; empty if there are no leaves.
    pub fn root(&self) -> Node {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().map_or(Node::Empty, Node::Digest)
    }

    /// Number of leaves.
    pub fn leaf_count(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// The proof for the leaf at `index`, if there is one.
    pub fn proof(&self, index: usize) -> Option<MerkleProof> {
        if index >= self.leaf_count() {
            return None;
        }
        let below_root = &self.levels[..self.levels.len() - 1];
        let path = below_root.iter().enumerate().map(|(height, level)| {
            let sibling = level.get((index >> height) ^ 1);
            sibling.copied().map_or(Node::Empty, Node::Digest)
        });
        Some(MerkleProof {
            path: path.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|i| i.to_le_bytes()[..i % 5].to_vec())
            .collect()
    }

    #[test]
    fn small_trees() {
        assert_eq!(MerkleTree::build(leaves(0)).root(), Node::Empty);
        let one = MerkleTree::build([b"x"]);
        assert_eq!(one.root(), Node::Digest(leaf_hash(b"x")));
        assert_eq!(one.proof(0), Some(MerkleProof::default()));
        assert_eq!(one.proof(1), None);
        let [a, b, c] = [b"a", b"b", b"c"].map(|leaf| Node::Digest(leaf_hash(leaf)));
        let left = Node::Digest(inner_hash(&a, &b));
        let right = Node::Digest(inner_hash(&c, &Node::Empty));
        assert_eq!(
            MerkleTree::build([b"a", b"b", b"c"]).root(),
            Node::Digest(inner_hash(&left, &right))
        );
    }

    #[test]
    fn long_paths_do_not_decode() {
        let proof = MerkleProof {
            path: vec![Node::Empty; MAX_PATH_LENGTH + 1],
        };
        let bytes = bcs::to_bytes(&proof).unwrap();
        assert!(bcs::from_bytes::<MerkleProof>(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn every_proof_verifies_and_only_for_its_leaf(
            count in 1_usize..70, index: usize, other: usize,
        ) {
            let (index, other) = (index % count, other % count);
            let data = leaves(count);
            let tree = MerkleTree::build(&data);
            let proof = tree.proof(index).unwrap();
            prop_assert_eq!(proof.path.len(), path_length(count));
            prop_assert_eq!(proof.verify(&tree.root(), count, &data[index], index), Ok(()));
            if other != index {
                prop_assert!(proof.verify(&tree.root(), count, &data[index], other).is_err());
            }
            prop_assert!(proof.verify(&tree.root(), count, b"another leaf", index).is_err());
            prop_assert!(proof.verify(&tree.root(), count, &data[index], usize::MAX).is_err());
        }

        #[test]
        fn roots_agree_however_they_are_computed(count in 0_usize..200) {
            let hashes: Vec<Digest> = leaves(count).iter().map(|leaf| leaf_hash(leaf)).collect();
            let root = MerkleTree::from_leaf_hashes(hashes.clone()).root();
            prop_assert_eq!(root_of_leaf_hashes(&mut hashes.clone()), root);
            let other: Vec<Digest> = hashes.iter().map(|hash| leaf_hash(hash)).collect();
            let other_root = root_of_leaf_hashes(&mut other.clone());
            let mut columns: Vec<Digest> =
                hashes.iter().zip(&other).flat_map(|(a, b)| [*a, *b, *a]).collect();
            prop_assert_eq!(roots_of_columns(&mut columns, 3), vec![root, other_root, root]);
        }
    }
}
