//! Answers that are not gRPC: pages of proxies, of load balancers, of something else that listens
//! there.

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use tonic::{Code, body::Body};

/// What is repeated of a content type.
const CONTENT_TYPE_CHARS_MAX: usize = 60;

/// Gives every answer that is not gRPC the status of a full node that cannot be reached: another
/// attempt, or another full node, may do better. Without this, the first bytes of a page would be
/// read as the head of a message.
pub(super) fn only_grpc(response: Response<Body>) -> Response<Body> {
    let content_type = response.headers().get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        return response;
    }
    let status = response.status();
    let message = format!(
        "HTTP {}{} instead of gRPC",
        describe(status),
        content_type.map_or_else(String::new, |value| format!(" ({})", printable(value)))
    );
    let mut refusal = Response::new(Body::empty());
    let headers = refusal.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(Code::Unavailable as i32));
    if let Ok(message) = HeaderValue::from_str(&message) {
        headers.insert("grpc-message", message);
    }
    refusal
}

fn describe(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// A header of a stranger, for an error message that is a header itself.
fn printable(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.chars()
        .filter(|char| char.is_ascii_graphic() && *char != '%')
        .take(CONTENT_TYPE_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str) -> Response<Body> {
        let builder = Response::builder().status(status);
        let builder = builder.header(CONTENT_TYPE, content_type);
        only_grpc(builder.body(Body::empty()).unwrap())
    }

    #[test]
    fn pages_of_proxies_become_a_status_that_says_so() {
        for (status, content_type, expected) in [
            (
                502,
                "text/html",
                "HTTP 502 Bad Gateway (text/html) instead of gRPC",
            ),
            (
                429,
                "text/html; charset=utf-8",
                "HTTP 429 Too Many Requests (text/html;charset=utf-8)",
            ),
            (
                404,
                "application/json",
                "HTTP 404 Not Found (application/json)",
            ),
            (
                200,
                "text/plain",
                "HTTP 200 OK (text/plain) instead of gRPC",
            ),
            (599, "%41\u{9}", "HTTP 599 (41) instead of gRPC"),
        ] {
            let answer = answer(status, content_type);
            let found = tonic::Status::from_header_map(answer.headers()).unwrap();
            assert_eq!(found.code(), Code::Unavailable);
            assert!(found.message().starts_with(expected), "{}", found.message());
        }
        let none = only_grpc(Response::new(Body::empty()));
        let found = tonic::Status::from_header_map(none.headers()).unwrap();
        assert_eq!(found.message(), "HTTP 200 OK instead of gRPC");
    }

    #[test]
    fn grpc_is_left_alone() {
        for content_type in ["application/grpc", "application/grpc+proto"] {
            let answer = answer(200, content_type);
            assert!(tonic::Status::from_header_map(answer.headers()).is_none());
        }
    }
}
