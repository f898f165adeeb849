//! Stores through an upload relay: the question before its tip is paid.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use walrus_client::{BlobInput, WalrusClient, upload_relay::UploadRelay};
use walrus_core::{params, text::printable};
use walrus_terminal::{format::Sui, prompt};

use super::context::Context;
use crate::args::HowToStoreArgs;

/// The client that stores `inputs` as `how` says: through a relay if one is named, after people
/// have agreed to its tip.
pub(super) async fn relayed(
    context: &Context,
    client: &WalrusClient,
    how: &HowToStoreArgs,
    inputs: impl Iterator<Item = BlobInput>,
) -> anyhow::Result<WalrusClient> {
    let Some(url) = &how.upload_relay else {
        return Ok(client.clone());
    };
    let relay = UploadRelay::connect(url).await?;
    let n_shards = client.encoder().await?.n_shards();
    let (mut mist, mut blobs, mut is_complete) = (0_u64, 0_usize, true);
    for input in inputs {
        let size = input.known_size().await;
        is_complete &= size.is_some();
        let encoded = params::encoded_length(n_shards, size.unwrap_or_default());
        // What is too large fails later, with the limit.
        let tip = relay.tip_mist(encoded.unwrap_or_default())?;
        mist = mist.checked_add(tip).context("nobody can pay these tips")?;
        blobs += 1;
    }
    if mist > 0 && !how.skip_tip_confirmation && !context.json() {
        let at = if is_complete { "" } else { "at least " };
        let amount = Sui(mist.into());
        let (url, gas) = (printable(url), "besides gas and storage");
        ask(&format!(
            "The upload relay {url} asks for a tip of {at}{amount} for {blobs} blobs, {gas}."
        ))?;
    }
    Ok(client.clone().through(relay))
}

fn ask(sentence: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "this needs a confirmation: {sentence} There is no terminal to ask; give --skip-tip-confirmation to pay it"
        );
    }
    prompt::confirm(sentence, false)
}
