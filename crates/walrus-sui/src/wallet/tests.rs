use super::*;

fn signer(byte: u8) -> Signer {
    Signer::from_seed([byte; 32])
}

#[test]
fn created_wallet_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sub/client.yaml");
    let env = WalletEnv::new("local", "http://127.0.0.1:9000");
    Wallet::create(&path, env.clone(), &signer(1)).unwrap();

    let mut wallet = Wallet::load(&path).unwrap();
    assert_eq!(wallet.active_address().unwrap(), signer(1).address());
    assert_eq!(wallet.active_env().unwrap(), &env);
    assert_eq!(
        wallet.active_signer().unwrap().address(),
        signer(1).address()
    );

    wallet.import(&signer(2)).unwrap();
    wallet.import(&signer(2)).unwrap();
    wallet.switch_address(signer(2).address()).unwrap();
    let wallet = Wallet::load(&path).unwrap();
    assert_eq!(
        wallet.addresses(),
        [signer(1).address(), signer(2).address()]
    );
    assert_eq!(wallet.active_address().unwrap(), signer(2).address());
}

#[cfg(unix)]
#[test]
fn wallet_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    Wallet::create(&path, WalletEnv::new("local", "http://x"), &signer(1)).unwrap();
    for file in [path.clone(), path.with_extension("keystore")] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn existing_wallets_are_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    let env = WalletEnv::new("local", "http://x");
    Wallet::create(&path, env.clone(), &signer(1)).unwrap();
    let error = Wallet::create(&path, env, &signer(2)).unwrap_err();
    assert!(matches!(error, WalletError::Exists(_)));
    assert_eq!(
        Wallet::load(&path).unwrap().addresses(),
        [signer(1).address()]
    );
}

#[test]
fn file_of_the_sui_cli_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    let keystore = serde_json::to_string(&[signer(1).to_base64(), signer(2).to_base64()]).unwrap();
    std::fs::write(directory.path().join("sui.keystore"), keystore).unwrap();
    let path = directory.path().join("client.yaml");
    let text = format!(
        "---\nkeystore:\n  File: sui.keystore\nexternal_keys: ~\nenvs:\n  - alias: testnet\n    rpc: \
         \"https://fullnode.testnet.sui.io:443\"\n    ws: ~\n    basic_auth: ~\n    chain_id: abc\n  \
         - alias: local\n    rpc: \"http://127.0.0.1:9000\"\nactive_env: local\nactive_address: \"{}\"\n",
        signer(2).address()
    );
    std::fs::write(&path, text).unwrap();
    let mut wallet = Wallet::load(&path).unwrap();
    assert_eq!(wallet.active_env().unwrap().rpc, "http://127.0.0.1:9000");
    assert_eq!(
        wallet.active_signer().unwrap().address(),
        signer(2).address()
    );
    wallet.use_env("testnet").unwrap();
    assert_eq!(wallet.active_env().unwrap().alias, "testnet");
    assert!(matches!(
        wallet.use_env("mainnet"),
        Err(WalletError::UnknownEnv { .. })
    ));
    assert!(matches!(
        wallet.use_address(signer(3).address()),
        Err(WalletError::NoKey { .. })
    ));
}

#[test]
fn broken_files_are_named_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    let missing = Wallet::load(&path).unwrap_err();
    assert!(missing.to_string().contains("client.yaml"), "{missing}");

    for text in [
        "",
        "keystore: [",
        "keystore:\n  File: k\nactive_address: hello\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Wallet::load(&path).unwrap_err().to_string();
        assert!(
            error.contains("client.yaml") && !error.contains('\n'),
            "{error}"
        );
    }

    std::fs::write(&path, "keystore:\n  File: k\n").unwrap();
    for keys in ["nonsense", "{}"] {
        std::fs::write(directory.path().join("k"), keys).unwrap();
        let error = Wallet::load(&path).unwrap_err().to_string();
        assert!(error.contains('k') && !error.contains('\n'), "{error}");
    }
}

#[test]
fn several_keys_need_a_choice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    let keys = serde_json::to_string(&[signer(1).to_base64(), signer(2).to_base64()]).unwrap();
    std::fs::write(directory.path().join("k"), keys).unwrap();
    std::fs::write(&path, "keystore:\n  File: k\n").unwrap();
    let wallet = Wallet::load(&path).unwrap();
    assert!(matches!(
        wallet.active_address(),
        Err(WalletError::NoActiveAddress(_))
    ));
    assert!(matches!(
        wallet.active_env(),
        Err(WalletError::NoActiveEnv(_))
    ));
}

/// A wallet with these texts as its two files.
fn written(config: &str, keystore: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    std::fs::write(directory.path().join("k"), keystore).unwrap();
    std::fs::write(&path, config).unwrap();
    (directory, path)
}

#[test]
fn an_entry_of_the_keystore_that_is_no_known_key_is_unusable_alone() {
    let unknown = r#"["BwEB", {"hardware": 1}, "KEY", "AAAA"]"#;
    let keystore = unknown.replace("KEY", &signer(1).to_base64());
    let (directory, path) = written("keystore:\n  File: k\n", &keystore);
    let mut wallet = Wallet::load(&path).unwrap();
    assert_eq!(
        wallet.active_signer().unwrap().address(),
        signer(1).address()
    );
    let error = wallet.signer(signer(2).address()).unwrap_err().to_string();
    assert!(
        error.contains("entry 0: ") && error.contains("entry 1: it is not a text"),
        "{error}"
    );
    assert!(!error.contains("BwEB"), "{error}");

    // They are kept when a key is added.
    wallet.import(&signer(2)).unwrap();
    let text = std::fs::read_to_string(directory.path().join("k")).unwrap();
    let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(entries.len(), 5);
    assert_eq!((&entries[0], &entries[3]), (&"BwEB".into(), &"AAAA".into()));
    assert!(!format!("{wallet:?}").contains("BwEB"));
}

#[test]
fn byte_order_marks_are_skipped() {
    let keystore = format!("\u{feff}[\"{}\"]", signer(1).to_base64());
    let (_directory, path) = written("\u{feff}keystore:\n  File: k\n", &keystore);
    let wallet = Wallet::load(&path).unwrap();
    assert_eq!(wallet.active_address().unwrap(), signer(1).address());
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    const WRITERS: u8 = 8;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    Wallet::create(&path, WalletEnv::new("local", "http://x"), &signer(1)).unwrap();
    std::thread::scope(|scope| {
        for writer in 2..2 + WRITERS {
            let path = &path;
            scope.spawn(move || {
                let mut wallet = Wallet::load(path).unwrap();
                let name = format!("account-{writer}");
                wallet.import_as(&signer(writer), &name).unwrap();
                wallet.switch_address(signer(writer).address()).unwrap();
            });
        }
    });
    let wallet = Wallet::load(&path).unwrap();
    assert_eq!(wallet.addresses().len(), usize::from(WRITERS) + 1);
    for writer in 2..2 + WRITERS {
        let account = wallet.account(&format!("account-{writer}")).unwrap();
        assert_eq!(account, signer(writer).address());
    }
    assert!(wallet.active_address().is_ok());
}

#[test]
fn homes_of_others_are_refused() {
    let (_directory, path) = written("keystore:\n  File: ~bob/k\n", "[]");
    let error = Wallet::load(&path).unwrap_err().to_string();
    assert!(error.contains("~bob/k"), "{error}");
}

#[test]
fn accounts_have_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    let mut wallet =
        Wallet::create(&path, WalletEnv::new("local", "http://x"), &signer(1)).unwrap();
    wallet.import_as(&signer(1), "first").unwrap();
    wallet.import_as(&signer(2), "second").unwrap();
    wallet.import_as(&signer(2), "other").unwrap();
    let wallet = Wallet::load(&path).unwrap();
    assert_eq!(wallet.account("first").unwrap(), signer(1).address());
    assert_eq!(wallet.account("other").unwrap(), signer(2).address());
    let address = signer(2).address().to_string();
    assert_eq!(wallet.account(&address).unwrap(), signer(2).address());
    let error = wallet.account("second").unwrap_err().to_string();
    assert!(error.contains("one of the names first, other"), "{error}");
    assert!(wallet.account(&signer(3).address().to_string()).is_err());
}
