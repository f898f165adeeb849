//! Decoding: from slivers of one axis back to the blob.

use std::{io::Write, ops::Range};

use rayon::prelude::*;
use walrus_core::{SliverData, SliverIndex, SliverType, VerifiedMetadata, sliver::Axis};

use crate::{
    ConsistencyCheck, DecodeError, Encoder, WriteError,
    block::Packing,
    code::DecodingPlan,
    line::{DecodingSymbols, LineSymbols, Stripe, Workspace},
    matrix::{Message, Shape, transpose},
    memory::zeros,
    tile::{Tile, tile_width, tiles},
};

/// Columns are decoded this many bytes of the blob at a time; then the part of the slivers that is
/// used up is freed.
const FREED_AT_ONCE_BYTES: usize = 32 << 20;

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
        // The slivers are as large as the blob, and are freed while it is decoded. So it saves no
        // memory to write the blob in parts.
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

    /// The source part of the matrix, from `P` rows.
    ///
    /// As many of them are recovery rows as source rows are missing. So each missing row is
    /// computed in the place of a recovery row, and no second copy of the blob is needed.
    fn decode_primary<A: Axis>(&self, shape: Shape, mut slivers: Vec<SliverData<A>>) -> Vec<u8> {
        // Source rows first, so that all recovery rows are at the end.
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
        let batch = Packing::new(shape.symbol).lines_per_batch();
        let mut slices = transpose(rows.iter_mut().map(Vec::as_mut_slice), batch * shape.symbol);
        let kernel = self.kernel(SliverType::Secondary);
        slices.par_iter_mut().for_each_init(
            <(Workspace, Vec<u8>)>::default,
            |(space, recovered), slices| {
                let slice_len = slices[0].len();
                // All of it is overwritten.
                recovered.resize(plan.missing.len() * slice_len, 0);
                let mut symbols = RowSymbols {
                    rows: slices,
                    recovered,
                    symbol: shape.symbol,
                };
                let lines = slice_len / shape.symbol;
                kernel.decode(space, plan, lines, shape.symbol, &mut symbols);
                let recovered = recovered.chunks_exact(slice_len);
                for (slice, recovered) in slices[present..].iter_mut().zip(recovered) {
                    slice.copy_from_slice(recovered);
                }
            },
        );
    }

    /// The source part of the matrix, from `S` columns.
    ///
    /// It is decoded from the last row to the first, and the used part of the columns is freed on
    /// the way. So no second copy of the blob is needed.
    fn decode_secondary<A: Axis>(&self, shape: Shape, mut slivers: Vec<SliverData<A>>) -> Vec<u8> {
        let plan = self.secondary_code.plan_decoding(&indices(&slivers));
        let batch = Packing::new(shape.symbol).lines_per_batch();
        let rows_at_once = (FREED_AT_ONCE_BYTES / shape.row_len())
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
                    let first = start + group * batch;
                    self.decode_rows(shape, &slivers, &plan, space, first, rows);
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

    /// Decodes some rows of the source part, of which `first` is the first, into `target`.
    fn decode_rows<A: Axis>(
        &self,
        shape: Shape,
        slivers: &[SliverData<A>],
        plan: &DecodingPlan,
        space: &mut Workspace,
        first: usize,
        target: &mut [u8],
    ) {
        let source = slivers
            .iter()
            .filter(|sliver| sliver.index.as_usize() < shape.columns);
        for sliver in source {
            for (line, row) in target.chunks_exact_mut(shape.row_len()).enumerate() {
                row[sliver.index.as_usize() * shape.symbol..][..shape.symbol]
                    .copy_from_slice(symbol_of(sliver, first + line, shape.symbol));
            }
        }
        if plan.missing.is_empty() {
            return;
        }
        let lines = target.len() / shape.row_len();
        let mut symbols = ColumnSymbols {
            slivers,
            missing: &plan.missing,
            shape,
            first,
            target,
        };
        self.kernel(SliverType::Primary)
            .decode(space, plan, lines, shape.symbol, &mut symbols);
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
        let symbols = ChosenRows {
            message,
            rows: &rows,
        };
        tiles(0..rows.len(), tile_width(shape.n, shape.symbol))
            .into_par_iter()
            .map_init(Workspace::default, |space, lines| {
                let expected = rows[lines.clone()]
                    .iter()
                    .map(|row| &hashes[*row].primary_hash);
                let tile = Tile {
                    kernel: self.kernel(SliverType::Primary),
                    lines,
                    stripe: Stripe::whole(shape.symbol),
                };
                let leaves = tile.hash(space, None, &mut symbols.clone());
                let roots = leaves.expect("the stripe is the last one").roots(space);
                roots.iter().eq(expected)
            })
            .all(|matches| matches)
    }
}

/// Columns as lines: symbols of received rows, and room for those of missing rows.
struct RowSymbols<'a, 'b> {
    /// The part of each received row that lies on these columns.
    rows: &'b [&'a mut [u8]],
    /// The same part of the missing rows, one after the other.
    recovered: &'b mut [u8],
    symbol: usize,
}

impl DecodingSymbols for RowSymbols<'_, '_> {
    fn received(&self, line: usize, number: usize) -> &[u8] {
        &self.rows[number][line * self.symbol..][..self.symbol]
    }

    fn recovered(&mut self, line: usize, number: usize, offset: usize, bytes: &[u8]) {
        let start = number * self.rows[0].len() + line * self.symbol + offset;
        self.recovered[start..start + bytes.len()].copy_from_slice(bytes);
    }
}

/// Rows as lines: symbols of received columns, and the rows of the blob for those of missing
/// columns.
struct ColumnSymbols<'a, A: Axis> {
    slivers: &'a [SliverData<A>],
    missing: &'a [usize],
    shape: Shape,
    /// The first of the rows.
    first: usize,
    target: &'a mut [u8],
}

impl<A: Axis> DecodingSymbols for ColumnSymbols<'_, A> {
    fn received(&self, line: usize, number: usize) -> &[u8] {
        symbol_of(&self.slivers[number], self.first + line, self.shape.symbol)
    }

    fn recovered(&mut self, line: usize, number: usize, offset: usize, bytes: &[u8]) {
        let shape = self.shape;
        let start = line * shape.row_len() + self.missing[number] * shape.symbol + offset;
        self.target[start..start + bytes.len()].copy_from_slice(bytes);
    }
}

/// Some rows of a blob as lines.
#[derive(Clone, Copy)]
struct ChosenRows<'a> {
    message: Message<'a>,
    rows: &'a [usize],
}

impl LineSymbols for ChosenRows<'_> {
    fn read(&self, column: usize, lines: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        let rows = self.rows[lines.clone()].iter().copied();
        self.message.copy_column(column, rows, bytes, target);
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
