//! Somebody who stores and reads blobs, on a machine that may crash in the middle of it.

use std::{collections::BTreeMap, sync::Arc};

use ambient::Process;
use stdx::Mutex;
use tokio::task::JoinHandle;
use walrus_client::{
    BlobInput, Environment, ObjectReuse, SigningOptions, StorageDuration, StoreOptions,
    WalrusClient,
    config::{ClientConfig, NodeScheme, parse},
    node::Transport,
    progress::no_progress,
};
use walrus_core::{BlobId, EpochCount, ObjectId};
use walrus_encoder::ConsistencyCheck;

use crate::{
    base::{Base, user, user_ip},
    chain::ChainLink,
    malicious,
    network::{Host, Network},
    trace::Trace,
};

/// What all users together know.
#[derive(Default)]
pub(crate) struct Known {
    /// What a blob has to be, of every blob that anybody began to store.
    pub(crate) contents: BTreeMap<BlobId, Vec<u8>>,
    /// Blob objects that were stored and not deleted since, with their owners.
    pub(crate) stored: Vec<(u8, BlobId, ObjectId)>,
    /// Certified blobs that were encoded inconsistently.
    pub(crate) inconsistent: Vec<BlobId>,
    /// Wrong bytes that somebody was given.
    pub(crate) wrong: Vec<String>,
    /// Operations that came to a good end.
    pub(crate) done: u64,
    /// Operations that failed.
    pub(crate) failed: u64,
}

/// See [`Known`]; clones are the same.
pub(crate) type SharedKnown = Arc<Mutex<Known>>;

/// A user.
pub(crate) struct User {
    pub(crate) index: u8,
    pub(crate) client: WalrusClient,
    pub(crate) chain: ChainLink,
    process: Process,
    known: SharedKnown,
    trace: Trace,
    host: Host,
    busy: Option<JoinHandle<()>>,
}

/// What a user does.
pub(crate) enum Action {
    Store {
        bytes: Vec<u8>,
        epochs: EpochCount,
        deletable: bool,
    },
    StoreInconsistently(Vec<u8>),
    Read(BlobId),
    Delete(ObjectId),
    Extend(ObjectId, EpochCount),
}

impl User {
    pub(crate) fn new(
        index: u8,
        base: &Base,
        chain: ChainLink,
        network: &Network,
        seed: u64,
        known: &SharedKnown,
        trace: &Trace,
    ) -> anyhow::Result<Self> {
        let host = Host::new(network, user_ip(index));
        let signing = SigningOptions {
            signer: user(index),
            gas_budget: None,
        };
        let environment = Environment::seeded(seed, ambient::now).with_transport(host.transport());
        let client = WalrusClient::over(config(base)?, chain.rpc()?, Some(signing), environment)?;
        Ok(Self {
            index,
            client,
            chain,
            process: Process::new(),
            known: Arc::clone(known),
            trace: trace.clone(),
            host,
            busy: None,
        })
    }

    /// Whether the last action is still going on.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Begins an action.
    pub(crate) fn begin(&mut self, action: Action) {
        let (client, index) = (self.client.clone(), self.index);
        let (known, trace) = (Arc::clone(&self.known), self.trace.clone());
        let transport = self.host.transport();
        self.busy = Some(self.process.spawn(async move {
            let outcome = act(&client, transport, index, action, &known).await;
            let mut known = known.lock();
            match &outcome {
                Ok(_) => known.done += 1,
                Err(_) => known.failed += 1,
            }
            let text = outcome.unwrap_or_else(|error| format!("{error:#}"));
            trace.note(format_args!("user-{index} {text}"));
        }));
    }

    /// Ends what it does where it stands.
    pub(crate) async fn crash(&mut self) {
        self.trace.note(format_args!("user-{} crashes", self.index));
        self.process.kill().await;
        self.process = Process::new();
        self.busy = None;
    }
}

async fn act(
    client: &WalrusClient,
    transport: Arc<dyn Transport>,
    user: u8,
    action: Action,
    known: &SharedKnown,
) -> anyhow::Result<String> {
    match action {
        Action::Store {
            bytes,
            epochs,
            deletable,
        } => {
            let encoder = client.encoder().await?;
            let blob_id = *encoder.metadata(&bytes)?.blob_id();
            known.lock().contents.insert(blob_id, bytes.clone());
            let options = StoreOptions {
                duration: StorageDuration::Epochs(epochs),
                deletable,
                force: false,
                ignore_resources: false,
                needs_object: false,
                reuse: ObjectReuse::Any,
            };
            let inputs = vec![BlobInput::Bytes(bytes.into())];
            let results = client.store(inputs, &options, &no_progress()).await?;
            for result in results {
                if let walrus_client::StoreOutcome::Stored(stored) = result? {
                    let object = stored.object.id;
                    known.lock().stored.push((user, blob_id, object));
                }
            }
            Ok(format!("has stored {blob_id}"))
        }
        Action::StoreInconsistently(bytes) => {
            let blob_id = malicious::store(client, transport, &bytes).await?;
            known.lock().inconsistent.push(blob_id);
            Ok(format!("has stored {blob_id} inconsistently"))
        }
        Action::Read(blob_id) => {
            let bytes = client
                .read(&blob_id, ConsistencyCheck::Strict, &no_progress())
                .await?;
            let mut known = known.lock();
            if known.contents.get(&blob_id) != Some(&bytes) {
                known
                    .wrong
                    .push(format!("user-{user} was given wrong bytes for {blob_id}"));
            }
            Ok(format!("has read {blob_id}"))
        }
        Action::Delete(object) => {
            client.contract()?.delete_blob(object).await?;
            Ok(format!("has deleted {object}"))
        }
        Action::Extend(object, epochs) => {
            let blob = client.reader().blob(object).await?;
            client.contract()?.extend_blob(&blob, epochs).await?;
            Ok(format!("has extended {object}"))
        }
    }
}

fn config(base: &Base) -> anyhow::Result<ClientConfig> {
    let deployment = &base.deployment;
    let text = format!(
        "system_object: '{}'\nstaking_object: '{}'\n",
        deployment.system_object, deployment.staking_object
    );
    let mut config = parse(&text, None)?.config;
    config.communication.node_scheme = NodeScheme::Http;
    Ok(config)
}
