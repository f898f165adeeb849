//! The same computations, written down as plainly as the format states them: one thread, one symbol
//! and one hash at a time.

use std::{hint::black_box, time::Instant};

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use walrus_core::{
    NShards, PrimarySliver, SliverPairMetadata, VerifiedMetadata, merkle::Node, params,
};

pub(crate) type Digest = [u8; 32];

fn hash(message: &[&[u8]]) -> Digest {
    let mut hasher = Blake2b::<U32>::new();
    for part in message {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn leaf(cell: &[u8]) -> Digest {
    hash(&[&[0], cell])
}

pub(crate) fn node(left: &Digest, right: &Digest) -> Digest {
    hash(&[&[1], left, right])
}

fn root(mut level: Vec<Digest>) -> Node {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| node(&pair[0], pair.get(1).unwrap_or(&[0; 32])))
            .collect();
    }
    level.first().copied().map_or(Node::Empty, Node::Digest)
}

/// The sizes of a blob's matrix.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    shards: NShards,
    n: usize,
    rows: usize,
    columns: usize,
    symbol: usize,
}

impl Plain {
    pub(crate) fn new(shards: NShards, length: usize) -> Self {
        let (rows, columns) = params::source_symbols(shards);
        let symbol = params::symbol_size(shards, length as u64).expect("the bench's blobs fit");
        Self {
            shards,
            n: shards.get().into(),
            rows: rows.into(),
            columns: columns.into(),
            symbol: symbol.get().into(),
        }
    }

    /// The code of words with so many source symbols.
    fn code(&self, source: usize) -> ReedSolomonEncoder {
        ReedSolomonEncoder::new(source, self.n - source, self.symbol).expect("supported")
    }

    /// All symbols of the word with these source symbols.
    fn expand(encoder: &mut ReedSolomonEncoder, source: &[&[u8]]) -> Vec<Vec<u8>> {
        for symbol in source {
            encoder.add_original_shard(symbol).expect("of this size");
        }
        let result = encoder.encode().expect("complete");
        let source = source.iter().map(|symbol| symbol.to_vec());
        source
            .chain(result.recovery_iter().map(<[u8]>::to_vec))
            .collect()
    }

    fn padded(&self, blob: &[u8]) -> Vec<u8> {
        let mut padded = blob.to_vec();
        padded.resize(self.rows * self.columns * self.symbol, 0);
        padded
    }

    fn expand_rows(&self, blob: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut encoder = self.code(self.columns);
        self.padded(blob)
            .chunks(self.columns * self.symbol)
            .map(|row| Self::expand(&mut encoder, &row.chunks(self.symbol).collect::<Vec<_>>()))
            .collect()
    }

    fn expand_column(
        encoder: &mut ReedSolomonEncoder,
        rows: &[Vec<Vec<u8>>],
        column: usize,
    ) -> Vec<Vec<u8>> {
        let source: Vec<&[u8]> = rows.iter().map(|row| row[column].as_slice()).collect();
        Self::expand(encoder, &source)
    }

    /// Seconds that the codes of rows and columns take by themselves: how fast this machine is.
    pub(crate) fn seconds_of_codes(&self, blob: &[u8]) -> f64 {
        let rows = self.expand_rows(blob);
        let row = |row: usize| rows[row][..self.columns].iter().collect::<Vec<_>>();
        let column = |column: usize| rows.iter().map(|row| &row[column]).collect::<Vec<_>>();
        let mut seconds = 0.0;
        for (source, count, word) in [
            (self.columns, self.rows, &row as &dyn Fn(usize) -> Vec<_>),
            (self.rows, self.n, &column),
        ] {
            let mut encoder =
                ReedSolomonEncoder::new(source, self.n - source, self.symbol).expect("supported");
            for index in 0..count {
                for symbol in word(index) {
                    encoder.add_original_shard(symbol).expect("of this size");
                }
                let start = Instant::now();
                black_box(encoder.encode().expect("complete"));
                seconds += start.elapsed().as_secs_f64();
            }
        }
        seconds
    }

    pub(crate) fn metadata(&self, blob: &[u8]) -> VerifiedMetadata {
        let rows = self.expand_rows(blob);
        let mut encoder = self.code(self.rows);
        let columns = (0..self.n).map(|column| Self::expand_column(&mut encoder, &rows, column));
        self.hash(blob.len(), columns)
    }

    fn hash(&self, length: usize, columns: impl Iterator<Item = Vec<Vec<u8>>>) -> VerifiedMetadata {
        let mut row_leaves = vec![Vec::with_capacity(self.n); self.n];
        let mut secondary = Vec::with_capacity(self.n);
        for column in columns {
            let leaves: Vec<Digest> = column.iter().map(|cell| leaf(cell)).collect();
            for (row, leaf) in row_leaves.iter_mut().zip(&leaves) {
                row.push(*leaf);
            }
            secondary.push(root(leaves));
        }
        let hashes = row_leaves
            .into_iter()
            .zip(secondary.into_iter().rev())
            .map(|(row, secondary_hash)| SliverPairMetadata {
                primary_hash: root(row),
                secondary_hash,
            })
            .collect();
        VerifiedMetadata::compute(self.shards, length as u64, hashes).expect("complete")
    }

    /// All primary and all secondary slivers, and the metadata.
    pub(crate) fn encode(&self, blob: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, VerifiedMetadata) {
        let rows = self.expand_rows(blob);
        let mut primary = vec![Vec::with_capacity(self.columns * self.symbol); self.n];
        let mut secondary = Vec::with_capacity(self.n);
        let mut encoder = self.code(self.rows);
        let columns = (0..self.n).map(|index| {
            let column = Self::expand_column(&mut encoder, &rows, index);
            if index < self.columns {
                for (row, cell) in primary.iter_mut().zip(&column) {
                    row.extend_from_slice(cell);
                }
            }
            secondary.push(column[..self.rows].concat());
            column
        });
        let metadata = self.hash(blob.len(), columns);
        (primary, secondary, metadata)
    }

    /// Decodes from primary slivers, and checks the hashes of all source rows.
    pub(crate) fn decode(&self, metadata: &VerifiedMetadata, slivers: &[PrimarySliver]) -> Vec<u8> {
        let mut blob = vec![0; self.rows * self.columns * self.symbol];
        let mut decoder =
            ReedSolomonDecoder::new(self.rows, self.n - self.rows, self.symbol).expect("supported");
        for column in 0..self.columns {
            for sliver in slivers.iter().take(self.rows) {
                let index = sliver.index.as_usize();
                let cell = &sliver.symbols.data[column * self.symbol..][..self.symbol];
                match index.checked_sub(self.rows) {
                    None => {
                        decoder.add_original_shard(index, cell).expect("distinct");
                        let start = (index * self.columns + column) * self.symbol;
                        blob[start..start + self.symbol].copy_from_slice(cell);
                    }
                    Some(index) => decoder.add_recovery_shard(index, cell).expect("distinct"),
                }
            }
            for (row, cell) in decoder.decode().expect("enough").restored_original_iter() {
                let start = (row * self.columns + column) * self.symbol;
                blob[start..start + self.symbol].copy_from_slice(cell);
            }
        }
        blob.truncate(usize::try_from(metadata.unencoded_length()).expect("in memory"));
        for (row, hashes) in self
            .expand_rows(&blob)
            .into_iter()
            .zip(metadata.metadata().hashes())
        {
            let leaves = row.iter().map(|cell| leaf(cell)).collect();
            assert_eq!(root(leaves), hashes.primary_hash);
        }
        blob
    }
}
