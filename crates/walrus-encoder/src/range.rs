//! Byte ranges: parts of a blob from the rows they lie on.

use std::{collections::BTreeMap, ops::Range};

use walrus_core::{PrimarySliver, SliverIndex, SliverType, VerifiedMetadata};

use crate::{
    DecodeError, Encoder,
    line::{DecodingSymbols, Workspace},
    matrix::Shape,
};

impl Encoder {
    /// The source rows that a byte range of the blob lies on. The primary slivers with these
    /// indices give it without decoding.
    pub fn rows_of_range(
        &self,
        metadata: &VerifiedMetadata,
        range: Range<u64>,
    ) -> Result<Range<u16>, DecodeError> {
        let rows = self.locate(metadata, range)?.0;
        let row = |row: usize| u16::try_from(row).expect("rows are counted in 16 bits");
        Ok(row(rows.start)..row(rows.end))
    }

    /// Gives a byte range of the blob from verified primary slivers. Rows that are among them are
    /// copied. Others are decoded, as far as the range needs them; for that, enough slivers are
    /// needed.
    pub fn decode_range(
        &self,
        metadata: &VerifiedMetadata,
        slivers: &[PrimarySliver],
        range: Range<u64>,
    ) -> Result<Vec<u8>, DecodeError> {
        let (rows, bytes) = self.locate(metadata, range)?;
        let shape = Shape::new(self.n_shards, metadata.symbol_size());
        let available = usable_rows(shape, metadata, slivers)?;
        let missing: Vec<usize> = rows
            .clone()
            .filter(|row| !available.contains_key(row))
            .collect();
        let decoded = self.decode_rows_within(shape, &available, &missing, &bytes)?;

        let mut part = Vec::with_capacity(bytes.len());
        for row in rows {
            let start = row * shape.row_len();
            let within =
                bytes.start.max(start) - start..bytes.end.min(start + shape.row_len()) - start;
            match available.get(&row) {
                Some(data) => part.extend_from_slice(&data[within]),
                None => part.extend_from_slice(&decoded[&row][within]),
            }
        }
        Ok(part)
    }

    /// The rows that a range lies on, and the range as sizes in memory.
    fn locate(
        &self,
        metadata: &VerifiedMetadata,
        range: Range<u64>,
    ) -> Result<(Range<usize>, Range<usize>), DecodeError> {
        self.check_shard_count(metadata)?;
        let length = metadata.unencoded_length();
        if range.start > range.end || range.end > length {
            let Range { start, end } = range;
            return Err(DecodeError::RangeOutOfBounds { start, end, length });
        }
        let too_large = |_| DecodeError::TooLargeForMemory(length);
        let start = usize::try_from(range.start).map_err(too_large)?;
        let end = usize::try_from(range.end).map_err(too_large)?;
        let row_len = Shape::new(self.n_shards, metadata.symbol_size()).row_len();
        let rows = if start == end {
            0..0
        } else {
            start / row_len..end.div_ceil(row_len)
        };
        Ok((rows, start..end))
    }

    /// Decodes missing rows, in the columns that the byte range needs. In other columns they are
    /// zero.
    fn decode_rows_within(
        &self,
        shape: Shape,
        available: &BTreeMap<usize, &[u8]>,
        missing: &[usize],
        bytes: &Range<usize>,
    ) -> Result<BTreeMap<usize, Vec<u8>>, DecodeError> {
        let mut decoded: BTreeMap<usize, Vec<u8>> = missing
            .iter()
            .map(|row| (*row, vec![0; shape.row_len()]))
            .collect();
        if missing.is_empty() {
            return Ok(decoded);
        }
        let (usable, needed) = (available.len(), shape.rows);
        if usable < needed {
            return Err(DecodeError::NotEnoughSlivers { usable, needed });
        }
        let (received, rows): (Vec<usize>, Vec<&[u8]>) = available
            .iter()
            .take(needed)
            .map(|(row, data)| (*row, *data))
            .unzip();
        let plan = self.primary_code.plan_decoding(&received);
        let columns = match missing {
            [row] => {
                let start = row * shape.row_len();
                let first = bytes.start.saturating_sub(start) / shape.symbol;
                let end = (bytes.end - start).div_ceil(shape.symbol);
                first..end.min(shape.columns)
            }
            _ => 0..shape.columns,
        };
        let mut symbols = RangeSymbols {
            rows: &rows,
            missing: &plan.missing,
            decoded: &mut decoded,
            start: columns.start * shape.symbol,
            symbol: shape.symbol,
        };
        let space = &mut Workspace::default();
        self.kernel(SliverType::Secondary).decode(
            space,
            &plan,
            columns.len(),
            shape.symbol,
            &mut symbols,
        );
        Ok(decoded)
    }
}

/// Columns as lines: symbols of received rows, and the missing rows that are wanted.
struct RangeSymbols<'a> {
    rows: &'a [&'a [u8]],
    missing: &'a [usize],
    decoded: &'a mut BTreeMap<usize, Vec<u8>>,
    /// Where in a row the first of the columns starts.
    start: usize,
    symbol: usize,
}

impl DecodingSymbols for RangeSymbols<'_> {
    fn received(&self, line: usize, number: usize) -> &[u8] {
        &self.rows[number][self.start + line * self.symbol..][..self.symbol]
    }

    fn recovered(&mut self, line: usize, number: usize, offset: usize, bytes: &[u8]) {
        if let Some(row) = self.decoded.get_mut(&self.missing[number]) {
            let start = self.start + line * self.symbol + offset;
            row[start..start + bytes.len()].copy_from_slice(bytes);
        }
    }
}

/// The rows that slivers of the right size give, by index.
fn usable_rows<'a>(
    shape: Shape,
    metadata: &VerifiedMetadata,
    slivers: &'a [PrimarySliver],
) -> Result<BTreeMap<usize, &'a [u8]>, DecodeError> {
    let mut rows = BTreeMap::new();
    for sliver in slivers {
        let SliverIndex(index) = sliver.index;
        if usize::from(index) >= shape.n {
            return Err(DecodeError::IndexTooLarge(index));
        }
        let symbols = &sliver.symbols;
        let fits = symbols.data.len() == shape.row_len();
        if fits && symbols.symbol_size == metadata.symbol_size() {
            rows.insert(usize::from(index), symbols.data.as_slice());
        }
    }
    Ok(rows)
}
