//! Reading request bodies within bounds of size and time.

use axum::{body::Body, http::HeaderMap};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::time::{Instant, timeout, timeout_at};
use walrus_core::node_api::OCTET_STREAM;

use super::{
    error::HttpError,
    limits::{HttpLimits, LINGER_BYTES_MAX, LINGER_MAX},
};

/// Reads a whole body of at most `bytes_max` bytes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    limits: &HttpLimits,
) -> Result<Bytes, HttpError> {
    let announced = content_length(headers);
    let mut stream = body.into_data_stream();
    if announced.is_some_and(|length| length > bytes_max) {
        linger(&mut stream).await;
        return Err(HttpError::BodyTooLarge { limit: bytes_max });
    }
    let deadline = Instant::now() + limits.body_timeout;
    // A lying Content-Length costs its sender the bytes first: memory follows what arrives.
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0).min(64 * 1024));
    loop {
        let next = timeout(
            limits.body_idle_timeout,
            timeout_at(deadline, stream.next()),
        )
        .await;
        let Ok(Ok(part)) = next else {
            return Err(HttpError::BodyIncomplete(
                "the body took too long to arrive".into(),
            ));
        };
        let Some(part) = part else {
            return Ok(bytes.freeze());
        };
        let part = part.map_err(|error| {
            HttpError::BodyIncomplete(format!("the body did not arrive completely: {error}"))
        })?;
        if bytes.len().saturating_add(part.len()) > bytes_max {
            linger(&mut stream).await;
            return Err(HttpError::BodyTooLarge { limit: bytes_max });
        }
        bytes.extend_from_slice(&part);
    }
}

/// The length the client announced.
pub(super) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses any content type but `application/octet-stream`; none at all is fine.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if essence.eq_ignore_ascii_case(OCTET_STREAM) {
        return Ok(());
    }
    Err(HttpError::InvalidContentType(format!(
        "the content type must be {OCTET_STREAM}, not {:?}",
        String::from_utf8_lossy(value.as_bytes())
    )))
}

/// Throws away the rest of a refused body, within bounds.
async fn linger<S, E>(stream: &mut S)
where
    S: futures::Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut left = LINGER_BYTES_MAX;
    let drain = async {
        while let Some(Ok(part)) = stream.next().await {
            left = left.saturating_sub(part.len());
            if left == 0 {
                break;
            }
        }
    };
    // Running out of time only means that the client may see a reset.
    let _ = timeout(LINGER_MAX, drain).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::stream;

    use super::*;

    const LIMIT: usize = 10;

    fn limits() -> HttpLimits {
        HttpLimits {
            body_idle_timeout: Duration::from_secs(3),
            body_timeout: Duration::from_secs(10),
            ..HttpLimits::default()
        }
    }

    /// A body of one-byte parts, each after a pause.
    fn dripping(parts: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            if sent == parts {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), sent + 1))
        }))
    }

    async fn read_body(body: Body) -> Result<Bytes, HttpError> {
        read(&HeaderMap::new(), body, LIMIT, &limits()).await
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_are_read_within_limits() {
        let second = Duration::from_secs(1);
        assert_eq!(
            read_body(dripping(5, second))
                .await
                .ok()
                .map(|body| body.len()),
            Some(5)
        );
        // Too long a pause, and too long in all.
        for body in [dripping(2, second * 4), dripping(9, second * 2)] {
            assert!(matches!(
                read_body(body).await,
                Err(HttpError::BodyIncomplete(_))
            ));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sizes_are_limited_announced_or_not() {
        assert_eq!(
            read_body(Body::from(vec![0; LIMIT]))
                .await
                .ok()
                .map(|b| b.len()),
            Some(LIMIT)
        );
        let unannounced = read_body(Body::from(vec![0; LIMIT + 1])).await;
        assert!(matches!(
            unannounced,
            Err(HttpError::BodyTooLarge { limit: LIMIT })
        ));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, (LIMIT + 1).into());
        let announced = read(&headers, Body::empty(), LIMIT, &limits()).await;
        assert!(matches!(announced, Err(HttpError::BodyTooLarge { .. })));
    }
}
