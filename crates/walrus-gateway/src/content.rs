//! What of a representation is sent, and in which headers: conditional requests and ranges of RFC
//! 9110.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use headers::{ETag, HeaderMapExt as _, IfMatch, IfNoneMatch, IfRange};

use crate::error::ApiError;

/// How long caches may keep what can never change.
const CACHE_CONTROL: HeaderValue =
    HeaderValue::from_static("public, max-age=86400, stale-while-revalidate=3600");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// 304: the client has it.
    NotModified,
    /// 412: the client wants something else.
    PreconditionFailed,
    /// 200.
    Whole,
    /// 206.
    Part(Range<u64>),
}

/// An entity tag. What it stands for never changes, so it is a strong one.
pub(crate) fn entity_tag(opaque: &str) -> ETag {
    format!("\"{opaque}\"")
        .parse()
        .expect("identifiers are base64, which is legal in an entity tag")
}

/// What a request asks for of `length` bytes with this tag. Preconditions are evaluated in the
/// order of RFC 9110, 13.2.2.
pub(crate) fn select(headers: &HeaderMap, etag: &ETag, length: u64) -> Result<Selection, ApiError> {
    if let Some(if_match) = headers.typed_get::<IfMatch>()
        && !if_match.precondition_passes(etag)
    {
        return Ok(Selection::PreconditionFailed);
    }
    if let Some(if_none_match) = headers.typed_get::<IfNoneMatch>()
        && !if_none_match.precondition_passes(etag)
    {
        return Ok(Selection::NotModified);
    }
    // A date says nothing about what never changes: the part is sent only to those who name the
    // tag.
    let is_other_version = headers.contains_key(header::IF_RANGE)
        && headers
            .typed_get::<IfRange>()
            .is_none_or(|if_range| if_range.is_modified(Some(etag), None));
    if is_other_version {
        return Ok(Selection::Whole);
    }
    match requested_range(headers) {
        None => Ok(Selection::Whole),
        Some(requested) => match requested.within(length) {
            Some(range) => Ok(Selection::Part(range)),
            None => Err(ApiError::RangeNotSatisfiable { length }),
        },
    }
}

/// What an answer consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// This status and no body.
    Bodiless(StatusCode),
    /// This status and these bytes.
    Bytes(StatusCode, Range<u64>),
}

/// Selects from `length` bytes what a request asks for, and completes the headers.
pub(crate) fn frame(
    request: &HeaderMap,
    etag: &ETag,
    length: u64,
    headers: &mut HeaderMap,
) -> Result<Frame, ApiError> {
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, range) = match select(request, etag, length)? {
        Selection::NotModified => return Ok(Frame::Bodiless(StatusCode::NOT_MODIFIED)),
        Selection::PreconditionFailed => {
            return Ok(Frame::Bodiless(StatusCode::PRECONDITION_FAILED));
        }
        Selection::Whole => (StatusCode::OK, 0..length),
        Selection::Part(range) => {
            let text = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let value = HeaderValue::from_str(&text).expect("digits are legal in a header");
            headers.insert(header::CONTENT_RANGE, value);
            (StatusCode::PARTIAL_CONTENT, range)
        }
    };
    headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    Ok(Frame::Bytes(status, range))
}

/// Whether the client has what this tag stands for. For what has its range in its name.
pub(crate) fn is_known(request: &HeaderMap, etag: &ETag) -> bool {
    let if_none_match = request.typed_get::<IfNoneMatch>();
    if_none_match.is_some_and(|condition| !condition.precondition_passes(etag))
}

/// One range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requested {
    /// `A-B` and `A-`.
    From { first: u64, last: Option<u64> },
    /// `-N`.
    Last(u64),
}

impl Requested {
    /// The bytes of `length` that are meant; `None` if there are none of them.
    fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From { first, last } => {
                first..last.map_or(length, |last| last.saturating_add(1).min(length))
            }
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// The range of a request. Units and forms that are not understood, and several ranges at once, are
/// ignored, as RFC 9110 wants it: the whole is always a correct answer.
fn requested_range(headers: &HeaderMap) -> Option<Requested> {
    let mut values = headers.get_all(header::RANGE).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (unit, set) = value.to_str().ok()?.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    match (position(first), position(last)) {
        (Some(Some(first)), Some(last)) if last.is_none_or(|last| first <= last) => {
            Some(Requested::From { first, last })
        }
        (Some(None), Some(Some(count))) => Some(Requested::Last(count)),
        _ => None,
    }
}

/// Digits, or nothing at all. Positions beyond all there can be are the largest there are.
#[allow(
    clippy::option_option,
    reason = "the outer one says whether it is understood"
)]
fn position(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

/// The headers every representation has. `Content-Type` is what the client accepts, if that is one
/// thing.
pub(crate) fn representation_headers(request: &HeaderMap, etag: &ETag) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    headers.typed_insert(etag.clone());
    if let Some(content_type) = content_type(request) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers
}

fn content_type(request: &HeaderMap) -> Option<HeaderValue> {
    let is_definite = |value: &&HeaderValue| !value.as_bytes().contains(&b'*');
    let accepted = request.get(header::ACCEPT).filter(is_definite);
    accepted
        .or_else(|| request.get(header::CONTENT_TYPE))
        .cloned()
}

/// Which attributes and tags become headers.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHeaders {
    names: Vec<HeaderName>,
    all_tags: bool,
}

impl AllowedHeaders {
    pub(crate) fn new(names: Vec<HeaderName>, all_tags: bool) -> Self {
        Self { names, all_tags }
    }

    /// Adds the attributes that may be headers, are legal ones, and say nothing that is said
    /// already.
    pub(crate) fn add_attributes<'a>(
        &self,
        headers: &mut HeaderMap,
        attributes: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) {
        self.add(headers, attributes, false);
    }

    /// The same for the tags of a file of a quilt.
    pub(crate) fn add_tags<'a>(
        &self,
        headers: &mut HeaderMap,
        tags: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) {
        self.add(headers, tags, self.all_tags);
    }

    fn add<'a>(
        &self,
        headers: &mut HeaderMap,
        pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
        all: bool,
    ) {
        for (key, value) in pairs {
            let Ok(name) = HeaderName::try_from(key.to_ascii_lowercase()) else {
                continue;
            };
            let Ok(value) = HeaderValue::from_str(value) else {
                continue;
            };
            let is_allowed = self.names.contains(&name) || (all && !is_of_the_connection(&name));
            if is_allowed && !headers.contains_key(&name) {
                headers.insert(name, value);
            }
        }
    }
}

/// Headers that tell the receiver how the message is framed, or who speaks: never those of a file.
fn is_of_the_connection(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::DATE,
        header::SET_COOKIE,
        header::STRICT_TRANSPORT_SECURITY,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ]
    .contains(name)
        || name.as_str().starts_with("access-control-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: u64 = 100;

    fn selected(pairs: &[(&'static str, &str)]) -> Option<Selection> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        select(&headers, &entity_tag("abc"), LENGTH).ok()
    }

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (text, expected) in [
            ("bytes=0-9", Some(Selection::Part(0..10))),
            ("bytes=0-", Some(Selection::Part(0..100))),
            ("bytes=99-", Some(Selection::Part(99..100))),
            ("bytes=90-1000", Some(Selection::Part(90..100))),
            ("bytes=-10", Some(Selection::Part(90..100))),
            ("bytes=-1000", Some(Selection::Part(0..100))),
            ("Bytes = 1-2", Some(Selection::Part(1..3))),
            (
                "bytes=5-99999999999999999999999",
                Some(Selection::Part(5..100)),
            ),
            // Nothing there: 416.
            ("bytes=100-", None),
            ("bytes=100-200", None),
            ("bytes=99999999999999999999999-", None),
            ("bytes=-0", None),
            // Not understood: the whole.
            ("bytes=9-0", Some(Selection::Whole)),
            ("bytes=0-1,5-6", Some(Selection::Whole)),
            ("bytes=-", Some(Selection::Whole)),
            ("bytes=a-b", Some(Selection::Whole)),
            ("bytes=+1-2", Some(Selection::Whole)),
            ("bytes=0x1-2", Some(Selection::Whole)),
            ("lines=1-2", Some(Selection::Whole)),
            ("bytes", Some(Selection::Whole)),
            ("", Some(Selection::Whole)),
        ] {
            assert_eq!(selected(&[("range", text)]), expected, "{text}");
        }
        let two = [("range", "bytes=0-1"), ("range", "bytes=2-3")];
        assert_eq!(selected(&two), Some(Selection::Whole));
    }

    #[test]
    fn nothing_is_sent_twice() {
        let range = ("range", "bytes=0-9");
        let part = Selection::Part(0..10);
        for (condition, expected) in [
            (("if-none-match", "\"abc\""), Selection::NotModified),
            (("if-none-match", "W/\"abc\""), Selection::NotModified),
            (("if-none-match", "\"x\", \"abc\""), Selection::NotModified),
            (("if-none-match", "*"), Selection::NotModified),
            (("if-none-match", "\"x\""), part.clone()),
            (("if-none-match", "abc"), part.clone()),
            (("if-match", "\"abc\""), part.clone()),
            (("if-match", "\"x\""), Selection::PreconditionFailed),
            (("if-range", "\"abc\""), part),
            (("if-range", "\"x\""), Selection::Whole),
            (("if-range", "W/\"abc\""), Selection::Whole),
            (("if-range", "nonsense"), Selection::Whole),
            (
                ("if-range", "Tue, 15 Nov 1994 12:45:26 GMT"),
                Selection::Whole,
            ),
        ] {
            assert_eq!(
                selected(&[range, condition]),
                Some(expected),
                "{condition:?}"
            );
        }
    }

    #[test]
    fn attributes_are_headers_only_when_allowed_legal_and_new() {
        let pairs: Vec<(String, String)> = [
            ("Content-Type", "text/plain"),
            ("x-other", "1"),
            ("etag", "mine"),
            ("link", "two\r\nlines: 1"),
            ("bad name", "1"),
            ("transfer-encoding", "chunked"),
            ("access-control-allow-origin", "evil"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
        let pairs = || pairs.iter().map(|(key, value)| (key, value));
        let names = vec![header::CONTENT_TYPE, header::LINK];
        let mut headers = representation_headers(&HeaderMap::new(), &entity_tag("abc"));
        let before = headers.len();
        AllowedHeaders::new(names.clone(), true).add_attributes(&mut headers, pairs());
        assert_eq!(headers[header::CONTENT_TYPE], "text/plain");
        assert_eq!(headers.len(), before + 1);

        let mut headers = representation_headers(&HeaderMap::new(), &entity_tag("abc"));
        AllowedHeaders::new(names, true).add_tags(&mut headers, pairs());
        assert_eq!(headers["x-other"], "1");
        assert_eq!(headers[header::ETAG], "\"abc\"");
        assert_eq!(headers.len(), before + 2, "{headers:?}");
    }

    #[test]
    fn the_content_type_is_what_is_accepted() {
        let typed = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            let headers = representation_headers(&headers, &entity_tag("abc"));
            headers.get(header::CONTENT_TYPE).cloned()
        };
        assert_eq!(typed(&[("accept", "image/png")]).unwrap(), "image/png");
        assert_eq!(typed(&[("accept", "*/*")]), None);
        let both = [("accept", "image/*"), ("content-type", "a/b")];
        assert_eq!(typed(&both).unwrap(), "a/b");
    }
}
