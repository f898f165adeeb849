//! What is wrong in a network on purpose, and the process that stands between the others to make it
//! so.
//!
//! Nothing of the network knows about its faults. A node that gets one moves to another port, once;
//! what stands at its port
//! from then on, a [`Link`] and a [`ByzantineNode`], hands everything on and lies, tarries or keeps
//! silent as the
//! [`FaultPlan`] says. The plan is a file of the state directory, so that faults outlive the
//! commands that ask for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Mutex};
use walrus_faults::{ByzantineNode, Lie, Link, LinkStates, WhoIs};

use crate::{
    process::{self, Termination},
    state::{NodeRecord, StateDir},
};

/// Where the process is told that the plan has changed.
pub(crate) const APPLY_PATH: &str = "/apply";

/// The name of the chain among what faults are about.
pub const CHAIN: &str = "chain";

/// Everything that is wrong on purpose and outlives a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Port of the process that stands between the others.
    pub(crate) control_port: u16,
    /// What stands at whose port.
    #[serde(default)]
    pub fronts: BTreeMap<String, Front>,
    /// Nodes whose disks count as full.
    #[serde(default)]
    pub full_disks: BTreeSet<String>,
}

/// What stands at the port of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// The port at which it stands.
    pub port: u16,
    /// Where the process listens.
    pub behind: u16,
    /// How the node lies.
    #[serde(default)]
    pub lie: Lie,
    /// How the ways to it are.
    #[serde(default)]
    pub states: LinkStates,
}

impl FaultPlan {
    /// The plan of a network, which has no faults if there is none.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is damaged: without it no fault is known; `walrus-localnet up --reset` starts over",
                path.display()
            )
        })
    }

    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let temporary = path.with_extension("tmp");
        let write = || -> io::Result<()> {
            fs::write(&temporary, serde_json::to_vec_pretty(self)?)?;
            fs::rename(&temporary, path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Lets everything pass, and everybody tell the truth.
    pub(crate) fn open_all(&mut self) {
        for front in self.fronts.values_mut() {
            front.states = LinkStates::default();
            front.lie = Lie::Truth;
        }
    }
}

/// What stands between.
#[derive(Default)]
struct Fronts(BTreeMap<String, Standing>);

struct Standing {
    link: Link,
    /// The chain has none: it does not speak as nodes do. Nor have nodes that serve TLS.
    byzantine: Option<ByzantineNode>,
}

impl Standing {
    async fn start(name: &str, front: &Front, who_is: WhoIs, can_lie: bool) -> io::Result<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (byzantine, upstream) = if name == CHAIN || !can_lie {
            (None, local(front.behind))
        } else {
            let byzantine = ByzantineNode::start(local(0), local(front.behind)).await?;
            let address = byzantine.address();
            (Some(byzantine), address)
        };
        let link = Link::start_knowing(local(front.port), upstream, who_is).await?;
        Ok(Self { link, byzantine })
    }
}

/// The process of faults.
struct Laboratory {
    state_dir: StateDir,
    fronts: Mutex<Fronts>,
}

impl Laboratory {
    /// Makes everything as the plan says.
    async fn apply(&self) -> anyhow::Result<()> {
        let plan = FaultPlan::load(&self.state_dir.faults())?;
        let can_lie = !self.state_dir.load()?.options.tls;
        let mut fronts = self.fronts.lock().await;
        for (name, front) in &plan.fronts {
            if !fronts.0.contains_key(name) {
                let standing = Standing::start(name, front, self.who_is(), can_lie).await;
                let standing = standing.with_context(|| {
                    format!("nothing can stand at port {} of {name}", front.port)
                })?;
                fronts.0.insert(name.clone(), standing);
            }
            let Some(standing) = fronts.0.get(name) else {
                continue;
            };
            standing.link.set_states(front.states.clone());
            if let Some(byzantine) = &standing.byzantine {
                byzantine.tell(front.lie);
            }
        }
        Ok(())
    }

    /// Tells the nodes apart by the sockets of their processes.
    fn who_is(&self) -> WhoIs {
        let state_dir = self.state_dir.clone();
        Arc::new(move |address| {
            let state = state_dir.load().ok()?;
            let nodes = state.nodes.iter();
            let processes: Vec<_> = nodes
                .filter_map(|node: &NodeRecord| Some((node.name(), node.process?)))
                .collect();
            process::owner_of(address, &processes)
        })
    }
}

/// Runs the process until it is asked to end.
pub async fn run(state_dir: &StateDir) -> anyhow::Result<()> {
    let mut termination = Termination::listen().context("cannot listen for signals")?;
    let plan = FaultPlan::load(&state_dir.faults())?;
    let laboratory = Arc::new(Laboratory {
        state_dir: state_dir.clone(),
        fronts: Mutex::default(),
    });
    laboratory.apply().await?;
    let address = (Ipv4Addr::LOCALHOST, plan.control_port);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("port {} is in use by another program", plan.control_port))?;
    let control = Router::new()
        .route(APPLY_PATH, post(apply))
        .with_state(laboratory);
    tokio::select! {
        () = termination.wait() => Ok(()),
        served = axum::serve(listener, control) => served.context("cannot be told of faults"),
    }
}

async fn apply(State(laboratory): State<Arc<Laboratory>>) -> (StatusCode, String) {
    match laboratory.apply().await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use walrus_faults::LinkState;

    use super::*;

    #[test]
    fn a_plan_is_kept_and_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults.json");
        assert_eq!(FaultPlan::load(&path).unwrap(), FaultPlan::default());
        let front = Front {
            port: 1,
            behind: 2,
            lie: Lie::WrongProofs,
            states: LinkStates::all(LinkState::Slow {
                delay_ms: 3,
                bytes_per_second: 4,
            }),
        };
        let mut plan = FaultPlan {
            control_port: 5,
            fronts: [("node-0".to_owned(), front)].into(),
            full_disks: ["node-1".to_owned()].into(),
        };
        plan.save(&path).unwrap();
        assert_eq!(FaultPlan::load(&path).unwrap(), plan);
        plan.open_all();
        assert!(plan.fronts["node-0"].states.is_open());
        fs::write(&path, "{").unwrap();
        let error = FaultPlan::load(&path).unwrap_err().to_string();
        assert!(error.contains("is damaged"), "{error}");
    }
}
