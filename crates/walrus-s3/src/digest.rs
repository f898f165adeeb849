//! Digests of what arrives: the MD5 that becomes the ETag, and what clients send for comparison.

use md5::{Digest as _, Md5};
use s3s::{
    TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256},
};

/// What clients send beside a body.
#[derive(Default)]
pub(crate) struct Announced {
    /// `Content-MD5`, in base64.
    pub md5: Option<String>,
    /// Digests in base64, with the names of their headers.
    pub checksums: Vec<(&'static str, String)>,
    /// Names of checksums that follow the body.
    pub trailer: Option<String>,
    /// Headers that follow the body.
    pub trailing: Option<TrailingHeaders>,
}

/// The names of headers with checksums.
pub(crate) const CHECKSUM_HEADERS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// Computes digests, and compares them with what was announced.
#[derive(Default)]
pub(crate) struct Digests {
    md5: Md5,
    others: ChecksumHasher,
    announced: Announced,
}

impl Digests {
    pub(crate) fn new(announced: Announced) -> Self {
        let mut digests = Self {
            announced,
            ..Self::default()
        };
        let named: Vec<String> = digests.announced.names().collect();
        for name in named {
            digests.add(&name);
        }
        digests
    }

    fn add(&mut self, name: &str) {
        let others = &mut self.others;
        match name {
            "x-amz-checksum-crc32" => others.crc32 = Some(Crc32::new()),
            "x-amz-checksum-crc32c" => others.crc32c = Some(Crc32c::new()),
            "x-amz-checksum-crc64nvme" => others.crc64nvme = Some(Crc64Nvme::new()),
            "x-amz-checksum-sha1" => others.sha1 = Some(Sha1::new()),
            "x-amz-checksum-sha256" => others.sha256 = Some(Sha256::new()),
            _ => {}
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.others.update(bytes);
    }

    /// The MD5; or the name of the digest that is another than announced. The body must have been
    /// read to its end.
    pub(crate) fn finish(self) -> Result<[u8; 16], &'static str> {
        let md5: [u8; 16] = self.md5.finalize().into();
        let computed = self.others.finalize();
        let computed = |name: &str| {
            match name {
                "x-amz-checksum-crc32" => &computed.checksum_crc32,
                "x-amz-checksum-crc32c" => &computed.checksum_crc32c,
                "x-amz-checksum-crc64nvme" => &computed.checksum_crc64nvme,
                "x-amz-checksum-sha1" => &computed.checksum_sha1,
                "x-amz-checksum-sha256" => &computed.checksum_sha256,
                _ => &None,
            }
            .as_deref()
        };
        if let Some(announced) = &self.announced.md5
            && *announced != base64(&md5)
        {
            return Err("Content-MD5");
        }
        for (name, announced) in &self.announced.checksums {
            if computed(name) != Some(announced) {
                return Err(name);
            }
        }
        let trailing = self.announced.trailing.and_then(|trailing| trailing.take());
        for name in CHECKSUM_HEADERS {
            let sent = trailing.as_ref().and_then(|headers| headers.get(name));
            if let (Some(sent), Some(computed)) = (sent, computed(name))
                && sent.as_bytes() != computed.as_bytes()
            {
                return Err(name);
            }
        }
        Ok(md5)
    }
}

impl Announced {
    fn names(&self) -> impl Iterator<Item = String> {
        let before = self.checksums.iter().map(|(name, _)| (*name).to_owned());
        let after = self.trailer.iter().flat_map(|trailer| trailer.split(','));
        before.chain(after.map(|name| name.trim().to_ascii_lowercase()))
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The ETag of an upload in parts, from the MD5s of its parts.
pub(crate) fn etag_of_parts<'a>(parts: impl Iterator<Item = &'a [u8; 16]>) -> String {
    let mut md5 = Md5::new();
    let mut count = 0;
    for part in parts {
        md5.update(part);
        count += 1;
    }
    format!("{}-{count}", hex::encode(md5.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(announced: Announced) -> Result<[u8; 16], &'static str> {
        let mut digests = Digests::new(announced);
        digests.update(b"hello ");
        digests.update(b"world");
        digests.finish()
    }

    #[test]
    fn digests_are_compared_with_what_was_announced() {
        let md5 = digest(Announced::default()).unwrap();
        assert_eq!(hex::encode(md5), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        let with_md5 = |text: &str| Announced {
            md5: Some(text.to_owned()),
            ..Announced::default()
        };
        assert!(digest(with_md5("XrY7u+Ae7tCTyyK7j1rNww==")).is_ok());
        assert_eq!(digest(with_md5("")), Err("Content-MD5"));
        let with = |name, text: &str| Announced {
            checksums: vec![(name, text.to_owned())],
            ..Announced::default()
        };
        for (name, text) in [
            ("x-amz-checksum-crc32", "DUoRhQ=="),
            ("x-amz-checksum-crc32c", "yZRlqg=="),
            ("x-amz-checksum-crc64nvme", "jSnVw/bqjr4="),
            ("x-amz-checksum-sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
            (
                "x-amz-checksum-sha256",
                "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
            ),
        ] {
            assert!(digest(with(name, text)).is_ok(), "{name}");
            assert_eq!(digest(with(name, "AAAA")), Err(name));
        }
    }

    #[test]
    fn parts_have_an_etag_of_their_own() {
        let part = |text: &[u8]| {
            let mut digests = Digests::default();
            digests.update(text);
            digests.finish().unwrap()
        };
        let parts = [part(b"hello "), part(b"world")];
        assert_eq!(
            etag_of_parts(parts.iter()),
            "e09e4fd6265b36115fe3db32df945d84-2"
        );
    }
}
