//! What answers have in common.

use s3s::dto;

/// Who owns everything: the account that pays.
pub(super) fn owner() -> dto::Owner {
    dto::Owner {
        display_name: Some("walrus".to_owned()),
        id: Some("walrus".to_owned()),
    }
}

/// A name as the client wants it: as it is, or so that XML can hold it whatever it is.
pub(super) fn text_for(encoding: Option<&dto::EncodingType>, text: &str) -> String {
    let is_url = encoding.is_some_and(|encoding| encoding.as_str() == dto::EncodingType::URL);
    if is_url {
        url_encoded(text)
    } else {
        text.to_owned()
    }
}

fn url_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_when_asked_for() {
        let url = dto::EncodingType::from_static(dto::EncodingType::URL);
        assert_eq!(text_for(None, "a b\u{1}"), "a b\u{1}");
        assert_eq!(
            text_for(Some(&url), "a b/\u{1}+\u{e9}%"),
            "a%20b/%01%2B%C3%A9%25"
        );
    }
}
