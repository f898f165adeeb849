//! The processes of a network by their names, whatever they are.

use anyhow::Context as _;

use super::{How, Network};
use crate::{
    faults::CHAIN,
    process::ProcessId,
    service_kind::ServiceKind,
    state::{KeyServerRecord, NetworkState, NodeRecord},
};

/// Who a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    Chain,
    Node(String),
    KeyServer(String),
    Service(ServiceKind),
}

impl Member {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Chain => CHAIN,
            Self::Node(name) | Self::KeyServer(name) => name,
            Self::Service(kind) => kind.name(),
        }
    }
}

/// All that a network has, each after those it uses, with its process if it was started.
pub(super) fn members(state: &NetworkState) -> Vec<(Member, Option<ProcessId>)> {
    let node = |node: &NodeRecord| (Member::Node(node.name()), node.process);
    let server = |server: &KeyServerRecord| (Member::KeyServer(server.name()), server.process);
    let services = state.services.iter();
    let services = services.map(|service| (Member::Service(service.kind), service.process));
    [(Member::Chain, state.chain.process)]
        .into_iter()
        .chain(state.nodes.iter().map(node))
        .chain(state.key_servers.iter().map(server))
        .chain(services)
        .collect()
}

impl Network {
    /// Kills a process, like a power cut.
    pub fn kill(&self, name: &str) -> anyhow::Result<()> {
        match self.member(name)?.0 {
            Member::Chain => self.stop_chain(How::Kill),
            Member::Node(name) => self.stop_node(&name, How::Kill),
            Member::KeyServer(name) => self.stop_key_server(&name, How::Kill),
            Member::Service(kind) => self.stop_service(kind, How::Kill),
        }
    }

    /// Stops a process where it is, like a machine that hangs.
    pub fn pause(&self, name: &str) -> anyhow::Result<()> {
        self.process(name)?.pause();
        Ok(())
    }

    /// Lets a paused process go on.
    pub fn resume(&self, name: &str) -> anyhow::Result<()> {
        self.process(name)?.resume();
        Ok(())
    }

    /// Lets everything go on that is paused, and starts everything that does not run.
    pub(super) async fn start_all(&self) -> anyhow::Result<()> {
        for (member, process) in members(&self.state_dir.load()?) {
            if let Some(process) = process {
                process.resume();
            }
            match member {
                Member::Chain => self.start_chain().await?,
                Member::Node(name) => self.start_node(&name).await?,
                Member::KeyServer(name) => self.start_key_server(&name).await?,
                Member::Service(kind) => self.start_service(kind).await?,
            }
        }
        Ok(())
    }

    /// The running process with this name.
    fn process(&self, name: &str) -> anyhow::Result<ProcessId> {
        let process = self.member(name)?.1.filter(ProcessId::is_alive);
        process.with_context(|| format!("{name} is stopped"))
    }

    fn member(&self, name: &str) -> anyhow::Result<(Member, Option<ProcessId>)> {
        let members = members(&self.state_dir.load()?);
        let position = members.iter().position(|(member, _)| member.name() == name);
        let known: Vec<&str> = members.iter().map(|(member, _)| member.name()).collect();
        let position = position
            .with_context(|| format!("there is no {name}; there are {}", known.join(", ")))?;
        Ok(members[position].clone())
    }
}
