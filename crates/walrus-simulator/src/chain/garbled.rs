//! A stream of checkpoints from a full node that cannot be relied on: some are left out, some come
//! again, and some come late.

use std::{collections::VecDeque, time::Duration};

use axum::{Error, body::Body};
use bytes::{Bytes, BytesMut};
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use rand::{Rng as _, rngs::StdRng};
use tokio::time::sleep;

/// How late a message may be; those behind it wait for it.
const LATE_MS_MAX: u64 = 20_000;
/// What a message of gRPC begins with: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// An answer of many messages, not every one of which arrives as it should.
struct Garbled {
    answer: Body,
    rng: StdRng,
    /// What has come of the next message.
    rest: BytesMut,
    /// The first message, which is said again and again.
    first: Option<Bytes>,
    ready: VecDeque<Bytes>,
}

/// The same answer with messages left out, repeated and delayed.
pub(super) fn garble(answer: Body, rng: StdRng) -> Body {
    let garbled = Garbled {
        answer,
        rng,
        rest: BytesMut::new(),
        first: None,
        ready: VecDeque::new(),
    };
    let frames = stream::unfold(garbled, |mut garbled| async move {
        let frame = garbled.next().await?;
        Some((frame, garbled))
    });
    Body::new(StreamBody::new(frames))
}

impl Garbled {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(Ok(Frame::data(message)));
            }
            let frame = match self.answer.frame().await? {
                Ok(frame) => frame,
                Err(error) => return Some(Err(error)),
            };
            match frame.into_data() {
                Ok(data) => self.take(&data).await,
                Err(trailers) => return Some(Ok(trailers)),
            }
        }
    }

    async fn take(&mut self, data: &[u8]) {
        self.rest.extend_from_slice(data);
        while let Some(message) = next_message(&mut self.rest) {
            let first = self.first.get_or_insert_with(|| message.clone()).clone();
            match self.rng.gen_range(0..8) {
                0 => {}
                1 => self.ready.extend([message.clone(), message]),
                2 => self.ready.extend([message, first]),
                3 => {
                    let ms = self.rng.gen_range(0..LATE_MS_MAX);
                    sleep(Duration::from_millis(ms)).await;
                    self.ready.push_back(message);
                }
                _ => self.ready.push_back(message),
            }
        }
    }
}

/// Takes off the first message, once it is there as a whole.
fn next_message(bytes: &mut BytesMut) -> Option<Bytes> {
    let prefix = bytes.first_chunk::<PREFIX_BYTES>()?;
    let [_, length @ ..] = *prefix;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let whole = length.checked_add(PREFIX_BYTES)?;
    (bytes.len() >= whole).then(|| bytes.split_to(whole).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole() {
        let mut bytes = BytesMut::from(&[0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0][..]);
        assert_eq!(next_message(&mut bytes).unwrap()[..], [0, 0, 0, 0, 2, 7, 8]);
        assert_eq!(next_message(&mut bytes).unwrap()[..], [0; 5]);
        assert_eq!(next_message(&mut bytes), None);
        assert_eq!(bytes.len(), 2);
    }
}
