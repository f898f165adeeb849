//! What parses and is nevertheless wrong.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use http::Uri;

use super::{ConfigError, DUTY_KEYS, KeySource, NAME_CHARS_MAX, NodeConfig, NodeWallet};

/// Longest host name of the domain name system.
const HOST_CHARS_MAX: usize = 253;

/// Longest part of one.
const LABEL_CHARS_MAX: usize = 63;

impl NodeConfig {
    /// Puts the home directory in wherever a path begins with `~`.
    pub(super) fn expand_paths(&mut self) -> Result<(), ConfigError> {
        expand(&mut self.storage_path)?;
        let keys = [&mut self.protocol_key_pair, &mut self.network_key_pair];
        for key in keys.into_iter().chain(&mut self.next_protocol_key_pair) {
            if let KeySource::File { path } = key {
                expand(path)?;
            }
        }
        match &mut self.sui.wallet_config {
            Some(NodeWallet::Path(path) | NodeWallet::Account { path, .. }) => {
                expand(path)?;
            }
            None => {}
        }
        for path in self.storage.paths_mut() {
            expand(path)?;
        }
        for path in [&mut self.tls.certificate_path, &mut self.blocklist_path] {
            path.as_mut().map_or(Ok(()), expand)?;
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let fail = |text: String| Err(ConfigError::Value(text));
        if self.name.chars().count() > NAME_CHARS_MAX {
            return fail(format!("name has more than {NAME_CHARS_MAX} characters"));
        }
        check_host(&self.public_host)?;
        if self.sui.rpc_urls().next().is_none() {
            return fail("sui.rpc is missing".into());
        }
        for url in self.sui.rpc_urls() {
            check_url("sui.rpc", url)?;
        }
        if self.tls.disable_tls && self.tls.certificate_path.is_some() {
            return fail("tls.certificate_path is given although tls.disable_tls is true".into());
        }
        if self.voting_params.has_prices_in_dollars() && self.wal_price_monitor.is_none() {
            return fail(
                "voting_params.currency NanoUSD needs a source of the price of WAL: set wal_price_monitor.url and .pointer, or \
                 give the prices in FROST"
                    .into(),
            );
        }
        if let Some(monitor) = &self.wal_price_monitor {
            check_url("wal_price_monitor.url", &monitor.url)?;
            if !monitor.pointer.is_empty() && !monitor.pointer.starts_with('/') {
                let pointer = walrus_core::text::printable(&monitor.pointer);
                return fail(format!(
                    "wal_price_monitor.pointer {pointer:?} is not a JSON pointer, such as /walrus/usd"
                ));
            }
        }
        self.storage.check()?;
        for (key, duty) in DUTY_KEYS {
            if self.asks_for(key) {
                return fail(format!(
                    "{key} asks the node to {duty}, which this version cannot do; remove the key to run without"
                ));
            }
        }
        Ok(())
    }
}

impl NodeConfig {
    /// Whether a key of the file, such as `checkpoint_config.periodic_db_checkpoints`, asks for
    /// anything.
    fn asks_for(&self, key: &str) -> bool {
        let mut path = key.split('.');
        let first = path.next().and_then(|first| self.other.get(first));
        let value = path.try_fold(first, |value, part| Some(value?.get(part)));
        !matches!(
            value.flatten(),
            None | Some(serde_json::Value::Null | serde_json::Value::Bool(false))
        )
    }
}

/// Relative paths stay relative to the working directory.
fn expand(path: &mut PathBuf) -> Result<(), ConfigError> {
    *path = walrus_files::path::resolve(path, Path::new(""))?;
    Ok(())
}

/// A host that can stand in a URL, in a certificate and on chain.
fn check_host(host: &str) -> Result<(), ConfigError> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let shown = walrus_core::text::printable(host);
    let fail = |reason: &str| {
        Err(ConfigError::Value(format!(
            "public_host {shown:?} {reason}"
        )))
    };
    if host.is_empty() || host.len() > HOST_CHARS_MAX {
        return fail("must have 1 to 253 characters");
    }
    if !host.is_ascii() {
        return fail(
            "has letters that names on the Internet cannot have; write its ASCII form, which begins with xn--",
        );
    }
    let is_label = |label: &str| {
        (1..=LABEL_CHARS_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !host
        .strip_suffix('.')
        .unwrap_or(host)
        .split('.')
        .all(is_label)
    {
        return fail(
            "is neither a host name nor an IP address; scheme and port do not belong to it",
        );
    }
    Ok(())
}

pub(super) fn check_url(key: &str, url: &str) -> Result<(), ConfigError> {
    let shown = walrus_core::text::printable(url);
    let fail = |reason: &str| {
        Err(ConfigError::Value(format!(
            "{key} {shown:?} {reason}, such as https://fullnode.example.com:443"
        )))
    };
    let Ok(uri) = url.parse::<Uri>() else {
        return fail("is not a URL");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return fail("must be an http or https URL");
    }
    let Some(authority) = uri.authority() else {
        return fail("names no host");
    };
    // `port` is none for a port that is no port as well as for none.
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    let has_port = host_and_port.len() > authority.host().len();
    if authority.host().is_empty() || (has_port && uri.port_u16().is_none()) {
        return fail("has no usable host and port");
    }
    Ok(())
}
