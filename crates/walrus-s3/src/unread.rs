//! Connections on which a body was left unread: the next request of the client would be lost there,
//! so it is told to use another one.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, Version, header},
    response::Response,
};
use http_body::{Frame, SizeHint};

/// The body of a request, which remembers whether it was read to its end.
pub(crate) struct Watched {
    body: Body,
    is_read: Arc<AtomicBool>,
}

/// What became of the body of a request.
pub(crate) struct Reading {
    is_read: Arc<AtomicBool>,
    version: Version,
}

/// Watches the body of a request.
pub(crate) fn watch(request: Request) -> (axum::http::Request<Watched>, Reading) {
    let is_read = Arc::new(AtomicBool::new(http_body::Body::is_end_stream(
        request.body(),
    )));
    let reading = Reading {
        is_read: Arc::clone(&is_read),
        version: request.version(),
    };
    (request.map(|body| Watched { body, is_read }), reading)
}

impl Reading {
    /// An answer that ends the connection if something of the body was left.
    pub(crate) fn finish(&self, mut answer: Response) -> Response {
        let is_left = !self.is_read.load(Ordering::Relaxed);
        if is_left && self.version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, close);
        }
        answer
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the answer to a request says about the connection.
    async fn connection(body: Body, version: Version, reads: bool) -> Option<String> {
        let mut request = Request::new(body);
        *request.version_mut() = version;
        let (request, reading) = watch(request);
        if reads {
            axum::body::to_bytes(Body::new(request.into_body()), 10)
                .await
                .unwrap();
        }
        let answer = reading.finish(Response::new(Body::empty()));
        let said = answer.headers().get(header::CONNECTION)?;
        Some(said.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_connection_ends_when_a_body_is_left() {
        let close = Some("close".to_owned());
        let http_1 = Version::HTTP_11;
        assert_eq!(connection(Body::from("a"), http_1, false).await, close);
        assert_eq!(connection(Body::from("a"), http_1, true).await, None);
        assert_eq!(connection(Body::empty(), http_1, false).await, None);
        let streams = Version::HTTP_2;
        assert_eq!(connection(Body::from("a"), streams, false).await, None);
    }
}
