//! Doing wrong on purpose to a network that runs.

use std::{collections::BTreeMap, fmt, fs, str::FromStr, time::Duration};

use anyhow::Context as _;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::Serialize;
use walrus_faults::{
    Lie, LinkState, LinkStates,
    rot::{self, Flip},
};
use walrus_node::storage::{Item, SliverRead, Storage, StorageOptions};

use super::{How, Network, START_TIMEOUT, end, member::members};
use crate::{
    faults::{APPLY_PATH, CHAIN, FaultPlan, Front},
    ports,
    state::NodeRecord,
};

/// How long the process of faults may take to do as the plan says.
const APPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes by which stored data is found in a file.
const NEEDLE_BYTES: usize = 32;

/// The free space a node wants to leave when its disk counts as full: more than there is.
const WANTS_ALL_SPACE: u64 = u64::MAX;

/// What rots on the disk of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rot {
    /// Slivers, wherever they are kept.
    Slivers,
    /// Metadata of blobs.
    Metadata,
    /// Any part of the tables of the index.
    Index,
}

impl FromStr for Rot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "slivers" => Ok(Self::Slivers),
            "metadata" => Ok(Self::Metadata),
            "index" => Ok(Self::Index),
            _ => Err("there are slivers, metadata and index".to_owned()),
        }
    }
}

/// What runs, and what is wrong on purpose.
#[derive(Debug, Clone, Serialize)]
pub struct FaultReport {
    /// `running`, `paused` or `stopped`, by name.
    pub processes: BTreeMap<String, &'static str>,
    /// How the ways to a process are, where not everything passes.
    pub links: BTreeMap<String, LinkStates>,
    /// Nodes that lie, and how.
    pub lies: BTreeMap<String, Lie>,
    /// Nodes whose disks count as full.
    pub full_disks: Vec<String>,
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, state) in &self.processes {
            write!(f, "{name}: {state}")?;
            if let Some(links) = self.links.get(name) {
                write!(f, "; {} for everybody", links.everybody)?;
                for (caller, state) in &links.callers {
                    write!(f, ", {state} for {caller}")?;
                }
            }
            if let Some(lie) = self.lies.get(name) {
                write!(f, "; lies: {lie}")?;
            }
            if self.full_disks.contains(name) {
                write!(f, "; its disk is full")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Network {
    /// Brings the way to `server` into a state: for the node `caller`, or for everybody.
    pub async fn set_link(
        &self,
        server: &str,
        caller: Option<&str>,
        state: LinkState,
    ) -> anyhow::Result<()> {
        if let Some(caller) = caller {
            self.node(caller)?;
        }
        let mut plan = self.plan()?;
        self.stand_before(&mut plan, server).await?;
        let states = &mut front(&mut plan, server)?.states;
        match caller {
            Some(caller) => {
                states.callers.insert(caller.to_owned(), state);
            }
            None => *states = LinkStates::all(state),
        }
        self.apply(&plan).await
    }

    /// Cuts the ways between the named nodes and all others, both ways. Clients and the chain reach
    /// everybody.
    pub async fn partition(&self, names: &[String]) -> anyhow::Result<()> {
        for name in names {
            self.node(name)?;
        }
        let state = self.state_dir.load()?;
        let mut plan = self.plan()?;
        let all: Vec<String> = state.nodes.iter().map(NodeRecord::name).collect();
        for server in &all {
            self.stand_before(&mut plan, server).await?;
            let states = &mut front(&mut plan, server)?.states;
            for caller in &all {
                let is_apart = names.contains(server) != names.contains(caller);
                if is_apart {
                    states.callers.insert(caller.clone(), LinkState::Cut);
                } else {
                    states.callers.remove(caller);
                }
            }
        }
        self.apply(&plan).await
    }

    /// Makes a node lie, or tell the truth.
    pub async fn tell(&self, name: &str, lie: Lie) -> anyhow::Result<()> {
        self.node(name)?;
        anyhow::ensure!(
            !self.state_dir.load()?.options.tls,
            "nobody can stand between the nodes of a network with TLS and lie: make one without --tls"
        );
        let mut plan = self.plan()?;
        self.stand_before(&mut plan, name).await?;
        front(&mut plan, name)?.lie = lie;
        self.apply(&plan).await
    }

    /// Makes the disk of a node count as full, or not. The node restarts.
    pub async fn set_disk_full(&self, name: &str, full: bool) -> anyhow::Result<()> {
        let mut plan = self.plan()?;
        let reserve = if full {
            WANTS_ALL_SPACE
        } else {
            crate::setup::DISK_RESERVE_BYTES
        };
        self.reconfigure(name, "disk_reserve_bytes", &reserve.to_string())
            .await?;
        if full {
            plan.full_disks.insert(name.to_owned());
        } else {
            plan.full_disks.remove(name);
        }
        plan.save(&self.state_dir.faults())
    }

    /// Flips a bit in `count` parts of what a node stores; the same seed chooses the same parts of
    /// the same storage. The node
    /// is stopped meanwhile, so that what it reads afterwards is what is on the disk.
    pub async fn rot(
        &self,
        name: &str,
        what: Rot,
        count: usize,
        seed: u64,
    ) -> anyhow::Result<Vec<Flip>> {
        let node = self.node(name)?;
        let storage = self.state_dir.node_dir(&node).join("storage");
        let was_running = node.process.is_some_and(|process| process.is_alive());
        self.stop_node(name, How::Ask)?;
        let needles = choose(&StorageOptions::new(&storage), what, count, seed).await?;
        let tables = storage.join("index").join("keyspaces");
        let flips = if what == Rot::Index {
            rot::flip_bits(&tables, count, seed)?
        } else {
            let mut flips = Vec::new();
            // Not in journals: what does not match there ends the index, not an entry.
            for needle in needles {
                let file = rot::flip_within(&storage.join("slivers"), &needle, 0)?;
                let flip = match file {
                    Some(flip) => Some(flip),
                    None => rot::flip_within(&tables, &needle, 0)?,
                };
                flips.extend(flip);
            }
            flips
        };
        if was_running {
            self.start_node(name).await?;
        }
        Ok(flips)
    }

    /// Ends every fault: everything passes, everybody tells the truth, there is space, and
    /// everything runs.
    pub async fn heal(&self) -> anyhow::Result<()> {
        let mut plan = self.plan()?;
        plan.open_all();
        self.apply(&plan).await?;
        self.start_all().await?;
        for name in plan.full_disks.clone() {
            self.set_disk_full(&name, false).await?;
        }
        Ok(())
    }

    /// What runs, and what is wrong on purpose.
    pub fn fault_report(&self) -> anyhow::Result<FaultReport> {
        let state = self.state_dir.load()?;
        let plan = self.plan()?;
        let processes = members(&state).into_iter().map(|(member, process)| {
            let state = match process {
                Some(process) if process.is_paused() => "paused",
                Some(process) if process.is_alive() => "running",
                _ => "stopped",
            };
            (member.name().to_owned(), state)
        });
        let fronts = plan.fronts.iter();
        let links = fronts
            .clone()
            .filter(|(_, front)| !front.states.is_open())
            .map(|(name, front)| (name.clone(), front.states.clone()));
        let lies = fronts
            .filter(|(_, front)| front.lie != Lie::Truth)
            .map(|(name, front)| (name.clone(), front.lie));
        Ok(FaultReport {
            processes: processes.collect(),
            links: links.collect(),
            lies: lies.collect(),
            full_disks: plan.full_disks.into_iter().collect(),
        })
    }

    /// Starts the process that stands between the others, if there is anything for it to do and it
    /// does not run.
    pub(super) async fn start_faults(&self) -> anyhow::Result<()> {
        let plan = self.plan()?;
        let state = self.state_dir.load()?;
        let runs = state.faults.is_some_and(|process| process.is_alive());
        if plan.fronts.is_empty() || runs {
            return Ok(());
        }
        let process = self.spawn(&["run-faults"], "faults")?;
        self.state_dir
            .update(|state| state.faults = Some(process))?;
        self.wait("faults", process, START_TIMEOUT, async || {
            request_apply(&plan).await
        })
        .await
    }

    fn plan(&self) -> anyhow::Result<FaultPlan> {
        FaultPlan::load(&self.state_dir.faults())
    }

    /// Writes the plan down and has it done.
    async fn apply(&self, plan: &FaultPlan) -> anyhow::Result<()> {
        plan.save(&self.state_dir.faults())?;
        if plan.fronts.is_empty() {
            return Ok(());
        }
        self.start_faults().await?;
        Ok(request_apply(plan).await?)
    }

    /// Puts something at the port of a process, unless that is done: the process moves to another
    /// port.
    async fn stand_before(&self, plan: &mut FaultPlan, name: &str) -> anyhow::Result<()> {
        if plan.fronts.contains_key(name) {
            return Ok(());
        }
        let free = ports::free_ports(2)?;
        if plan.control_port == 0 {
            plan.control_port = free[1];
        }
        let new = |port, behind| Front {
            port,
            behind,
            lie: Lie::Truth,
            states: LinkStates::default(),
        };
        if name == CHAIN {
            let state = self.state_dir.load()?;
            let front = new(free[0], state.chain.rpc_port);
            plan.fronts.insert(name.to_owned(), front);
            self.apply(plan).await?;
            let url = format!("http://127.0.0.1:{}", free[0]);
            for node in &state.nodes {
                self.reconfigure(&node.name(), "rpc", &url).await?;
            }
            return Ok(());
        }
        let node = self.node(name)?;
        let front = new(node.port, free[0]);
        plan.fronts.insert(name.to_owned(), front);
        let was_running = node.process.is_some_and(|process| process.is_alive());
        self.stop_node(name, How::Ask)?;
        let address = format!("127.0.0.1:{}", free[0]);
        self.configure(&node, "rest_api_address", &address)?;
        self.state_dir.update(|state| {
            for node in &mut state.nodes {
                if node.name() == name {
                    node.port_behind = Some(free[0]);
                }
            }
        })?;
        self.apply(plan).await?;
        if was_running {
            self.start_node(name).await?;
        }
        Ok(())
    }

    /// Changes a value in the configuration of a node, and restarts it if it runs.
    async fn reconfigure(&self, name: &str, key: &str, value: &str) -> anyhow::Result<()> {
        let node = self.node(name)?;
        let was_running = node.process.is_some_and(|process| process.is_alive());
        end(node.process, How::Ask);
        self.configure(&node, key, value)?;
        if was_running {
            self.start_node(name).await?;
        }
        Ok(())
    }

    fn configure(&self, node: &NodeRecord, key: &str, value: &str) -> anyhow::Result<()> {
        let path = self.state_dir.node_config(node);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let changed = with_value(&text, key, value)
            .with_context(|| format!("{} has no line with {key}", path.display()))?;
        crate::writing::write_atomically(&path, &changed)
    }
}

fn front<'a>(plan: &'a mut FaultPlan, name: &str) -> anyhow::Result<&'a mut Front> {
    plan.fronts
        .get_mut(name)
        .with_context(|| format!("nothing stands before {name}"))
}

/// The text with another value in the first line of this key, at whatever depth; everything else
/// stays.
fn with_value(text: &str, key: &str, value: &str) -> Option<String> {
    let prefix = format!("{key}:");
    let mut found = false;
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if found || !line.trim_start().starts_with(&prefix) {
                return line.to_owned();
            }
            found = true;
            let indent = line.len() - line.trim_start().len();
            format!("{}{key}: {value}", " ".repeat(indent))
        })
        .collect();
    found.then(|| lines.join("\n") + "\n")
}

/// The plan could not be carried out.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error("the process of faults does not answer: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("{0}")]
    Failed(String),
}

async fn request_apply(plan: &FaultPlan) -> Result<(), ApplyError> {
    // Any provider will do: nothing on this machine speaks TLS. One that is installed already is as
    // good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(APPLY_TIMEOUT)
        .build()?;
    let url = format!("http://127.0.0.1:{}{APPLY_PATH}", plan.control_port);
    let response = client.post(url).send().await?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(ApplyError::Failed(response.text().await?))
}

/// Bytes out of the middle of `count` stored things. Everything in the journal is moved into
/// tables.
async fn choose(
    options: &StorageOptions,
    what: Rot,
    count: usize,
    seed: u64,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let storage = Storage::open(options)?;
    storage.compact().await?;
    let mut items = storage.items_after(None, usize::MAX).await?;
    items.retain(|item| match item {
        Item::Sliver(_) => what == Rot::Slivers,
        Item::Metadata(_) => what == Rot::Metadata,
    });
    items.shuffle(&mut StdRng::seed_from_u64(seed));
    items.truncate(count);
    let mut needles = Vec::new();
    for item in items {
        let bytes = match item {
            Item::Metadata(blob_id) => storage.read_metadata(blob_id).await?,
            Item::Sliver(key) => match storage.read_sliver(key).await? {
                SliverRead::Found(bytes) => Some(bytes),
                SliverRead::Missing | SliverRead::Damaged => None,
            },
        };
        if let Some(bytes) = bytes {
            let start = bytes.len().saturating_sub(NEEDLE_BYTES) / 2;
            needles.push(
                bytes
                    .iter()
                    .skip(start)
                    .take(NEEDLE_BYTES)
                    .copied()
                    .collect(),
            );
        }
    }
    storage.close().await?;
    Ok(needles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_changed_and_all_else_stays() {
        let text = "# mine\nname: a\nsui:\n  rpc: http://x\n  rpc_quorum: 2\n";
        let changed = with_value(text, "rpc", "http://y").unwrap();
        assert_eq!(changed, text.replace("http://x", "http://y"));
        assert_eq!(with_value(text, "port", "1"), None);
    }
}
