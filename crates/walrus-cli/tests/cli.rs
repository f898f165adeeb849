//! The `walrus` command from outside: exit codes, one clear line per failure, nothing on the wrong stream.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// An unused port: nothing listens on the discard port of the loopback interface.
const NOBODY: &str = "http://127.0.0.1:9";

/// Runs the command in an empty home and directory.
fn walrus(home: &TempDir, args: &[&str]) -> Output {
    command(home, args).output().unwrap()
}

fn command(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walrus"));
    command
        .args(args)
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null());
    command
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Exit code 1, nothing on stdout, one line on stderr. Returns the line without its prefix.
fn failure(output: &Output) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
        .trim_end()
        .strip_prefix("Error: ")
        .unwrap()
        .to_owned()
}

fn success(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

fn write(home: &TempDir, name: &str, contents: &str) -> String {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, contents).unwrap();
    path.display().to_string()
}

fn config(rest: &str) -> String {
    format!(
        "system_object: 0x{}\nstaking_object: 0x{}\n{rest}",
        "01".repeat(32),
        "02".repeat(32)
    )
}

/// A wallet with one key; returns the path of its configuration.
fn wallet(home: &TempDir, rpc: &str) -> String {
    write(
        home,
        "sui/keystore",
        r#"["AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"]"#,
    );
    write(
        home,
        "sui/client.yaml",
        &format!(
            "keystore:\n  File: {}\nenvs:\n  - alias: local\n    rpc: {rpc}\nactive_env: local\n",
            home.path().join("sui/keystore").display()
        ),
    )
}

#[test]
fn wrong_usage_exits_with_2() {
    let home = home();
    for args in [
        &["store", "f"][..],
        &["nothing"],
        &[],
        &["read", "x"],
        &["info", "--unknown"],
    ] {
        let output = walrus(&home, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn help_documents_exit_codes() {
    let help = success(&walrus(&home(), &["--help"]));
    assert!(help.contains("Exit codes:"), "{help}");
}

#[test]
fn local_commands_need_no_network() {
    let home = home();
    write(&home, "file", "hello walrus");
    let output = success(&walrus(
        &home,
        &["blob-id", "file", "--n-shards", "1000", "--json"],
    ));
    let json: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(json["unencodedLength"], 12);
    assert_eq!(json["encodingType"], "RS2");
    assert_eq!(json["file"], "file");
    let blob_id = json["blobId"].as_str().unwrap();
    let as_text = success(&walrus(&home, &["blob-id", "file", "--n-shards", "1000"]));
    assert!(
        as_text.contains(&format!("Blob ID: {blob_id}\n")),
        "{as_text}"
    );
    let other = success(&walrus(
        &home,
        &["blob-id", "file", "--n-shards", "10", "--json"],
    ));
    assert!(!other.contains(blob_id));
    let error = failure(&walrus(&home, &["blob-id", "file", "--n-shards", "3"]));
    assert_eq!(error, "the encoding does not support 3 shards");
}

#[test]
fn decimal_blob_ids_are_converted() {
    let home = home();
    let output = success(&walrus(&home, &["convert-blob-id", "1"]));
    assert_eq!(output, format!("Blob ID: AQ{}\n", "A".repeat(41)));
    let json = success(&walrus(&home, &["--json", "convert-blob-id", "0"]));
    assert_eq!(json, format!("\"{}\"\n", "A".repeat(43)));
}

#[test]
fn completion_scripts_are_printed() {
    let home = home();
    assert!(success(&walrus(&home, &["completion", "--shell", "bash"])).contains("blob-status"));
    assert_eq!(
        failure(&walrus(&home, &["completion"])),
        "which shell? give one with --shell"
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = home();
    let mut child = command(&home, &["completion", "--shell", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_missing_configuration_is_explained() {
    let home = home();
    let error = failure(&walrus(&home, &["info"]));
    assert!(
        error.starts_with("no client configuration found; looked for client_config.yaml in ."),
        "{error}"
    );
    assert!(error.contains("--config"), "{error}");
    let error = failure(&walrus(&home, &["info", "--config", "nowhere.yaml"]));
    assert_eq!(
        error,
        "cannot read the client configuration nowhere.yaml: No such file or directory (os error 2)"
    );
}

#[test]
fn corrupt_configurations_are_explained() {
    let home = home();
    for contents in [
        "{",
        "[]",
        "system_object: 1",
        "\u{0}",
        &config("n_shards: many\n"),
    ] {
        let path = write(&home, "c.yaml", contents);
        let error = failure(&walrus(&home, &["--config", &path, "info"]));
        assert!(
            error.starts_with(&format!("the client configuration {path} is not valid: ")),
            "{error}"
        );
    }
}

#[test]
fn configurations_are_found_in_the_usual_places() {
    for place in [
        "client_config.yaml",
        "client_config.yml",
        ".config/walrus/client_config.yaml",
        ".walrus/client_config.yaml",
    ] {
        let home = home();
        write(&home, place, &config(&format!("rpc_urls: ['{NOBODY}']\n")));
        let error = failure(&walrus(&home, &["info"]));
        assert!(error.contains(NOBODY), "{place}: {error}");
    }
    for place in ["client_config.yaml", "walrus/client_config.yaml"] {
        let home = home();
        write(
            &home,
            &format!("xdg/{place}"),
            &config(&format!("rpc_urls: ['{NOBODY}']\n")),
        );
        let output = command(&home, &["info"])
            .env("XDG_CONFIG_HOME", home.path().join("xdg"))
            .output()
            .unwrap();
        assert!(failure(&output).contains(NOBODY), "{place}");
    }
}

#[test]
fn unknown_keys_are_warned_about() {
    let home = home();
    let path = write(
        &home,
        "c.yaml",
        &config(&format!("rpc_urls: ['{NOBODY}']\nrpc_url: x\n")),
    );
    let output = walrus(&home, &["--config", &path, "info"]);
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with(&format!(
            "Warning: {path}: unknown key `rpc_url` is ignored\nError: "
        )),
        "{stderr}"
    );
}

#[test]
fn an_unreachable_full_node_is_named() {
    let home = home();
    let path = write(&home, "c.yaml", &config(""));
    let unknown = "A".repeat(43);
    for args in [
        &["info"][..],
        &["read", &unknown],
        &["blob-status", "--blob-id", &unknown],
    ] {
        let args = [&["--config", &path][..], args, &["--rpc-url", NOBODY]].concat();
        let error = failure(&walrus(&home, &args));
        assert!(
            error.contains(NOBODY) && error.contains("refused"),
            "{args:?}: {error}"
        );
    }
    assert!(
        failure(&walrus(&home, &["--config", &path, "info"]))
            .starts_with("no Sui RPC URL is known")
    );
}

#[test]
fn storing_needs_a_wallet_and_readable_files() {
    let home = home();
    let path = write(&home, "c.yaml", &config(""));
    let file = write(&home, "file", "x");
    let store = |file: &str, wallet: &[&str]| {
        let args = [
            &["--config", &path, "store", file, "--epochs", "1"][..],
            wallet,
        ]
        .concat();
        failure(&walrus(&home, &args))
    };
    assert!(store(&file, &[]).starts_with("no Sui wallet found"));
    let absent = store("absent", &[]);
    assert_eq!(
        absent,
        "cannot read absent: No such file or directory (os error 2)"
    );
    assert_eq!(store(".", &[]), "cannot read .: it is a directory");
    let wallet = wallet(&home, NOBODY);
    let error = store(&file, &["--wallet", &wallet]);
    assert!(error.contains(NOBODY), "{error}");
    for (contents, expected) in [
        ("{", "is not valid"),
        ("keystore: {File: /nowhere}\n", "/nowhere"),
    ] {
        let broken = write(&home, "broken.yaml", contents);
        let error = store(&file, &["--wallet", &broken]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_wallet_of_a_public_network_needs_no_configuration() {
    let home = home();
    // The address is not reachable: the name is not resolved, but the built-in configuration is found.
    let wallet = wallet(&home, "http://127.0.0.1:9/testnet.sui.io");
    let error = failure(&walrus(
        &home,
        &["--wallet", &wallet, "info", "--rpc-url", NOBODY],
    ));
    assert!(error.contains(NOBODY), "{error}");
}

#[test]
fn the_wallet_of_the_configuration_is_used() {
    let home = home();
    let wallet = wallet(&home, NOBODY);
    let by_path = write(
        &home,
        "path.yaml",
        &config(&format!("wallet_config: {wallet}\n")),
    );
    assert!(failure(&walrus(&home, &["--config", &by_path, "list-blobs"])).contains(NOBODY));
    let by_env = write(
        &home,
        "env.yaml",
        &config(&format!(
            "wallet_config: {{path: {wallet}, active_env: other}}\n"
        )),
    );
    let error = failure(&walrus(&home, &["--config", &by_env, "list-blobs"]));
    assert!(error.contains(r#"no environment named "other""#), "{error}");
    assert!(Path::new(&wallet).exists());
}
