//! What is understood, and what is refused.

use clap::CommandFactory;

use super::*;

fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from([&["walrus"], args].concat())
}

#[test]
fn definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn store_needs_exactly_one_end() {
    assert!(parse(&["store", "f"]).is_err());
    assert!(parse(&["store", "f", "--epochs", "1", "--end-epoch", "9"]).is_err());
    for end in [
        ["--epochs", "max"],
        ["--end-epoch", "9"],
        ["--earliest-expiry-time", "2030-01-02 03:04:05"],
    ] {
        assert!(
            parse(&[&["store", "f"], &end[..]].concat()).is_ok(),
            "{end:?}"
        );
    }
}

#[test]
fn options_of_existing_scripts_are_known() {
    for args in [
        &["store", "f", "--epochs", "1", "--encoding-type", "RS2"][..],
        &[
            "store",
            "f",
            "--epochs",
            "1",
            "--encoding-type",
            "redstuff/Reed-Solomon",
        ],
        &["store", "f", "--epochs", "1", "--child-process-uploads"],
        &[
            "store",
            "f",
            "--epochs",
            "1",
            "--child-process-uploads=false",
        ],
        &[
            "write-quilt",
            "--paths",
            "a",
            "b",
            "--epochs",
            "max",
            "--permanent",
            "--share",
        ],
        &["resolve-quilt", &"A".repeat(43)],
        &[
            "read-quilt",
            "--quilt-id",
            &"A".repeat(43),
            "--identifier",
            "a",
        ],
        &[
            "blob-status",
            "--file",
            "f",
            "--timeout",
            "1s",
            "--encoding-type",
            "rs2",
        ],
        &["delete", "--file", "f", "--no-status-check"],
        &[
            "health",
            "--node-id",
            "0x1",
            "--detail",
            "--sort-by",
            "status",
            "--desc",
        ],
        &[
            "extend",
            "--blob-obj-id",
            "0x1",
            "--epochs-extended",
            "3",
            "--shared",
        ],
        &["stake", "--node-id", "0x1", "--amount", "1000000000"],
        &["request-withdraw-stake", "0x1", "0x2", "--dry-run"],
        &["list-staked-wal", "--withdrawing-only"],
        &["get-wal", "--exchange-id", "0x1", "--amount", "5"],
        &[
            "generate-sui-wallet",
            "--use-faucet",
            "--faucet-timeout",
            "1min",
        ],
        &["burn-blobs", "--all-expired", "--yes"],
        &["node-admin", "package-digest", "--package-path", "p"],
        &[
            "node-admin",
            "set-commission-authorized",
            "--node-id",
            "0x1",
            "--address",
            "0x2",
        ],
    ] {
        assert!(parse(args).is_ok(), "{args:?}: {:?}", parse(args).err());
    }
    assert!(parse(&["store", "f", "--epochs", "1", "--encoding-type", "rs3"]).is_err());
}

#[test]
fn servers_listen_where_existing_scripts_expect_them() {
    let parsed = parse(&["aggregator"]).unwrap().command;
    let Command::Aggregator(args) = parsed else {
        panic!("another command");
    };
    let ports = [args.serve.bind_address, args.serve.metrics_address];
    assert_eq!(ports.map(|address| address.port()), [31415, 27182]);
    let parsed = parse(&["publisher", "--sub-wallets-dir", "."]);
    let Command::Publisher(args) = parsed.unwrap().command else {
        panic!("another command");
    };
    assert_eq!(args.serve.bind_address.port(), 31415);
    assert!(!args.store.burn_after_store, "objects are kept");
}

#[test]
fn wrong_values_are_usage_errors() {
    for args in [
        &["store", "f", "--epochs", "0"][..],
        &["store", "f", "--epochs", "-1"],
        &["store", "f", "--epochs", "1", "--permanent", "--deletable"],
        &["store", "--epochs", "1"],
        &["store", "f", "--earliest-expiry-time", "tomorrow"],
        &["read", "short"],
        &["read"],
        &["read-quilt"],
        &["read-quilt", "--quilt-patch-id", "short"],
        &["read-quilt", "--identifier", "a"],
        &["blob-status"],
        &["blob-status", "--file", "f", "--timeout", "soon"],
        &["blob-status", "--file", "f", "--timeout", "-1s"],
        &["convert-blob-id", "0x12"],
        &["delete"],
        &["delete", "--file", "f", "--object-id", "0x1"],
        &["extend", "--blob-obj-id", "0x1", "--epochs-extended", "0"],
        &["health"],
        &["health", "--committee", "--active-set"],
        &["nothing"],
    ] {
        let error = parse(args).expect_err("must be refused");
        assert_eq!(error.exit_code(), 2, "{args:?}");
    }
}

#[test]
fn blob_ids_may_start_with_a_hyphen() {
    let id = format!("-{}A", "A".repeat(41));
    assert!(parse(&["read", &id]).is_ok());
}

#[test]
fn options_after_lists_are_not_taken_for_values() {
    let id = format!("-{}A", "A".repeat(41));
    for args in [
        ["delete", "--blob-id", &"A".repeat(43), "--yes"],
        ["delete", &format!("--blob-id={id}"), "--yes", "--json"],
    ] {
        assert!(parse(&args).is_ok(), "{args:?}");
    }
}

#[test]
fn global_options_stand_anywhere() {
    for args in [["--json", "info"], ["info", "--json"]] {
        assert!(parse(&args).expect("valid").global.json);
    }
}
