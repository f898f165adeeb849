//! A node that cannot start says why, in one line, and with the right exit code.

use walrus_core::keys::NetworkKeyPair;
use walrus_node::{StartError, StorageNode, chain::Registration, config::KeySource};

use crate::harness::{ScriptedChain, TestNode, config, network_key, object_id, protocol_key};

fn assert_one_line(error: &StartError, exit_code: u8) {
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.is_empty(), "{text}");
    assert_eq!(error.exit_code(), exit_code, "{text}");
}

#[tokio::test]
async fn a_port_in_use() {
    let test = TestNode::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.rest_api_address = test.node().addr();
    let error = StorageNode::start_with_chain(config, ScriptedChain::new())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
    assert_one_line(&error, 4);
}

#[tokio::test]
async fn a_storage_directory_in_use() {
    let test = TestNode::start().await;
    let error = StorageNode::start_with_chain(test.config.clone(), ScriptedChain::new())
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("in use by another process"),
        "{error}"
    );
    assert_one_line(&error, 3);
    test.assert_holds_nothing(&crate::harness::TestBlob::new(1, 1))
        .await;
}

#[tokio::test]
async fn a_storage_directory_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    config.storage_path = file;
    let error = StorageNode::start_with_chain(config, ScriptedChain::new())
        .await
        .err()
        .unwrap();
    assert_one_line(&error, 3);
}

#[tokio::test]
async fn the_storage_of_another_network() {
    let mut test = TestNode::start().await;
    test.stop().await;
    test.config.sui.system_object = object_id(77);
    let error = test.try_start().await.unwrap_err();
    assert!(
        error.to_string().contains("belongs to the network"),
        "{error}"
    );
    assert_one_line(&error, 3);
}

#[tokio::test]
async fn a_network_key_that_is_not_the_registered_one() {
    let registration = Registration {
        node_id: object_id(5),
        public_key: protocol_key().public(),
        next_public_key: None,
        network_public_key: network_key().public(),
    };
    let chain = ScriptedChain::new();
    *chain.registration.lock() = Some(registration);
    let directory = tempfile::tempdir().unwrap();
    let right = config(directory.path());

    let mut wrong = right.clone();
    wrong.tls.disable_tls = false;
    wrong.network_key_pair = KeySource::Inline(NetworkKeyPair::from_seed([8; 32]).to_key_file());
    let error = StorageNode::start_with_chain(wrong, chain.clone())
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("the network key does not belong"),
        "{error}"
    );
    assert_one_line(&error, 5);

    let node = StorageNode::start_with_chain(right, chain).await.unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn broken_key_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("protocol.key");
    for text in ["", "AAAA", "not a key", &network_key().to_key_file()] {
        std::fs::write(&path, text).unwrap();
        let mut config = config(directory.path());
        config.protocol_key_pair = KeySource::File { path: path.clone() };
        let error = StorageNode::start_with_chain(config, ScriptedChain::new())
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("protocol.key"), "{error}");
        assert_one_line(&error, 2);
    }
}
