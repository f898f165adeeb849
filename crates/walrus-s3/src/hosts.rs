//! Buckets as names of hosts: `BUCKET.DOMAIN`.

use s3s::{
    S3Result,
    host::{S3Host, VirtualHost},
};

/// A name that is none of a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no domain: write it like s3.example.org, without a scheme, a port or a dot at the end"
)]
pub struct DomainError(String);

/// Domains below which buckets are names of hosts. All other hosts serve buckets as the first part
/// of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// In lower case, the longest first: a domain may be below another one.
    domains: Vec<String>,
}

impl Hosts {
    pub(crate) fn new(domains: &[String]) -> Result<Self, DomainError> {
        let lower = domains.iter().map(|domain| {
            if is_domain(domain) {
                Ok(domain.to_ascii_lowercase())
            } else {
                Err(DomainError(domain.clone()))
            }
        });
        let mut domains = lower.collect::<Result<Vec<_>, _>>()?;
        domains.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
        Ok(Self { domains })
    }

    /// The domain and the bucket that a host names; `None` if it is below no domain.
    fn split(&self, host: &str) -> Option<(&str, String)> {
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        let name = name.to_ascii_lowercase();
        let above = self.domains.iter().find_map(|domain| {
            let before = name.strip_suffix(domain.as_str())?;
            Some((domain.as_str(), before)).filter(|_| before.is_empty() || before.ends_with('.'))
        });
        let (domain, before) = above?;
        let bucket = before
            .strip_suffix('.')
            .filter(|bucket| !bucket.is_empty())?;
        Some((domain, bucket.to_owned()))
    }
}

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match self.split(host) {
            Some((domain, bucket)) => VirtualHost::new(domain).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_letter)
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_buckets_whatever_their_port() {
        let domains = ["s3.example.org", "Eu.S3.example.org"].map(str::to_owned);
        let hosts = Hosts::new(&domains).unwrap();
        for (host, bucket) in [
            ("photos.s3.example.org", Some("photos")),
            ("photos.s3.example.org:8333", Some("photos")),
            ("Photos.S3.Example.ORG", Some("photos")),
            ("a.b.s3.example.org", Some("a.b")),
            ("photos.eu.s3.example.org", Some("photos")),
            ("s3.example.org", None),
            ("eu.s3.example.org:1", None),
            (".s3.example.org", None),
            ("photoss3.example.org", None),
            ("localhost:8333", None),
            ("[::1]:8333", None),
            ("", None),
        ] {
            let found = hosts.parse_host_header(host).unwrap();
            assert_eq!(found.bucket(), bucket, "{host}");
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for text in ["", ".", "a..b", "a.", "http://a", "a:8333", "a b", "*.a"] {
            let refused = Hosts::new(&[text.to_owned()]);
            assert_eq!(refused, Err(DomainError(text.to_owned())));
        }
    }
}
