//! Reading BCS without copying, and without believing a length before the bytes are there.

use thiserror::Error;

/// Lengths have at most this many bytes: BCS allows 2³¹ − 1.
const LENGTH_BYTES_MAX: u32 = 5;
const LENGTH_MAX: u64 = (1 << 31) - 1;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// They end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// There is more after the end.
    #[error("{0} bytes follow after the end")]
    TrailingBytes(usize),
    /// A length is too large, or not written in the shortest way.
    #[error("a length is not written as BCS demands")]
    Length,
    /// There is neither a value nor none.
    #[error("an optional value begins with {0} instead of 0 or 1")]
    Option(u8),
}

/// What is left to read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, WireError> {
        self.array().map(|[byte]| *byte)
    }

    /// A length, or the tag of an enum.
    pub(crate) fn length(&mut self) -> Result<usize, WireError> {
        let mut value = 0u64;
        for position in 0..LENGTH_BYTES_MAX {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                if (byte == 0 && position > 0) || value > LENGTH_MAX {
                    return Err(WireError::Length);
                }
                return usize::try_from(value).map_err(|_| WireError::Length);
            }
        }
        Err(WireError::Length)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.length()?;
        self.take(length)
    }

    pub(crate) fn option(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.bytes().map(Some),
            tag => Err(WireError::Option(tag)),
        }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn end(self) -> Result<(), WireError> {
        match self.0.len() {
            0 => Ok(()),
            more => Err(WireError::TrailingBytes(more)),
        }
    }
}

pub(crate) fn put_length(out: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits fit");
        rest >>= 7;
        if rest == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

pub(crate) fn put_option(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => out.push(0),
        Some(bytes) => {
            out.push(1);
            put_bytes(out, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_round_trip_and_have_one_form() {
        for length in [0, 1, 127, 128, 300, 16_384, (1 << 31) - 1] {
            let mut bytes = Vec::new();
            put_length(&mut bytes, length);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.length(), Ok(length));
            assert_eq!(reader.end(), Ok(()));
        }
        for bad in [
            &[0x80, 0x00][..],
            &[0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            assert_eq!(Reader::new(bad).length(), Err(WireError::Length));
        }
        assert_eq!(Reader::new(&[0x80]).length(), Err(WireError::Truncated));
    }

    #[test]
    fn a_length_without_its_bytes_is_refused() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0x07, 1];
        assert_eq!(Reader::new(&huge).bytes(), Err(WireError::Truncated));
    }
}
