//! What configuration files mean, and what is said about files that mean nothing.

use std::{fs, path::Path, time::Duration};

use proptest::prelude::*;

use super::*;

const IDS: &str = "\
system_object: 0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd3
staking_object: 0x10b9d30c28448939ce6c4d6c6e0ffce4a7f8a4ada8248bdad09ef8b70e4a3904
";

fn with(rest: &str) -> Result<Parsed, ConfigError> {
    parse(&format!("{IDS}{rest}"), None)
}

fn communication(rest: &str) -> CommunicationConfig {
    with(&format!("communication_config:\n{rest}"))
        .unwrap()
        .config
        .communication
}

fn message(text: &str, context: Option<&str>) -> String {
    parse(text, context).unwrap_err().to_string()
}

#[test]
fn a_minimal_file_has_every_default() {
    let parsed = with("").unwrap();
    assert_eq!(parsed.unknown_keys, Vec::<String>::new());
    assert_eq!(parsed.network, None);
    let config = parsed.config;
    assert!(config.system_object.to_string().ends_with("ddd3"));
    assert_eq!(config.cache_ttl, Duration::from_secs(10));
    assert_eq!(config.communication.max_data_in_flight, 512_000_000);
    assert_eq!(config.communication.node_scheme, NodeScheme::Https);
    assert_eq!(config.communication.total_timeout, Duration::from_secs(300));
    assert_eq!(config.communication.backoff, Backoff::default());
}

#[test]
fn every_documented_key_is_known() {
    let parsed = with(
        "n_shards: 10
max_epochs_ahead: 53
exchange_objects: []
credits_object: null
walrus_subsidies_object: null
treasury_object: null
wallet_config: ~/wallet.yaml
rpc_urls: [http://127.0.0.1:9000]
cache_ttl_secs: 3
storage_node_scheme: http
quilt_client_config: {timeout_secs: 10}
byte_range_read_client_config: {timeout_secs: 10}
streaming_config: {prefetch_count: 4}
refresh_config: {refresh_grace_period_secs: 10}
communication_config:
  max_concurrent_writes: 3
  max_concurrent_sliver_reads: 4
  max_concurrent_metadata_reads: 5
  max_concurrent_status_reads: 6
  max_data_in_flight: 12500000
  reqwest_config: {total_timeout_millis: 1000, http2_keep_alive_while_idle: false}
  request_rate_config:
    max_node_connections: 2
    backoff_config: {min_backoff_millis: 10, max_backoff_millis: 20, max_retries: null}
  disable_proxy: true
  disable_native_certs: true
  sliver_write_extra_time: {factor: 0.25, base_millis: 100}
  sliver_status_check_threshold: 1
  tail_handling: detached
  upload_mode: conservative
  data_in_flight_auto_tune: {enabled: true}
  pending_uploads_enabled: false
  confirmation_long_poll_millis: 5
  registration_delay_millis: 0
  max_total_blob_size: 7
  committee_change_backoff: {min_backoff_millis: 1, max_backoff_millis: 2, max_retries: 3}
  sui_client_request_timeout_millis: 1
  checkpoint_wait_timeout_millis: 1
",
    )
    .unwrap();
    assert_eq!(parsed.unknown_keys, Vec::<String>::new());
    let config = parsed.config;
    assert_eq!(
        config.wallet.unwrap().path.unwrap(),
        Path::new("~/wallet.yaml")
    );
    let communication = config.communication;
    assert_eq!(communication.node_scheme, NodeScheme::Http);
    assert_eq!(communication.max_data_in_flight, 12_500_000);
    assert_eq!(communication.total_timeout, Duration::from_secs(1));
    assert_eq!(communication.backoff.max_retries, None);
    assert_eq!(communication.tail_handling, TailHandling::Detached);
    assert_eq!(communication.max_total_blob_size, 7);
    assert_eq!(communication.committee_change_backoff.max_retries, Some(3));
}

#[test]
fn presets_fill_only_what_is_not_set() {
    let aggressive = communication("  upload_mode: aggressive\n");
    assert_eq!(aggressive.max_data_in_flight, 1_250_000_000);
    assert_eq!(aggressive.max_concurrent_writes.unwrap().get(), 2000);
    let explicit = communication("  upload_mode: aggressive\n  max_data_in_flight: 12500000\n");
    assert_eq!(explicit.max_data_in_flight, 12_500_000);
}

#[test]
fn unknown_keys_are_reported_with_their_place() {
    let parsed =
        with("rpc_url: http://x\ncommunication_config: {max_node_conections: 1}\n").unwrap();
    assert_eq!(
        parsed.unknown_keys,
        ["rpc_url", "communication_config.max_node_conections"]
    );
    let parsed = parse(
        &format!(
            "contexts:\n  a:\n    {}\n    typo: 1\ndefault_contxt: a\n",
            IDS.trim().replace('\n', "\n    ")
        ),
        Some("a"),
    )
    .unwrap();
    assert_eq!(parsed.unknown_keys, ["default_contxt", "contexts.a.typo"]);
}

#[test]
fn wallets_are_paths_or_mappings() {
    let wallet = |text: &str| with(text).unwrap().config.wallet.unwrap();
    let full = wallet(&format!(
        "wallet_config: {{path: /w.yaml, active_env: local, active_address: 0x{}}}\n",
        "ab".repeat(32)
    ));
    assert_eq!(full.path.unwrap(), Path::new("/w.yaml"));
    assert_eq!(full.active_env.as_deref(), Some("local"));
    assert_eq!(full.active_address, Some(format!("0x{}", "ab".repeat(32))));
    let partial = wallet("wallet_config: {active_env: local}\n");
    assert_eq!(partial.path, None);
}

#[test]
fn contexts_are_chosen_by_name_or_default() {
    let text = format!(
        "contexts:\n  a:\n    {ids}\n    n_shards: 10\n  b:\n    {ids}\n    n_shards: 20\ndefault_context: a\n",
        ids = IDS.trim().replace('\n', "\n    ")
    );
    let n_shards = |context| {
        parse(&text, context)
            .unwrap()
            .config
            .n_shards
            .unwrap()
            .get()
    };
    assert_eq!(n_shards(None), 10);
    assert_eq!(n_shards(Some("b")), 20);
    assert_eq!(
        message(&text, Some("c")),
        "the configuration has no context `c`; it has: a, b"
    );
    let without_default = text.replace("default_context: a\n", "");
    assert_eq!(
        message(&without_default, None),
        "the configuration has contexts but no `default_context`; choose one of: a, b"
    );
    assert_eq!(
        message(IDS, Some("a")),
        "a context was asked for (`a`), but the configuration has no `contexts`"
    );
}

#[test]
fn known_networks_fill_in_what_the_file_leaves_out() {
    let text = "system_object: '0x6C2547cbbc38025cf3adac45f63cb0a8d12ecf777cdc75a4971612bf97fdf6af'
staking_object: '0xbe46180321c30aab2f8b3501e24048377287fa708018a5b7c2792b35fe339ee3'
rpc_urls: [http://mine]
communication_config: {upload_mode: conservative}
";
    let parsed = parse(text, None).unwrap();
    assert_eq!(parsed.network, Some(&TESTNET));
    assert_eq!(parsed.config.rpc_urls, ["http://mine"]);
    assert_eq!(parsed.config.exchange_objects.len(), 4);
    let communication = parsed.config.communication;
    assert_eq!(communication.tail_handling, TailHandling::Detached);
    assert_eq!(communication.max_data_in_flight, 12_500_000);
}

#[test]
fn invalid_files_are_refused_in_one_line() {
    for (text, expected) in [
        (
            "staking_object: 0x1\n",
            "the key `system_object` is missing",
        ),
        (
            "system_object: nonsense\nstaking_object: 0x1\n",
            "`system_object`",
        ),
        ("[1, 2]", ""),
        ("{", ""),
        ("", ""),
        ("system_object: [1]\nstaking_object: 0x1\n", ""),
    ] {
        let message = message(text, None);
        assert!(message.contains(expected), "{text:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{text:?}: {message}");
    }
    for rest in [
        "n_shards: 0\n",
        "n_shards: 70000\n",
        "storage_node_scheme: ftp\n",
        "communication_config: {max_concurrent_writes: 0}\n",
        "communication_config: {max_concurrent_writes: -1}\n",
        "communication_config: {upload_mode: reckless}\n",
        "communication_config: {sliver_write_extra_time: {factor: -1}}\n",
        "communication_config: {sliver_write_extra_time: {factor: .nan}}\n",
        "communication_config: {committee_change_backoff: {min_backoff_millis: 9000}}\n",
        "wallet_config: [1]\n",
    ] {
        let message = with(rest).unwrap_err().to_string();
        assert_eq!(message.lines().count(), 1, "{rest:?}: {message}");
    }
}

#[test]
fn files_are_found_read_and_named_in_errors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client_config.yaml");
    let none = || None;
    let error = load(Some(&path), None, none).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "cannot read the client configuration {}",
            path.display()
        )),
        "{error}"
    );
    fs::write(&path, IDS).unwrap();
    let loaded = load(Some(&path), None, none).unwrap();
    assert_eq!(loaded.path.as_deref(), Some(path.as_path()));
    fs::write(&path, "system_object: 1\n").unwrap();
    let error = load(Some(&path), None, none).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(load(Some(&path), None, none).is_err());
    fs::write(&path, "#".repeat(2 << 20)).unwrap();
    let error = load(Some(&path), None, none).unwrap_err().to_string();
    assert!(error.contains("larger than 1048576 bytes"), "{error}");
}

#[test]
fn an_explicit_wallet_wins_over_a_configured_one() {
    let configured = WalletReference {
        path: Some("/configured".into()),
        active_env: Some("local".to_owned()),
        active_address: None,
    };
    let path = |explicit| locate_wallet(explicit, Some(&configured)).unwrap().path;
    assert_eq!(path(None), Path::new("/configured"));
    assert_eq!(path(Some(Path::new("/explicit"))), Path::new("/explicit"));
}

#[test]
fn paths_of_a_file_count_from_its_folder() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("client_config.yaml");
    for (wallet, expected) in [
        ("wallet.yaml", directory.path().join("wallet.yaml")),
        ("{path: sub/w.yaml}", directory.path().join("sub/w.yaml")),
        ("/absolute.yaml", "/absolute.yaml".into()),
    ] {
        // With a byte order mark, as some editors write it.
        fs::write(&file, format!("\u{feff}{IDS}wallet_config: {wallet}\n")).unwrap();
        let config = load(Some(&file), None, || None).unwrap().parsed.config;
        let location = locate_wallet(None, config.wallet.as_ref()).unwrap();
        assert_eq!(location.path, expected);
    }
    fs::write(&file, format!("{IDS}wallet_config: ~bob/w.yaml\n")).unwrap();
    let error = load(Some(&file), None, || None).unwrap_err().to_string();
    assert!(error.contains("~bob/w.yaml"), "{error}");
}

proptest! {
    /// Files come from outside: any text is read or refused, never a panic.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text, None);
        let _ = parse(&format!("{IDS}{text}"), Some("a"));
    }
}
