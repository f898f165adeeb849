//! The Sui network to deploy on.

use std::str::FromStr;

/// URLs of a Sui network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiNetwork {
    /// Name used in wallets and package files.
    pub alias: String,
    /// URL of a full node.
    pub rpc: String,
    /// URL of a faucet, if there is one.
    pub faucet: Option<String>,
}

/// The text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no Sui network; use localnet, devnet, testnet, mainnet, or the URL of a full node, optionally \
     followed by ';' and the URL of a faucet"
)]
pub struct NetworkParseError(String);

impl SuiNetwork {
    fn known(alias: &str, rpc: &str, faucet: Option<&str>) -> Self {
        Self {
            alias: alias.to_owned(),
            rpc: rpc.to_owned(),
            faucet: faucet.map(ToOwned::to_owned),
        }
    }
}

impl FromStr for SuiNetwork {
    type Err = NetworkParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "localnet" => Self::known(text, "http://127.0.0.1:9000", Some("http://127.0.0.1:9123")),
            "devnet" => Self::known(
                text,
                "https://fullnode.devnet.sui.io:443",
                Some("https://faucet.devnet.sui.io"),
            ),
            "testnet" => Self::known(
                text,
                "https://fullnode.testnet.sui.io:443",
                Some("https://faucet.testnet.sui.io"),
            ),
            "mainnet" => Self::known(text, "https://fullnode.mainnet.sui.io:443", None),
            urls => {
                let (rpc, faucet) = match urls.split_once(';') {
                    Some((rpc, faucet)) => (rpc, Some(faucet)),
                    None => (urls, None),
                };
                let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
                if !is_url(rpc) || faucet.is_some_and(|url| !is_url(url)) {
                    return Err(NetworkParseError(text.to_owned()));
                }
                Self::known("custom", rpc, faucet)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_urls_are_understood() {
        let custom: SuiNetwork = "http://a:9000;http://a:9123".parse().unwrap();
        assert_eq!(custom.rpc, "http://a:9000");
        assert_eq!(custom.faucet.as_deref(), Some("http://a:9123"));
        assert_eq!("https://a".parse::<SuiNetwork>().unwrap().faucet, None);
        assert_eq!("mainnet".parse::<SuiNetwork>().unwrap().faucet, None);
        for text in ["", "moonnet", "http://a;b", "a:9000"] {
            assert!(text.parse::<SuiNetwork>().is_err(), "{text}");
        }
    }
}
