//! Objects are renewed as long as that is paid for, and forgotten when their time is over.

use walrus_tests::{TestNetwork, s3::RunningS3, tools::Tool};

const EPOCHS: &str = include_str!("../../../tools/s3_epochs.py");
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "10"];
/// Blobs of the bucket that is renewed: itself and its objects.
const BLOBS: u64 = 4;

fn next_epoch(network: &TestNetwork) {
    let moved = network.localnet(&["epoch", "next"]);
    assert!(moved.success, "{}", moved.stderr);
}

async fn wait_for_renewals(server: &RunningS3, blobs: u64) {
    let renewed = async {
        while server
            .process
            .metric("walrus_s3_renewed_blobs_total ")
            .await
            < blobs
        {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let renewed = tokio::time::timeout(std::time::Duration::from_secs(120), renewed).await;
    renewed.expect("what expires soon is renewed");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_renewed_as_long_as_there_is_money_for_it() {
    if Tool::Boto3.path().is_none() {
        return;
    }
    let network = TestNetwork::start(&NETWORK);
    let renewing = |cost_max| {
        let options = [
            "--epochs",
            "2",
            "--renew-within",
            "1",
            "--renew-interval",
            "1s",
            "--max-cost",
            cost_max,
        ];
        RunningS3::start(&network, "s3", &options)
    };
    let server = renewing("1WAL");
    server.boto3(EPOCHS, &["write"]);
    // Nothing is due in the first epoch.
    assert_eq!(
        server
            .process
            .metric("walrus_s3_renewed_blobs_total ")
            .await,
        0
    );
    for epoch in 1..=3 {
        next_epoch(&network);
        wait_for_renewals(&server, epoch * BLOBS).await;
        server.boto3(EPOCHS, &["check", "long", "short"]);
    }
    let renewed = server
        .process
        .metric("walrus_s3_renewed_frost_total ")
        .await;
    assert!(renewed > 0);
    drop(server);

    // With nothing to spend, what was paid for is kept to the end of its time and no longer: the
    // other bucket has more.
    let server = renewing("1FROST");
    server.boto3(EPOCHS, &["check", "long", "short"]);
    next_epoch(&network);
    server.boto3(EPOCHS, &["check", "long", "short"]);
    next_epoch(&network);
    server.boto3(EPOCHS, &["await", "long"]);
    let renewed = server.process.metric("walrus_s3_renewed_frost_total ");
    assert_eq!(renewed.await, 0);
    drop(server);

    // So it is found by a server that begins anew.
    std::fs::remove_dir_all(network.folder().join("s3")).unwrap();
    let server = RunningS3::start(&network, "s3", &["--no-renew"]);
    server.boto3(EPOCHS, &["check", "long"]);
}
