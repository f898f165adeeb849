//! Decoding: from slivers of one axis back to the blob.

use std::io::Write;

use rayon::prelude::*;
use walrus_core::{SliverData, SliverIndex, SliverType, VerifiedMetadata, sliver::Axis};

use crate::{
    ConsistencyCheck, DecodeError, Encoder, WriteError,
    code::DecodingPlan,
    encode::transpose,
    matrix::{Message, Shape},
    memory::zeros,
    packing::{Packing, decode_words},
    tile::{hash_tile, tile_width, tiles},
    words::{Stripe, Workspace},
};

/// When so many bytes of a blob are decoded, the slivers they came from are freed up to there.
const FREE_BYTES: usize = 32 << 20;

impl Encoder {
    /// Decodes the blob from slivers of one axis, and checks that it is the one the metadata
    /// commits to.
    ///
    /// The slivers are assumed to have been verified. They may come in any order; duplicates,
    /// slivers of the wrong size, and those beyond the number needed are ignored.
    pub fn decode<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        slivers: impl IntoIterator<Item = SliverData<A>>,
        check: ConsistencyCheck,
    ) -> Result<Vec<u8>, DecodeError> {
        self.check_shard_count(metadata)?;
        let shape = Shape::new(self.n_shards, metadata.symbol_size());
        let length = usize::try_from(metadata.unencoded_length())
            .map_err(|_| DecodeError::TooLargeForMemory(metadata.unencoded_length()))?;
        let slivers = self.accept(metadata, slivers)?;
        let verified = match A::TYPE {
            SliverType::Primary => slivers.iter().map(|sliver| sliver.index).collect(),
            SliverType::Secondary => Vec::new(),
        };
        let mut blob = match A::TYPE {
            SliverType::Primary => self.decode_primary(shape, slivers),
            SliverType::Secondary => self.decode_secondary(shape, slivers),
        };
        blob.truncate(length);
        self.check_consistency(metadata, &blob, &verified, check)?;
        Ok(blob)
    }

    /// [`Encoder::decode`] into a writer, which sees nothing of the blob before it is checked.
    pub fn decode_into<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        slivers: impl IntoIterator<Item = SliverData<A>>,
        check: ConsistencyCheck,
        writer: &mut impl Write,
    ) -> Result<(), WriteError> {
        // The slivers are as large as the blob, and are used up while it is decoded: without the
        // blob in memory, no less would be needed.
        let blob = self.decode(metadata, slivers, check)?;
        writer.write_all(&blob)?;
        Ok(())
    }

    /// Takes as many usable slivers as are needed.
    fn accept<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        slivers: impl IntoIterator<Item = SliverData<A>>,
    ) -> Result<Vec<SliverData<A>>, DecodeError> {
        let needed = usize::from(A::TYPE.source_slivers(self.n_shards));
        let length = metadata.sliver_size(A::TYPE);
        let mut seen = vec![false; usize::from(self.n_shards.get())];
        let mut accepted = Vec::with_capacity(needed);
        for sliver in slivers {
            if accepted.len() == needed {
                break;
            }
            let symbols = &sliver.symbols;
            if symbols.data.len() != length || symbols.symbol_size != metadata.symbol_size() {
                continue;
            }
            let seen = seen
                .get_mut(sliver.index.as_usize())
                .ok_or(DecodeError::IndexTooLarge(sliver.index.0))?;
            if !std::mem::replace(seen, true) {
                accepted.push(sliver);
            }
        }
        let usable = accepted.len();
        if usable < needed {
            return Err(DecodeError::NotEnoughSlivers { usable, needed });
        }
        Ok(accepted)
    }

    /// The message matrix from `P` rows.
    ///
    /// There are as many recovery rows among them as source rows are missing, so each missing row is
    /// computed in the place of a recovery row, and no second copy of the blob is needed.
    fn decode_primary<A: Axis>(&self, shape: Shape, mut slivers: Vec<SliverData<A>>) -> Vec<u8> {
        // Source rows first, so that the places of the missing ones are at the end.
        slivers.sort_by_key(|sliver| sliver.index);
        let plan = self.primary_code.plan_decoding(&indices(&slivers));
        let mut rows: Vec<Vec<u8>> = slivers
            .into_iter()
            .map(|sliver| sliver.symbols.data)
            .collect();
        let present = shape.rows - plan.missing.len();
        if !plan.missing.is_empty() {
            self.recover_rows(shape, &plan, present, &mut rows);
        }
        let mut recovered = rows.split_off(present).into_iter();
        let mut present = rows.into_iter();
        let mut missing = plan.missing.iter().peekable();
        let rows: Vec<Vec<u8>> = (0..shape.rows)
            .filter_map(|row| match missing.next_if(|missing| **missing == row) {
                Some(_) => recovered.next(),
                None => present.next(),
            })
            .collect();
        let mut blob = zeros(shape.message_len());
        blob.par_chunks_exact_mut(shape.row_len())
            .zip(rows)
            .for_each(|(target, row)| target.copy_from_slice(&row));
        blob
    }

    /// Replaces the recovery rows, which start at `present`, by the missing source rows.
    fn recover_rows(
        &self,
        shape: Shape,
        plan: &DecodingPlan,
        present: usize,
        rows: &mut [Vec<u8>],
    ) {
        let packing = Packing::new(shape.symbol);
        let batch = packing.words_per_batch();
        let mut slices = transpose(rows.iter_mut().map(Vec::as_mut_slice), batch * shape.symbol);
        slices.par_iter_mut().for_each_init(
            <(Workspace, Vec<u8>)>::default,
            |(space, recovered), slices| {
                let words = slices[0].len() / shape.symbol;
                // What is there is overwritten.
                recovered.resize(plan.missing.len() * slices[0].len(), 0);
                decode_words(
                    (&self.transforms, &self.primary_code, packing),
                    plan,
                    space,
                    words,
                    |word, i| &slices[i][word * shape.symbol..][..shape.symbol],
                    |word, i, offset, bytes| {
                        let start = (i * words + word) * shape.symbol + offset;
                        recovered[start..start + bytes.len()].copy_from_slice(bytes);
                    },
                );
                let recovered = recovered.chunks_exact(words * shape.symbol);
                for (slice, recovered) in slices[present..].iter_mut().zip(recovered) {
                    slice.copy_from_slice(recovered);
                }
            },
        );
    }

    /// The message matrix from `S` columns.
    ///
    /// It is worked off from the last row to the first, and what has been used of the columns is
    /// freed, so that no second copy of the blob is needed.
    fn decode_secondary<A: Axis>(&self, shape: Shape, mut slivers: Vec<SliverData<A>>) -> Vec<u8> {
        let plan = self.secondary_code.plan_decoding(&indices(&slivers));
        let batch = Packing::new(shape.symbol).words_per_batch();
        let rows_at_once = (FREE_BYTES / shape.row_len())
            .next_multiple_of(batch)
            .max(batch);
        let mut blob = zeros(shape.message_len());
        let mut end = shape.rows;
        while end > 0 {
            let start = (end - 1) / rows_at_once * rows_at_once;
            blob[start * shape.row_len()..end * shape.row_len()]
                .par_chunks_mut(batch * shape.row_len())
                .enumerate()
                .for_each_init(Workspace::default, |space, (group, rows)| {
                    let count = rows.len() / shape.row_len();
                    let first = start + group * batch;
                    self.decode_rows(shape, &slivers, &plan, space, first..first + count, rows);
                });
            if start > 0 {
                for sliver in &mut slivers {
                    sliver.symbols.data.truncate(start * shape.symbol);
                    sliver.symbols.data.shrink_to_fit();
                }
            }
            end = start;
        }
        blob
    }

    fn decode_rows<A: Axis>(
        &self,
        shape: Shape,
        slivers: &[SliverData<A>],
        plan: &DecodingPlan,
        space: &mut Workspace,
        range: std::ops::Range<usize>,
        rows: &mut [u8],
    ) {
        let first = range.start;
        for sliver in slivers
            .iter()
            .filter(|sliver| sliver.index.as_usize() < shape.columns)
        {
            for (word, row) in rows.chunks_exact_mut(shape.row_len()).enumerate() {
                row[sliver.index.as_usize() * shape.symbol..][..shape.symbol]
                    .copy_from_slice(symbol_of(sliver, first + word, shape.symbol));
            }
        }
        if plan.missing.is_empty() {
            return;
        }
        decode_words(
            (
                &self.transforms,
                &self.secondary_code,
                Packing::new(shape.symbol),
            ),
            plan,
            space,
            range.len(),
            |word, i| symbol_of(&slivers[i], first + word, shape.symbol),
            |word, i, offset, bytes| {
                let start = word * shape.row_len() + plan.missing[i] * shape.symbol + offset;
                rows[start..start + bytes.len()].copy_from_slice(bytes);
            },
        );
    }

    /// Checks that the blob encodes to what the metadata commits to, as far as `check` says.
    /// `verified` are primary slivers that are known to match their hashes.
    pub(crate) fn check_consistency(
        &self,
        metadata: &VerifiedMetadata,
        blob: &[u8],
        verified: &[SliverIndex],
        check: ConsistencyCheck,
    ) -> Result<(), DecodeError> {
        let consistent = match check {
            ConsistencyCheck::Skip => true,
            ConsistencyCheck::Default => self.source_rows_match(metadata, blob, verified),
            ConsistencyCheck::Strict => self
                .metadata(blob)
                .is_ok_and(|recomputed| recomputed.blob_id() == metadata.blob_id()),
        };
        if consistent {
            Ok(())
        } else {
            Err(DecodeError::Inconsistent(*metadata.blob_id()))
        }
    }

    fn source_rows_match(
        &self,
        metadata: &VerifiedMetadata,
        blob: &[u8],
        verified: &[SliverIndex],
    ) -> bool {
        let shape = Shape::new(self.n_shards, metadata.symbol_size());
        let message = Message::new(shape, blob);
        let mut unverified = vec![true; shape.n];
        for index in verified {
            unverified[index.as_usize()] = false;
        }
        let hashes = metadata.metadata().hashes();
        let rows: Vec<usize> = (0..shape.rows).filter(|row| unverified[*row]).collect();
        let stripe = Stripe {
            length: shape.symbol,
            last: true,
        };
        tiles(0..rows.len(), tile_width(shape.n, shape.symbol))
            .into_par_iter()
            .map_init(Workspace::default, |space, tile| {
                let leaves = hash_tile(
                    self.kernel(SliverType::Primary),
                    space,
                    &tile,
                    stripe,
                    None,
                    |column, batch, stretch, cells| {
                        let cells = cells.chunks_exact_mut(stretch.len());
                        for (row, cell) in rows[batch.clone()].iter().zip(cells) {
                            message.copy_cells(*row, column..column + 1, stretch, cell);
                        }
                    },
                    |_, _| {},
                );
                let roots = leaves.map(|leaves| leaves.roots(space)).unwrap_or_default();
                let expected = rows[tile].iter().map(|row| &hashes[*row].primary_hash);
                roots.iter().eq(expected)
            })
            .all(|matches| matches)
    }
}

fn indices<A: Axis>(slivers: &[SliverData<A>]) -> Vec<usize> {
    slivers
        .iter()
        .map(|sliver| sliver.index.as_usize())
        .collect()
}

/// The symbol at this position of a sliver whose length was checked.
fn symbol_of<A: Axis>(sliver: &SliverData<A>, position: usize, symbol: usize) -> &[u8] {
    &sliver.symbols.data[position * symbol..][..symbol]
}
