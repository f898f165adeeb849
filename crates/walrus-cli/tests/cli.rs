//! The `walrus` command from outside: exit codes, one clear line per failure, nothing on the wrong
//! stream.

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
    fs::create_dir(home.path().join("empty")).unwrap();
    assert_eq!(store("empty", &[]), "empty has no files");
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
    // The address is not reachable: the name is not resolved, but the built-in configuration is
    // found.
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

/// A full node that answers nothing, and the number of connections made to it.
fn counting_node() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&count);
    std::thread::spawn(move || {
        while listener.accept().is_ok() {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    (url, count)
}

#[test]
fn an_output_that_cannot_be_written_is_named_before_anything_is_fetched() {
    let home = home();
    let path = write(&home, "c.yaml", &config(""));
    let (url, connections) = counting_node();
    let blob = "A".repeat(43);
    fs::create_dir(home.path().join("folder")).unwrap();
    for out in ["none/x", "folder", "folder/", "none/", "/dev/stdout/x"] {
        let error = failure(&walrus(
            &home,
            &[
                "--config",
                &path,
                "read",
                &blob,
                "--out",
                out,
                "--rpc-url",
                &url,
            ],
        ));
        assert!(
            error.starts_with(&format!("cannot write {out}: ")),
            "{error}"
        );
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 0);
    // What could be written leaves nothing behind when there is nothing to write.
    let args = [
        "--config",
        &path,
        "read",
        &blob,
        "--out",
        "new",
        "--rpc-url",
        NOBODY,
    ];
    failure(&walrus(&home, &args));
    let names: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn empty_variables_count_as_not_set() {
    let home = home();
    write(
        &home,
        "client_config.yaml",
        &config(&format!("rpc_urls: ['{NOBODY}']\n")),
    );
    let mut command = command(&home, &["info"]);
    for variable in [
        "WALRUS_CONFIG",
        "WALRUS_WALLET",
        "XDG_CONFIG_HOME",
        "RUST_LOG",
        "NO_COLOR",
    ] {
        command.env(variable, "");
    }
    assert!(failure(&command.output().unwrap()).contains(NOBODY));
}

#[test]
fn the_home_directory_is_put_in_where_no_shell_has_done_it() {
    let home = home();
    write(
        &home,
        "deep/c.yaml",
        &config(&format!("rpc_urls: ['{NOBODY}']\n")),
    );
    write(&home, "file", "x");
    assert!(failure(&walrus(&home, &["info", "--config=~/deep/c.yaml"])).contains(NOBODY));
    let by_variable = command(&home, &["info"])
        .env("WALRUS_CONFIG", "~/deep/c.yaml")
        .output()
        .unwrap();
    assert!(failure(&by_variable).contains(NOBODY));
    success(&walrus(&home, &["blob-id", "~/file", "--n-shards", "10"]));
    success(&walrus(&home, &["man", "--out=~/pages"]));
    assert!(home.path().join("pages/walrus-store.1").exists());
    assert!(!home.path().join("~").exists());
}

#[test]
fn paths_in_a_configuration_count_from_its_folder() {
    let home = home();
    wallet(&home, NOBODY);
    write(
        &home,
        "deep/c.yaml",
        &config("wallet_config: ../sui/client.yaml\n"),
    );
    let arguments = ["--config", "deep/c.yaml", "list-blobs"];
    assert!(failure(&walrus(&home, &arguments)).contains(NOBODY));
}

#[test]
fn names_that_are_no_text_fail_nothing() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let home = home();
    let name = OsStr::from_bytes(b"caf\xe9.bin");
    fs::write(home.path().join(name), "x").unwrap();
    let json = command(&home, &["blob-id", "--n-shards", "10", "--json"])
        .arg(name)
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&success(&json)).unwrap();
    assert_eq!(json["file"], "caf\u{fffd}.bin");
    let plain = command(&home, &["blob-id", "--n-shards", "10"])
        .arg(name)
        .output()
        .unwrap();
    assert!(success(&plain).contains("File: caf\u{fffd}.bin\n"));
}

#[test]
fn pipes_and_files_without_a_size_are_read_once_and_whole() {
    let home = home();
    let id = |output: &str| {
        let json: serde_json::Value = serde_json::from_str(output).unwrap();
        json["blobId"].as_str().unwrap().to_owned()
    };
    let args = |file: &'static str| ["blob-id", file, "--n-shards", "10", "--json"];
    let contents = fs::read("/proc/version").unwrap();
    fs::write(home.path().join("copy"), &contents).unwrap();
    let expected = id(&success(&walrus(&home, &args("copy"))));
    assert_eq!(
        id(&success(&walrus(&home, &args("/proc/version")))),
        expected
    );

    let pipe = home.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writer = std::thread::spawn(move || fs::write(pipe, contents).unwrap());
    assert_eq!(id(&success(&walrus(&home, &args("pipe")))), expected);
    writer.join().unwrap();
}

#[test]
fn a_file_that_is_too_large_gets_one_sentence_with_a_way_out() {
    let home = home();
    let file = fs::File::create(home.path().join("big")).unwrap();
    file.set_len(13_000_000).unwrap();
    let error = failure(&walrus(&home, &["blob-id", "big", "--n-shards", "10"]));
    assert_eq!(
        error,
        "big has 12.4 MiB, but with 10 shards a blob has at most 1.75 MiB: split it, or use a network of at least \
         27 shards (walrus-localnet up --shards 27)"
    );
    let endless = failure(&walrus(
        &home,
        &["blob-id", "/dev/zero", "--n-shards", "10"],
    ));
    assert!(
        endless.starts_with("/dev/zero has more than 1.75 MiB"),
        "{endless}"
    );
}

#[test]
fn nothing_from_outside_controls_the_terminal() {
    let home = home();
    let name = "a\nError: fake\x1b[31m\u{202e}";
    fs::write(home.path().join(name), "x").unwrap();
    let output = success(&walrus(&home, &["blob-id", name, "--n-shards", "10"]));
    assert!(
        output.contains("File: a\\nError: fake\\u{1b}[31m\\u{202e}\n"),
        "{output}"
    );
    let path = write(
        &home,
        "c.yaml",
        &config(&format!(
            "rpc_urls: ['{NOBODY}']\n\"evil\\e[31m\\nError: fake\": 1\n"
        )),
    );
    let stderr = text(&walrus(&home, &["--config", &path, "info"]).stderr);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(
        stderr.contains(r"unknown key `evil\u{1b}[31m\nError: fake`"),
        "{stderr}"
    );
    let error = failure(&walrus(&home, &["store", "none\n\x1b[2J", "--epochs", "1"]));
    assert!(
        error.starts_with(r"cannot read none\n\u{1b}[2J: "),
        "{error}"
    );
}

#[test]
fn help_is_grouped_and_every_command_has_an_example() {
    let home = home();
    let help = success(&walrus(&home, &["--help"]));
    for line in help.lines() {
        let is_command = line.starts_with("  ") && !line.starts_with("   ");
        let name = line.split_whitespace().next().unwrap_or_default();
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if !is_command || !is_name || name.starts_with('-') || name.is_empty() || name == "help" {
            continue;
        }
        let help = success(&walrus(&home, &[name, "--help"]));
        assert!(
            help.contains(&format!("Example:\n  walrus {name} ")),
            "{help}"
        );
        let (own, global) = help.split_once("Options of every command:").unwrap();
        assert!(
            global.contains("--config <PATH>") && !own.contains("--wallet"),
            "{help}"
        );
    }
}

#[test]
fn there_are_man_pages() {
    let page = success(&walrus(&home(), &["man"]));
    assert!(page.contains(".TH walrus 1"), "{page}");
}
