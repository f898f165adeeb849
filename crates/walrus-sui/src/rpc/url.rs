//! URLs of full nodes, checked before anything is asked.

use http::Uri;

/// The URL, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(other) => {
            return Err(format!(
                "{other}:// is not how full nodes are asked; it starts with http:// or https://"
            ));
        }
        None => return Err("it does not start with http:// or https://".to_owned()),
    }
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    // Colons in brackets belong to an address.
    let port = match host_and_port.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':'),
        None => host_and_port.split_once(':').map(|(_, port)| port),
    };
    if uri.host().unwrap_or_default().is_empty() {
        return Err("it names no host".to_owned());
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(uri),
        Some(_) => Err(format!(
            "{:?} is not a port; ports are 1 to {}",
            port.unwrap_or_default(),
            u16::MAX
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_is_a_url() {
        for text in [
            "http://localhost:9000",
            "https://fullnode.example.org",
            "https://fullnode.example.org:443/",
            "http://[::1]:9000",
            "http://[::1]",
            "http://127.0.0.1:65535",
        ] {
            parse(text).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused_in_words() {
        for (text, expected) in [
            ("http://h:99999", "is not a port"),
            ("http://h:0", "is not a port"),
            ("http://h:", "is not a port"),
            ("http://[::1]:70000", "is not a port"),
            ("ws://h:9000", "ws:// is not how"),
            ("wss://h", "wss:// is not how"),
            ("ftp://h", "ftp:// is not how"),
            ("file:///tmp/x", ""),
            ("h:9000", "does not start with http://"),
            ("localhost", "does not start with http://"),
            ("", ""),
            ("http://", ""),
            ("http://b\u{fc}cher.example", ""),
            ("not a url", ""),
        ] {
            let reason = parse(text).unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
        }
    }
}
