//! Pages in a headless Chromium: the unmodified npm clients, sounds and images from the gateway.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use walrus_tests::{TestNetwork, gateway::RunningGateway, npm::node, run, text, tools::Tool};

/// Samples of the sound per second, one byte each.
const SAMPLES_PER_SECOND: u32 = 8_000;
const SECONDS: u32 = 300;
const IMAGES: usize = 300;
const IMAGES_PER_QUILT: usize = 60;

/// Plays scenes of `page.mjs`; returns what they return and how many partial answers there were.
fn play(chromium: &Path, folder: &Path, scenes: &Value) -> (Value, u64) {
    let mut command = node("browser.mjs");
    let profile = folder.join("profile");
    command.args([text(chromium), text(&profile), &scenes.to_string()]);
    let played = run(&mut command).json();
    let parts = played["parts"].as_u64().unwrap();
    (played["results"].clone(), parts)
}

#[test]
fn a_page_stores_reads_and_decrypts() {
    let Some(chromium) = Tool::Chromium.path() else {
        return;
    };
    let shape = ["--nodes", "4", "--shards", "10", "--with", "relay,seal"];
    let network = TestNetwork::start(&shape);
    let (ready, relay) = (&network.ready, network.service("relay"));
    let scenes = json!([
        ["store", ready, 1],
        ["store", ready, 2, relay],
        ["privateData", ready]
    ]);
    let (results, _) = play(&chromium, network.folder(), &scenes);
    for scene in 0..2 {
        let kept = results[scene]["kept"].as_str().unwrap();
        assert_eq!(network.read(kept).len(), 1);
    }
    let encrypted = results[2]["blobId"].as_str().unwrap();
    assert!(!network.read(encrypted).is_empty());
}

/// A sound of silence, in a format that browsers seek in.
fn sound() -> Vec<u8> {
    let samples = SAMPLES_PER_SECOND * SECONDS;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + samples).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    // PCM, one channel, one byte for each sample.
    wav.extend([1, 0, 1, 0]);
    wav.extend(SAMPLES_PER_SECOND.to_le_bytes());
    wav.extend(SAMPLES_PER_SECOND.to_le_bytes());
    wav.extend([1, 0, 8, 0]);
    wav.extend(b"data");
    wav.extend(samples.to_le_bytes());
    wav.resize(wav.len() + samples as usize, 0x80);
    wav
}

/// The files of one quilt: images that get wider, from `first` on.
fn form(first: usize) -> String {
    let field = |name: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    let mut body = String::new();
    let mut tags = Vec::new();
    for index in first..first + IMAGES_PER_QUILT {
        let name = format!("{index}.svg");
        let width = index + 1;
        let image = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"2\"></svg>"
        );
        body += &field(&name, &image);
        tags.push(json!({ "identifier": name, "tags": { "content-type": "image/svg+xml" } }));
    }
    body += &field("_metadata", &Value::from(tags).to_string());
    body + "--x--\r\n"
}

/// Stores images in quilts; returns their URLs, in order.
async fn store_images(gateway: &RunningGateway) -> Vec<String> {
    let mut urls = vec![String::new(); IMAGES];
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    for first in (0..IMAGES).step_by(IMAGES_PER_QUILT) {
        let stored = gateway
            .send(Method::PUT, "/v1/quilts", &headers, form(first))
            .await;
        let stored: Value = serde_json::from_slice(stored.body()).unwrap();
        for patch in stored["storedQuiltBlobs"].as_array().unwrap() {
            let name = patch["identifier"].as_str().unwrap();
            let index: usize = name.trim_end_matches(".svg").parse().unwrap();
            let id = patch["quiltPatchId"].as_str().unwrap();
            urls[index] = format!("{}/v1/blobs/by-quilt-patch-id/{id}", gateway.url);
        }
    }
    urls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_seeks_in_a_sound_and_shows_hundreds_of_images() {
    let Some(chromium) = Tool::Chromium.path() else {
        return;
    };
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "100"]);
    let wallets = network.folder().join("sub-wallets");
    std::fs::create_dir(&wallets).unwrap();
    let wallets = ["--sub-wallets-dir", text(&wallets), "--n-clients", "2"];
    let gateway = RunningGateway::start(&network, &[&["daemon"], &wallets[..]].concat());

    let sound = sound();
    let headers = [("content-type", "audio/wav")];
    let length = sound.len();
    let stored = gateway
        .send(Method::PUT, "/v1/blobs", &headers, sound)
        .await;
    let stored: Value = serde_json::from_slice(stored.body()).unwrap();
    let blob = &stored["newlyCreated"]["blobObject"];
    let object = blob["id"].as_str().unwrap();
    let url = format!("{}/v1/blobs/by-object-id/{object}", gateway.url);
    let images = store_images(&gateway).await;
    let scenes = json!([
        ["fetches", gateway.url, blob["blobId"], length],
        ["seek", url, SECONDS],
        ["images", images]
    ]);
    let folder = network.folder().to_owned();
    let playing = tokio::task::spawn_blocking(move || play(&chromium, &folder, &scenes));
    let (results, parts) = playing.await.unwrap();
    assert_eq!(results[2]["shown"], IMAGES);
    // One that was asked for by name, one from the beginning, one where the sound was sent.
    assert!(parts >= 3, "{parts} partial answers");
}
