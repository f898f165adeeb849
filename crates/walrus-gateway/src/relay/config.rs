//! The file that says what a relay asks for.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use walrus_core::upload_relay::TipConfig;
use walrus_files::input::{InputError, read_at_most};

/// The largest file.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RelayConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InputError,
    },
    /// It is no configuration of a relay.
    #[error("{path} is no configuration of an upload relay: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What a relay asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayConfig {
    /// The tip.
    pub tip: TipConfig,
    /// How old the transaction of a tip may be.
    pub freshness: Duration,
    /// How far ahead of this clock its time may be.
    pub future_max: Duration,
}

/// The file.
#[derive(Deserialize)]
struct File {
    tip_config: TipConfig,
    tx_freshness_threshold_secs: u64,
    tx_max_future_threshold: Duration,
}

impl RelayConfig {
    /// Reads a file; returns also the keys in it that mean nothing.
    pub fn load(path: &Path) -> Result<(Self, Vec<String>), RelayConfigError> {
        let malformed = |reason: String| RelayConfigError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let bytes = read_at_most(path, CONFIG_BYTES_MAX).map_err(|source| {
            RelayConfigError::Unreadable {
                path: path.to_owned(),
                source,
            }
        })?;
        let text = String::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        parse(&text).map_err(malformed)
    }
}

fn parse(text: &str) -> Result<(RelayConfig, Vec<String>), String> {
    let mut unknown = Vec::new();
    let file: File = serde_saphyr::with_deserializer_from_str(text, |source| {
        serde_ignored::deserialize(source, |path| unknown.push(path.to_string()))
    })
    .map_err(|error| error.to_string())?;
    let config = RelayConfig {
        tip: file.tip_config,
        freshness: Duration::from_secs(file.tx_freshness_threshold_secs),
        future_max: file.tx_max_future_threshold,
    };
    Ok((config, unknown))
}

#[cfg(test)]
mod tests {
    use walrus_core::{SuiAddress, upload_relay::TipKind};

    use super::*;

    const REST: &str = "
tx_freshness_threshold_secs: 36000
tx_max_future_threshold: { secs: 30, nanos: 0 }
";

    fn tip(text: &str) -> TipConfig {
        let (config, unknown) = parse(&format!("{text}{REST}")).unwrap();
        assert!(unknown.is_empty());
        assert_eq!(config.freshness, Duration::from_secs(36_000));
        assert_eq!(config.future_max, Duration::from_secs(30));
        config.tip
    }

    #[test]
    fn tags_say_which_tip() {
        let address = SuiAddress([7; 32]);
        let send = |kind| TipConfig::SendTip { address, kind };
        assert_eq!(tip("tip_config: !no_tip"), TipConfig::NoTip);
        assert_eq!(tip("tip_config: no_tip"), TipConfig::NoTip);
        let constant = format!("tip_config: !send_tip\n  address: {address}\n  kind: !const 42");
        assert_eq!(tip(&constant), send(TipKind::Const(42)));
        let linear = format!(
            "tip_config: !send_tip\n  address: {address}\n  \
             kind: !linear {{ base: 1000, encoded_size_mul_per_kib: 10 }}"
        );
        let kind = TipKind::Linear {
            base: 1000,
            encoded_size_mul_per_kib: 10,
        };
        assert_eq!(tip(&linear), send(kind));
    }

    #[test]
    fn keys_that_mean_nothing_are_told() {
        let (_, unknown) = parse(&format!("tip_config: no_tip\ntips: 3{REST}")).unwrap();
        assert_eq!(unknown, ["tips"]);
    }

    #[test]
    fn what_is_missing_or_wrong_is_an_error() {
        for text in [
            "",
            "tip_config: !no_tip",
            "tip_config: !some_tip\ntx_freshness_threshold_secs: 1",
            "tip_config: !send_tip { kind: !const 1 }",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let negative = format!("tip_config: !send_tip {{ address: '0x5', kind: !const -1 }}{REST}");
        assert!(parse(&negative).is_err());
        let missing = RelayConfig::load(Path::new("/nowhere/relay.yaml")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/relay.yaml"));
    }
}
