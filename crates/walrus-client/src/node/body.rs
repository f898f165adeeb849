//! A sliver as the body of a request or an answer, without a second copy of its symbols.

use std::{
    array,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use walrus_core::sliver::{Axis, SliverData, SliverView};

/// What comes after the symbols of a sliver, in bytes: symbol size and index.
const TAIL_BYTES: usize = 4;

/// The sliver that is the body of an answer. Its symbols stay in the memory in which they arrived.
pub(super) fn received<A: Axis>(body: Bytes) -> Result<SliverData<A>, bcs::Error> {
    let sliver: SliverView<'_> = bcs::from_bytes(&body)?;
    let (symbol_size, index) = (sliver.symbol_size, sliver.index);
    let end = body.len() - TAIL_BYTES;
    let start = end - sliver.data.len();
    let mut data = Vec::from(body);
    data.truncate(end);
    data.drain(..start);
    Ok(SliverData::new(data, symbol_size, index))
}

/// The BCS of a [`SliverData`] in three parts: length of the symbols, symbols, symbol size and
/// index.
///
/// Clones share the bytes, so that a retry costs nothing.
#[derive(Debug, Clone)]
pub struct SliverBody {
    parts: [Bytes; 3],
}

impl SliverBody {
    /// Takes the sliver's symbols as they are.
    pub fn new<A: Axis>(sliver: SliverData<A>) -> Self {
        let SliverData { symbols, index, .. } = sliver;
        let [a, b] = symbols.symbol_size.get().to_le_bytes();
        let [c, d] = index.0.to_le_bytes();
        Self {
            parts: [
                uleb128(symbols.data.len()).into(),
                symbols.data.into(),
                Bytes::copy_from_slice(&[a, b, c, d]),
            ],
        }
    }

    /// Length in bytes.
    pub fn length(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// The body of one request.
    pub(super) fn to_http(&self) -> reqwest::Body {
        reqwest::Body::wrap(Parts {
            remaining: self.length() as u64,
            parts: self.parts.clone().into_iter(),
        })
    }
}

/// An unsigned LEB128 number, as BCS writes lengths.
fn uleb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(5);
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits fit");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Hands out the parts one after the other, with the length known in advance.
struct Parts {
    parts: array::IntoIter<Bytes, 3>,
    remaining: u64,
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.parts.find(|part| !part.is_empty());
        if let Some(part) = &next {
            self.remaining -= part.len() as u64;
        }
        Poll::Ready(next.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;
    use walrus_core::{PrimarySliver, SliverIndex, sliver::Primary};

    use super::*;

    proptest! {
        #[test]
        fn parts_are_the_bcs_of_the_sliver(
            data in proptest::collection::vec(any::<u8>(), 0..40_000),
            symbol_size in 1u16..,
            index in any::<u16>(),
        ) {
            let symbol_size = NonZeroU16::new(symbol_size).unwrap();
            let sliver = PrimarySliver::new(data, symbol_size, SliverIndex(index));
            let expected = bcs::to_bytes(&sliver).unwrap();
            let body = SliverBody::new(sliver.clone());
            prop_assert_eq!(body.length(), expected.len());
            prop_assert_eq!(body.parts.concat(), expected.clone());

            let (short, long) = (expected[1..].to_vec(), [&expected[..], &[0]].concat());
            prop_assert_eq!(received::<Primary>(expected.into()).ok(), Some(sliver));
            prop_assert!(received::<Primary>(long.into()).is_err());
            let plain = bcs::from_bytes::<PrimarySliver>(&short).ok();
            prop_assert_eq!(received::<Primary>(short.into()).ok(), plain);
        }
    }
}
