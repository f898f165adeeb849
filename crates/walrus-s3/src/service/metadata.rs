//! What clients say about an object, as headers.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use s3s::{
    S3ErrorCode, S3Result, TrailingHeaders,
    dto::{ETag, Timestamp, TimestampFormat},
};

use super::errors;
use crate::{
    digest::{Announced, CHECKSUM_HEADERS, Digests},
    record::{Meta, Name, Version},
};

/// Bytes of the user metadata of an object, names and values.
const USER_BYTES_MAX: usize = 2 * 1024;
/// Bytes of what HTTP says about an object.
const HEADER_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 1024;

/// What HTTP says about content, as `s3s` reads it.
pub(super) struct ContentHeaders {
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<Timestamp>,
}

/// The content headers of an input, which all have the same fields.
macro_rules! content_headers {
    ($input:expr) => {
        $crate::service::metadata::ContentHeaders {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            expires: $input.expires.take(),
        }
    };
}
pub(super) use content_headers;

/// What is said about a new object. Its size and ETag come later.
pub(super) fn meta(
    headers: ContentHeaders,
    user: Option<impl IntoIterator<Item = (String, String)>>,
) -> S3Result<Meta> {
    let encoding = headers.content_encoding.map(|encoding| {
        // How the body came is nothing that the object has.
        let parts = encoding.split(',').map(str::trim);
        let parts: Vec<&str> = parts.filter(|part| *part != "aws-chunked").collect();
        parts.join(",")
    });
    let expires = headers.expires.and_then(|expires| http_date(&expires));
    let pairs = [
        ("cache-control", headers.cache_control),
        ("content-disposition", headers.content_disposition),
        ("content-encoding", encoding),
        ("content-language", headers.content_language),
        ("content-type", headers.content_type),
        ("expires", expires),
    ];
    let headers: BTreeMap<String, String> = pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let user: BTreeMap<String, String> = user.into_iter().flatten().collect();
    for (map, max) in [(&headers, HEADER_BYTES_MAX), (&user, USER_BYTES_MAX)] {
        let bytes: usize = map
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > max {
            let text = format!("the metadata has {bytes} bytes; the limit is {max}");
            return Err(errors::error(S3ErrorCode::MetadataTooLarge, text));
        }
    }
    Ok(Meta {
        headers,
        user,
        ..Meta::default()
    })
}

fn http_date(moment: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    moment.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// A date that [`meta`] has kept.
pub(super) fn expires(meta: &Meta) -> Option<Timestamp> {
    let text = meta.headers.get("expires")?;
    Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

/// The moment of a version, in seconds: as clients compare it.
pub(super) fn modified(version: Version) -> Timestamp {
    let seconds = Duration::from_secs(version.unix_ms() / 1000);
    Timestamp::from(UNIX_EPOCH + seconds)
}

pub(super) fn etag(meta: &Meta) -> ETag {
    ETag::Strong(meta.etag.clone())
}

/// The name of an object; an error if it is none.
pub(super) fn name(bucket: String, key: String) -> S3Result<Name> {
    if key.is_empty() {
        let text = "a key has at least one byte";
        return Err(errors::error(S3ErrorCode::InvalidArgument, text));
    }
    if key.len() > KEY_BYTES_MAX {
        let text = format!("a key has at most {KEY_BYTES_MAX} bytes");
        return Err(errors::error(S3ErrorCode::KeyTooLongError, text));
    }
    Ok(Name { bucket, key })
}

/// The digests that a request announces, in its headers or after its body.
pub(super) fn digests(
    md5: Option<String>,
    headers: &axum::http::HeaderMap,
    trailing: Option<TrailingHeaders>,
) -> Digests {
    let text = |name: &str| {
        let value = headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let checksums = CHECKSUM_HEADERS.into_iter();
    Digests::new(Announced {
        md5,
        checksums: checksums
            .filter_map(|name| Some((name, text(name)?)))
            .collect(),
        trailer: text("x-amz-trailer"),
        trailing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(encoding: &str, disposition: &str) -> ContentHeaders {
        ContentHeaders {
            cache_control: None,
            content_disposition: Some(disposition.to_owned()),
            content_encoding: Some(encoding.to_owned()),
            content_language: None,
            content_type: Some("text/plain".to_owned()),
            expires: Some(modified(Version(1_000_000_999_999))),
        }
    }

    #[test]
    fn metadata_is_kept_within_bounds() {
        let user = |bytes: usize| Some([("a".to_owned(), "x".repeat(bytes))]);
        let kept = meta(headers("gzip,aws-chunked", ""), user(5)).unwrap();
        let pairs: Vec<_> = kept
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            pairs,
            [
                "content-encoding: gzip",
                "content-type: text/plain",
                "expires: Mon, 12 Jan 1970 13:46:40 GMT"
            ]
        );
        assert_eq!(expires(&kept), Some(modified(Version(1_000_000_000_000))));
        assert_eq!(kept.user["a"], "xxxxx");
        assert!(meta(headers("", ""), user(USER_BYTES_MAX)).is_err());
        assert!(meta(headers("", &"x".repeat(HEADER_BYTES_MAX)), user(1)).is_err());
    }

    #[test]
    fn keys_have_a_length() {
        let is_key = |length: usize| name("bucket".to_owned(), "k".repeat(length)).is_ok();
        assert!(!is_key(0) && is_key(1) && is_key(1024) && !is_key(1025));
    }
}
