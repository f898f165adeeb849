//! Byte-wise reading with the format's integer encodings.

use thiserror::Error;

/// Bytes that are not a module, or not the one kind of module that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// The first four bytes are not the magic number.
    #[error("not a Move module: wrong magic number")]
    BadMagic,
    /// Version or flavor is not supported.
    #[error("unsupported bytecode version word {0:#010x}")]
    UnsupportedVersion(u32),
    /// The bytes end too early.
    #[error("module ends unexpectedly at byte {0}")]
    UnexpectedEnd(usize),
    /// An integer is not canonical or too large.
    #[error("malformed or oversized integer at byte {0}")]
    BadInteger(usize),
    /// The table directory breaks a rule.
    #[error("bad table directory: {0}")]
    BadTables(&'static str),
    /// Bytes follow the module.
    #[error("{0} bytes follow the module")]
    TrailingBytes(usize),
    /// Something that is not a table row, token or instruction.
    #[error("malformed {what} at byte {offset}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Where, from the first byte of the module.
        offset: usize,
    },
}

/// A position in bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Offset of `bytes[0]` in the module, for messages.
    base: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], base: usize) -> Self {
        Self {
            bytes,
            position: 0,
            base,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.base + self.position
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    pub(super) fn malformed(&self, what: &'static str) -> FormatError {
        FormatError::Malformed {
            what,
            offset: self.offset(),
        }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], FormatError> {
        let end = self
            .position
            .checked_add(count)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(FormatError::UnexpectedEnd(self.base + self.bytes.len()))?;
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let bytes = self.take(N)?;
        Ok(bytes
            .try_into()
            .expect("take returns the asked number of bytes"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, FormatError> {
        self.array().map(|[byte]| byte)
    }

    /// A canonical ULEB128 integer of at most 64 bits.
    pub(super) fn uleb(&mut self) -> Result<u64, FormatError> {
        let start = self.offset();
        let mut value = 0u64;
        let mut shift = 0;
        loop {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift >= 64 || (bits << shift) >> shift != bits {
                return Err(FormatError::BadInteger(start));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let canonical = shift == 0 || byte != 0;
                return if canonical {
                    Ok(value)
                } else {
                    Err(FormatError::BadInteger(start))
                };
            }
            shift += 7;
        }
    }

    /// A ULEB128 integer that must not exceed `max`.
    pub(super) fn uleb_max(&mut self, max: u64) -> Result<u64, FormatError> {
        let start = self.offset();
        let value = self.uleb()?;
        if value <= max {
            Ok(value)
        } else {
            Err(FormatError::BadInteger(start))
        }
    }

    /// A ULEB128 integer that must fit 16 bits and not exceed `max`.
    pub(super) fn uleb_u16(&mut self, max: u16) -> Result<u16, FormatError> {
        let value = self.uleb_max(u64::from(max))?;
        Ok(u16::try_from(value).expect("bounded by a u16"))
    }

    /// A table index.
    pub(super) fn index(&mut self) -> Result<u16, FormatError> {
        self.uleb_u16(u16::MAX)
    }

    /// A ULEB128 count of at most `max`.
    pub(super) fn count(&mut self, max: u16) -> Result<usize, FormatError> {
        self.uleb_u16(max).map(usize::from)
    }

    /// A count, then that many items.
    pub(super) fn list<T>(
        &mut self,
        max: u16,
        mut item: impl FnMut(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Vec<T>, FormatError> {
        let count = self.count(max)?;
        // The smallest item is one byte: a count beyond what is left must not reserve memory.
        let mut items = Vec::with_capacity(count.min(self.remaining()));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }
}
