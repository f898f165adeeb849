//! How buckets and objects are written on chain: attributes of blob objects, tags of files in
//! quilts.
//!
//! Names of ours begin with `s3:`. What HTTP has a name for (`content-type` …) has that name, so
//! that others who serve blobs
//! serve it, too.

use std::collections::BTreeMap;

use walrus_core::EpochCount;
use walrus_sui::contract::Attributes;

use crate::record::{Gone, Meta, Name, Version};

const KIND: &str = "s3:kind";
const BUCKET: &str = "s3:bucket";
const KEY: &str = "s3:key";
const VERSION: &str = "s3:version";
const ETAG: &str = "s3:etag";
const SIZE: &str = "s3:size";
const CHUNK: &str = "s3:chunk";
const META: &str = "s3:meta";
const EPOCHS: &str = "s3:epochs";
const GONE: &str = "s3:gone";

const KIND_BUCKET: &str = "bucket";
const KIND_OBJECT: &str = "object";
const KIND_QUILT: &str = "quilt";

/// What HTTP says about content, in the names attributes have.
pub(crate) const CONTENT_HEADERS: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

/// What a blob object of this store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Label {
    Bucket {
        bucket: String,
        version: Version,
        epochs: Option<EpochCount>,
    },
    Object(ObjectLabel),
    Quilt {
        bucket: String,
        version: Version,
        gone: Gone,
    },
}

/// A blob that is a piece of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectLabel {
    pub name: Name,
    pub version: Version,
    /// Which piece of how many.
    pub chunk: (u32, u32),
    /// What is said about the object; the first piece has it.
    pub meta: Option<Meta>,
}

impl Label {
    pub(crate) fn to_attributes(&self) -> Attributes {
        let mut list = List::default();
        match self {
            Self::Bucket {
                bucket,
                version,
                epochs,
            } => {
                list.head(KIND_BUCKET, bucket, *version);
                if let Some(epochs) = epochs {
                    list.add(EPOCHS, epochs.to_string());
                }
            }
            Self::Object(label) => {
                list.head(KIND_OBJECT, &label.name.bucket, label.version);
                list.add(KEY, &label.name.key);
                let (number, count) = label.chunk;
                if count > 1 {
                    list.add(CHUNK, format!("{number}/{count}"));
                }
                if let Some(meta) = &label.meta {
                    list.0.extend(meta_pairs(meta));
                }
            }
            Self::Quilt {
                bucket,
                version,
                gone,
            } => {
                list.head(KIND_QUILT, bucket, *version);
                if gone.count() > 0 {
                    list.add(GONE, gone.to_hex());
                }
            }
        }
        list.0
    }

    /// What attributes say; `None` if they are not of this store, or not understood.
    pub(crate) fn parse(attributes: &Attributes) -> Option<Self> {
        let find = |name: &str| {
            let found = attributes.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        let bucket = find(BUCKET)?.to_owned();
        let version = Version(find(VERSION)?.parse().ok()?);
        match find(KIND)? {
            KIND_BUCKET => Some(Self::Bucket {
                bucket,
                version,
                epochs: match find(EPOCHS) {
                    Some(text) => Some(text.parse().ok()?),
                    None => None,
                },
            }),
            KIND_OBJECT => {
                let key = find(KEY)?.to_owned();
                let chunk = match find(CHUNK) {
                    Some(text) => chunk_of(text)?,
                    None => (0, 1),
                };
                let meta = match chunk.0 {
                    0 => Some(meta_of(|name| find(name))?),
                    _ => None,
                };
                Some(Self::Object(ObjectLabel {
                    name: Name { bucket, key },
                    version,
                    chunk,
                    meta,
                }))
            }
            KIND_QUILT => Some(Self::Quilt {
                bucket,
                version,
                gone: match find(GONE) {
                    Some(text) => Gone::from_hex(text)?,
                    None => Gone::default(),
                },
            }),
            _ => None,
        }
    }
}

/// The attribute that says which files of a quilt are gone.
pub(crate) fn gone_attribute(gone: &Gone) -> (String, String) {
    (GONE.to_owned(), gone.to_hex())
}

/// The tags of a file in a quilt.
pub(crate) fn tags(version: Version, meta: &Meta) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = meta_pairs(meta).into_iter().collect();
    tags.insert(VERSION.to_owned(), version.0.to_string());
    tags
}

/// What tags say.
pub(crate) fn parse_tags(tags: &BTreeMap<String, String>) -> Option<(Version, Meta)> {
    let find = |name: &str| tags.get(name).map(String::as_str);
    let version = Version(find(VERSION)?.parse().ok()?);
    Some((version, meta_of(find)?))
}

#[derive(Default)]
struct List(Attributes);

impl List {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    fn head(&mut self, kind: &str, bucket: &str, version: Version) {
        self.add(KIND, kind);
        self.add(BUCKET, bucket);
        self.add(VERSION, version.0.to_string());
    }
}

fn meta_pairs(meta: &Meta) -> Vec<(String, String)> {
    let mut list = List::default();
    list.add(ETAG, &meta.etag);
    list.add(SIZE, meta.size.to_string());
    if !meta.user.is_empty() {
        let json = serde_json::to_string(&meta.user).expect("a map of strings is JSON");
        list.add(META, json);
    }
    for (name, value) in &meta.headers {
        list.add(name, value);
    }
    list.0
}

fn meta_of<'a>(find: impl Fn(&str) -> Option<&'a str>) -> Option<Meta> {
    let user = match find(META) {
        Some(json) => serde_json::from_str(json).ok()?,
        None => BTreeMap::new(),
    };
    let headers = CONTENT_HEADERS.iter().filter_map(|name| {
        let value = find(name)?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    Some(Meta {
        size: find(SIZE)?.parse().ok()?,
        etag: find(ETAG)?.to_owned(),
        headers: headers.collect(),
        user,
    })
}

/// `NUMBER/COUNT`
fn chunk_of(text: &str) -> Option<(u32, u32)> {
    let (number, count) = text.split_once('/')?;
    let (number, count) = (number.parse().ok()?, count.parse().ok()?);
    (number < count).then_some((number, count))
}

/// A key as the identifier of a file in a quilt, which has no control characters and does not end
/// in white space. Those, and `%`,
/// become `%` and two hexadecimal digits for each byte.
pub(crate) fn identifier(key: &str) -> String {
    let kept = key.trim_end().len();
    let mut text = String::with_capacity(key.len());
    for (position, character) in key.char_indices() {
        if position >= kept || character == '%' || character.is_control() {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                text.push('%');
                text.push_str(&hex::encode([byte]));
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// The key that [`identifier`] was made of.
pub(crate) fn key_of(identifier: &str) -> Option<String> {
    let mut parts = identifier.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meta() -> Meta {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        Meta {
            size: 12,
            etag: "d41d8cd98f00b204e9800998ecf8427e-2".to_owned(),
            headers: map(&[("content-type", "text/plain"), ("expires", "never")]),
            user: map(&[("colour", "blue \u{e9}"), ("s3:key", "forged")]),
        }
    }

    fn name() -> Name {
        Name {
            bucket: "photos".to_owned(),
            key: "a/\u{1}b ".to_owned(),
        }
    }

    #[test]
    fn labels_survive_their_attributes() {
        let mut gone = Gone::default();
        gone.insert(3);
        let object = |chunk, meta| {
            Label::Object(ObjectLabel {
                name: name(),
                version: Version(7),
                chunk,
                meta,
            })
        };
        for label in [
            Label::Bucket {
                bucket: "photos".to_owned(),
                version: Version(1),
                epochs: Some(4),
            },
            object((0, 1), Some(meta())),
            object((0, 3), Some(meta())),
            object((2, 3), None),
            Label::Quilt {
                bucket: "photos".to_owned(),
                version: Version(9),
                gone,
            },
        ] {
            let mut attributes = label.to_attributes();
            assert_eq!(Label::parse(&attributes), Some(label));
            // The chain does not keep their order.
            attributes.reverse();
            attributes.push(("other".to_owned(), "kept".to_owned()));
            assert!(Label::parse(&attributes).is_some());
        }
        let read = parse_tags(&tags(Version(7), &meta()));
        assert_eq!(read, Some((Version(7), meta())));
    }

    #[test]
    fn what_is_not_understood_is_not_ours() {
        let attributes = Label::Object(ObjectLabel {
            name: name(),
            version: Version(7),
            chunk: (0, 2),
            meta: Some(meta()),
        })
        .to_attributes();
        for (missing, _) in &attributes {
            let mut less = attributes.clone();
            less.retain(|(key, _)| key != missing);
            let may_be_missing = [META, CHUNK].contains(&missing.as_str())
                || CONTENT_HEADERS.contains(&missing.as_str());
            assert_eq!(Label::parse(&less).is_some(), may_be_missing, "{missing}");
        }
        for (key, value) in [
            (KIND, "folder"),
            (VERSION, "-1"),
            (SIZE, "many"),
            (CHUNK, "2/2"),
            (CHUNK, "x"),
            (META, "{"),
        ] {
            let mut other = attributes.clone();
            let pair = other.iter_mut().find(|(name, _)| name == key).unwrap();
            value.clone_into(&mut pair.1);
            assert_eq!(Label::parse(&other), None, "{key}={value}");
        }
    }

    #[test]
    fn plain_keys_are_their_own_identifiers() {
        for key in ["a", "a/b c.txt", "../x", "\u{e9}t\u{e9}"] {
            assert_eq!(identifier(key), key);
        }
        assert_eq!(identifier("50% \n "), "50%25%20%0a%20");
        assert_eq!(key_of("%"), None);
        assert_eq!(key_of("%zz"), None);
        assert_eq!(key_of("%ff"), None);
    }

    proptest! {
        #[test]
        fn keys_survive_their_identifiers(key in "\\PC*|[\\x00-\\x20%a]{0,20}") {
            let text = identifier(&key);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(text.trim_end(), &text);
            prop_assert_eq!(key_of(&text), Some(key));
        }
    }
}
