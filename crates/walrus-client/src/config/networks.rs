//! Networks whose addresses are built in.

use super::file::ConfigFile;

/// A public network the client knows without a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownNetwork {
    /// Name on the command line and in messages.
    pub name: &'static str,
    /// Part of the URL of every public full node of that network.
    pub rpc_host: &'static str,
    /// Where everyone can read blobs over HTTP.
    pub public_aggregator: &'static str,
    yaml: &'static str,
}

impl KnownNetwork {
    /// The built-in configuration of the network.
    pub fn config_file(&self) -> ConfigFile {
        serde_saphyr::from_str(self.yaml).expect("built-in configurations are tested to parse")
    }

    /// The network a wallet environment with this RPC URL belongs to.
    pub fn of_rpc_url(url: &str) -> Option<&'static Self> {
        ALL.into_iter()
            .find(|network| url.contains(network.rpc_host))
    }

    /// The network whose system and staking objects are those of `file`.
    pub fn of_config(file: &ConfigFile) -> Option<&'static Self> {
        let same = |left: &Option<String>, right: &Option<String>| match (left, right) {
            (Some(left), Some(right)) => left.trim().eq_ignore_ascii_case(right),
            _ => false,
        };
        ALL.into_iter().find(|network| {
            let known = network.config_file();
            same(&file.system_object, &known.system_object)
                && same(&file.staking_object, &known.staking_object)
        })
    }
}

const ALL: [&KnownNetwork; 2] = [&MAINNET, &TESTNET];

/// The main network.
pub const MAINNET: KnownNetwork = KnownNetwork {
    name: "mainnet",
    rpc_host: "mainnet.sui.io",
    public_aggregator: "https://aggregator.walrus-mainnet.walrus.space",
    yaml: "
system_object: '0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd2'
staking_object: '0x10b9d30c28448939ce6c4d6c6e0ffce4a7f8a4ada8248bdad09ef8b70e4a3904'
n_shards: 1000
max_epochs_ahead: 53
rpc_urls: ['https://fullnode.mainnet.sui.io:443']
",
};

/// The public test network.
pub const TESTNET: KnownNetwork = KnownNetwork {
    name: "testnet",
    rpc_host: "testnet.sui.io",
    public_aggregator: "https://aggregator.walrus-testnet.walrus.space",
    yaml: "
system_object: '0x6c2547cbbc38025cf3adac45f63cb0a8d12ecf777cdc75a4971612bf97fdf6af'
staking_object: '0xbe46180321c30aab2f8b3501e24048377287fa708018a5b7c2792b35fe339ee3'
exchange_objects:
  - '0xf4d164ea2def5fe07dc573992a029e010dba09b1a8dcbc44c5c2e79567f39073'
  - '0x19825121c52080bb1073662231cfea5c0e4d905fd13e95f21e9a018f2ef41862'
  - '0x83b454e524c71f30803f4d6c302a86fb6a39e96cdfb873c2d1e93bc1c26a3bc5'
  - '0x8d63209cf8589ce7aef8f262437163c67577ed09f3e636a9d8e0813843fb8bf1'
n_shards: 1000
max_epochs_ahead: 53
rpc_urls: ['https://fullnode.testnet.sui.io:443']
communication_config:
  tail_handling: detached
  upload_mode: aggressive
",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_files_parse_and_resolve() {
        for network in ALL {
            let config = network.config_file().resolve().expect("valid");
            assert_eq!(config.n_shards.map(std::num::NonZeroU16::get), Some(1000));
            assert_eq!(
                KnownNetwork::of_config(&network.config_file()),
                Some(network)
            );
        }
        assert_eq!(
            TESTNET
                .config_file()
                .resolve()
                .expect("valid")
                .exchange_objects
                .len(),
            4
        );
    }

    #[test]
    fn networks_are_known_by_their_full_nodes() {
        assert_eq!(
            KnownNetwork::of_rpc_url("https://fullnode.testnet.sui.io:443"),
            Some(&TESTNET)
        );
        assert_eq!(
            KnownNetwork::of_rpc_url("https://fullnode.mainnet.sui.io"),
            Some(&MAINNET)
        );
        assert_eq!(KnownNetwork::of_rpc_url("http://127.0.0.1:9000"), None);
    }
}
