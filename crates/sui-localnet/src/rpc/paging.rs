//! Page sizes and page tokens of the unary list methods.

use super::errors;
use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use tonic::Status;

/// Entries of a page when the client does not say.
pub(crate) const PAGE_SIZE_DEFAULT: u32 = 50;
/// Most entries of a page of objects, fields or balances.
pub(crate) const PAGE_SIZE_MAX: u32 = 1000;
/// Object and field pages end early once their entries exceed this many bytes, so that a page
/// always fits the 4 MiB a gRPC client accepts.
pub(crate) const PAGE_BYTES_MAX: usize = 512 * 1024;

/// The page size to use, between 1 and `max`.
pub(crate) fn size(requested: Option<u32>, default: u32, max: u32) -> usize {
    let size = requested.unwrap_or(default).clamp(1, max);
    usize::saturating_from(size)
}

/// Where a listing goes on, bound to the listing it came from.
#[derive(Serialize, Deserialize)]
struct PageToken {
    query: Vec<String>,
    cursor: Vec<u8>,
}

/// The token for the page after `cursor` of the listing identified by `query`.
pub(crate) fn token(query: &[String], cursor: &[u8]) -> prost::bytes::Bytes {
    let token = PageToken {
        query: query.to_vec(),
        cursor: cursor.to_vec(),
    };
    bcs::to_bytes(&token)
        .expect("strings and bytes have a BCS form")
        .into()
}

/// The cursor inside a token the client sent back; `None` for the first page. Tokens of other
/// listings are refused.
pub(crate) fn cursor(query: &[String], token: Option<&[u8]>) -> Result<Option<Vec<u8>>, Status> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    match bcs::from_bytes::<PageToken>(token) {
        Ok(token) if token.query == query => Ok(Some(token.cursor)),
        _ => Err(errors::invalid_field("page_token", "invalid page_token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_clamped() {
        assert_eq!(size(None, 50, 1000), 50);
        assert_eq!(size(Some(0), 50, 1000), 1);
        assert_eq!(size(Some(5000), 50, 1000), 1000);
    }

    #[test]
    fn tokens_belong_to_their_query() {
        let query = ["owned".to_owned(), "0x1".to_owned()];
        let other = ["owned".to_owned(), "0x2".to_owned()];
        let issued = token(&query, &[1, 2, 3]);
        assert_eq!(
            cursor(&query, Some(&issued)).expect("own"),
            Some(vec![1, 2, 3])
        );
        assert_eq!(cursor(&query, None).expect("first page"), None);
        assert!(cursor(&other, Some(&issued)).is_err());
        assert!(cursor(&query, Some(&[0xff, 1])).is_err());
    }
}
