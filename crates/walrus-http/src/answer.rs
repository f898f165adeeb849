//! The body of an answer, which tells how far the peer has taken it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::exchange::Exchange;

/// A body that keeps its exchange alive until the HTTP library has let go of its last byte.
///
/// The library takes whole frames, and a body may end long before they have left. So every frame
/// carries the exchange, too.
pub(crate) struct Answer {
    body: Body,
    exchange: Arc<Exchange>,
    /// The size is known, and with it the time for the whole; otherwise each frame has that time.
    sized: bool,
}

struct Carried {
    bytes: Bytes,
    _exchange: Arc<Exchange>,
}

impl AsRef<[u8]> for Carried {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answer {
    pub(crate) fn new(body: Body, exchange: Arc<Exchange>) -> Self {
        use http_body::Body as _;
        exchange.peers_turn();
        Self {
            sized: body.size_hint().exact().is_some(),
            body,
            exchange,
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() && Arc::strong_count(&self.exchange) == 1 {
            self.exchange.servers_turn();
        }
        let frame = ready!(polled);
        if !self.sized {
            self.exchange.servers_turn();
        }
        self.exchange.peers_turn();
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| {
                    Bytes::from_owner(Carried {
                        bytes,
                        _exchange: self.exchange.clone(),
                    })
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
