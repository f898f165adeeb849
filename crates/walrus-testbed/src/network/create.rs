//! A network that does not exist yet: its shape and its ports.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};

use super::UpOptions;
use crate::{
    key_servers::{COMMITTEE_MEMBERS, KEY_SERVERS},
    ports,
    service_kind::ServiceKind,
    state::{
        ChainRecord, KeyServerRecord, KeyServerRole, NetworkOptions, NetworkState, NodeRecord,
        ServiceRecord,
    },
};

/// Where the chain's gRPC service listens unless somebody chooses another port.
const RPC_PORT: u16 = 9000;
/// Where the faucet listens unless somebody chooses another port.
const FAUCET_PORT: u16 = 9123;
/// Where the first node listens if this port and those of the other nodes are free.
const NODE_PORT_BASE: u16 = 9185;
/// Where the first node serves metrics if this port and those of the other nodes are free.
const METRICS_PORT_BASE: u16 = 9385;

/// Where the first key server listens if this port and those of the others are free.
const KEY_SERVER_PORT_BASE: u16 = 2024;

/// TCP ports of a new network. `None` stands for the usual ones, 0 for any that are free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// The chain's gRPC service.
    pub rpc: Option<u16>,
    /// The faucet.
    pub faucet: Option<u16>,
    /// The first node; the others follow it. The usual ones are taken only if all of them are free.
    pub node_base: Option<u16>,
    /// Metrics of the first node; those of the others follow them, with the same reserve.
    pub metrics_base: Option<u16>,
    /// The first key server; the others follow it, and their metrics follow them, with the same
    /// reserve.
    pub key_server_base: Option<u16>,
    /// The first service; the others follow it, and their metrics follow them. Without it, each has
    /// its own usual one if that is free.
    pub service_base: Option<u16>,
}

impl Ports {
    /// Any that are free.
    pub const ANY: Self = Self {
        rpc: Some(0),
        faucet: Some(0),
        node_base: Some(0),
        metrics_base: Some(0),
        key_server_base: Some(0),
        service_base: Some(0),
    };
}

/// The state of a new network.
pub(super) fn create(up: &UpOptions) -> anyhow::Result<NetworkState> {
    let nodes = up.options.nodes;
    let mut chosen = Chosen::default();
    let rpc_port = chosen.one("--rpc-port", up.ports.rpc, RPC_PORT)?;
    let faucet_port = chosen.one("--faucet-port", up.ports.faucet, FAUCET_PORT)?;
    let node_ports = chosen.row(
        "--node-port-base",
        up.ports.node_base,
        NODE_PORT_BASE,
        nodes,
    )?;
    let metrics = up.ports.metrics_base;
    let metrics_ports = chosen.row("--metrics-port-base", metrics, METRICS_PORT_BASE, nodes)?;
    let key_servers = key_servers(&mut chosen, up, &[])?;
    let services = services(&mut chosen, up.ports.service_base, &up.services)?;
    let chain = ChainRecord {
        rpc_port,
        faucet_port,
        process: None,
    };
    let nodes = (0..nodes).zip(node_ports).zip(metrics_ports);
    let nodes = nodes.map(|((index, port), metrics_port)| NodeRecord {
        index,
        port,
        metrics_port,
        registered: None,
        process: None,
        port_behind: None,
    });
    let mut state = NetworkState::new(up.options.clone(), chain, nodes.collect());
    state.key_servers = key_servers;
    state.services = services;
    Ok(state)
}

/// The key servers that are asked for, those that `known` has excepted.
fn key_servers(
    chosen: &mut Chosen,
    up: &UpOptions,
    known: &[KeyServerRecord],
) -> anyhow::Result<Vec<KeyServerRecord>> {
    let has = |role| known.iter().any(|server| server.role == role);
    let count = |role, wanted: bool, count: u16| {
        let count = if wanted && !has(role) { count } else { 0 };
        (0..count).map(move |index| (role, index))
    };
    let (independent, committee) = (up.key_servers.independent, up.key_servers.committee);
    let wanted: Vec<_> = count(KeyServerRole::Independent, independent, KEY_SERVERS)
        .chain(count(KeyServerRole::Member, committee, COMMITTEE_MEMBERS))
        .chain(count(KeyServerRole::Aggregator, committee, 1))
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let total = u16::try_from(wanted.len()).context("too many key servers")?;
    // Those that are there have the usual ones.
    let base = if known.is_empty() {
        up.ports.key_server_base
    } else {
        Some(0)
    };
    let mut ports = chosen.row(
        "--key-server-port-base",
        base,
        KEY_SERVER_PORT_BASE,
        2 * total,
    )?;
    let metrics_ports = ports.split_off(wanted.len());
    let servers = wanted.into_iter().zip(ports).zip(metrics_ports);
    let servers = servers.map(|(((role, index), port), metrics_port)| KeyServerRecord {
        role,
        index,
        port,
        metrics_port,
        object: None,
        process: None,
    });
    Ok(servers.collect())
}

/// Gives a network that exists the key servers that it has not.
pub(super) fn add_key_servers(state: &mut NetworkState, up: &UpOptions) -> anyhow::Result<()> {
    let added = key_servers(&mut Chosen::of(state), up, &state.key_servers)?;
    state.key_servers.extend(added);
    Ok(())
}

/// The services of a network, each once.
fn services(
    chosen: &mut Chosen,
    base: Option<u16>,
    wanted: &[ServiceKind],
) -> anyhow::Result<Vec<ServiceRecord>> {
    let kinds: BTreeSet<ServiceKind> = wanted.iter().copied().collect();
    let count = u16::try_from(kinds.len()).context("there are few kinds of services")?;
    let mut ports = if base.is_some() {
        chosen.row("--service-port-base", base, 0, 2 * count)?
    } else {
        let mut ports = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            ports.push(chosen.usual(kind.usual_port())?);
        }
        ports.extend(chosen.row("", Some(0), 0, count)?);
        ports
    };
    let metrics_ports = ports.split_off(kinds.len());
    let services = kinds.into_iter().zip(ports).zip(metrics_ports);
    let services = services.map(|((kind, port), metrics_port)| ServiceRecord {
        kind,
        port,
        metrics_port,
        process: None,
    });
    Ok(services.collect())
}

/// Gives services to a network that exists without them.
pub(super) fn add_services(state: &mut NetworkState, up: &UpOptions) -> anyhow::Result<()> {
    let is_there = |kind: &ServiceKind| state.services.iter().any(|service| service.kind == *kind);
    let mut wanted = up.services.clone();
    wanted.retain(|kind| !is_there(kind));
    let new = services(&mut Chosen::of(state), up.ports.service_base, &wanted)?;
    state.services.extend(new);
    Ok(())
}

/// Fails if a network that exists has not what is asked for.
pub(super) fn check_same(state: &NetworkState, up: &UpOptions) -> anyhow::Result<()> {
    let NetworkOptions { nodes, shards, .. } = state.options;
    ensure!(
        state.options == up.options,
        "the network has another shape: {nodes} nodes, {shards} shards, epochs of {} s, {} epochs ahead, {} accounts, {} TLS; \
         use --reset to start over",
        state.options.epoch_duration_ms / 1000,
        state.options.epochs_ahead_max,
        state.options.accounts,
        if state.options.tls { "with" } else { "without" }
    );
    let node = state.nodes.first();
    let fixed = [
        ("--rpc-port", up.ports.rpc, Some(state.chain.rpc_port)),
        (
            "--faucet-port",
            up.ports.faucet,
            Some(state.chain.faucet_port),
        ),
        (
            "--node-port-base",
            up.ports.node_base,
            node.map(|node| node.port),
        ),
        (
            "--metrics-port-base",
            up.ports.metrics_base,
            node.map(|node| node.metrics_port),
        ),
    ];
    for (option, wanted, present) in fixed {
        let is_other = wanted.is_some_and(|wanted| wanted != 0 && Some(wanted) != present);
        ensure!(
            !is_other,
            "the network has port {} for {option}, and keeps it; use --reset to start over",
            present.unwrap_or_default()
        );
    }
    Ok(())
}

/// Ports that are given away already.
#[derive(Default)]
struct Chosen(Vec<u16>);

impl Chosen {
    /// The ports of a network.
    fn of(state: &NetworkState) -> Self {
        let nodes = state.nodes.iter();
        let nodes = nodes.flat_map(|node| [node.port, node.metrics_port]);
        let servers = state.key_servers.iter();
        let servers = servers.flat_map(|server| [server.port, server.metrics_port]);
        let services = state.services.iter();
        let services = services.flat_map(|service| [service.port, service.metrics_port]);
        let chain = [state.chain.rpc_port, state.chain.faucet_port];
        Self(nodes.chain(servers).chain(services).chain(chain).collect())
    }

    /// A port if it is free, else any that is.
    fn usual(&mut self, port: u16) -> anyhow::Result<u16> {
        let port = if self.is_free(port) {
            port
        } else {
            self.any(1)?[0]
        };
        self.0.push(port);
        Ok(port)
    }

    fn is_free(&self, port: u16) -> bool {
        !self.0.contains(&port) && ports::is_free(port)
    }

    fn one(&mut self, option: &str, wanted: Option<u16>, usual: u16) -> anyhow::Result<u16> {
        let port = match wanted.unwrap_or(usual) {
            0 => self.any(1)?[0],
            port => {
                ensure!(
                    self.is_free(port),
                    "port {port} is in use: choose another with {option}, or any free one with {option} 0"
                );
                port
            }
        };
        self.0.push(port);
        Ok(port)
    }

    /// `count` ports in a row, or any that are free.
    fn row(
        &mut self,
        option: &str,
        wanted: Option<u16>,
        usual: u16,
        count: u16,
    ) -> anyhow::Result<Vec<u16>> {
        let base = wanted.unwrap_or(usual);
        let row: Vec<u16> = (0..count)
            .filter_map(|index| base.checked_add(index))
            .collect();
        let is_complete = row.len() == usize::from(count);
        let taken = row.iter().find(|port| !self.is_free(**port));
        let ports = match (wanted, taken) {
            (Some(0), _) => self.any(count)?,
            (_, None) if is_complete => row,
            (None, _) => self.any(count)?,
            (Some(_), Some(port)) => {
                bail!("port {port} is in use: choose another {option}, or 0 for any free ones")
            }
            (Some(_), None) => {
                bail!("{option} {base} leaves no room for the ports of {count} nodes")
            }
        };
        self.0.extend(&ports);
        Ok(ports)
    }

    fn any(&self, count: u16) -> anyhow::Result<Vec<u16>> {
        let wanted = usize::from(count);
        let mut free = ports::free_ports(wanted + self.0.len())?;
        free.retain(|port| !self.0.contains(port));
        free.truncate(wanted);
        ensure!(free.len() == wanted, "too few ports are free");
        Ok(free)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::network::KeyServers;

    fn up(ports: Ports) -> UpOptions {
        UpOptions {
            options: NetworkOptions::default(),
            ports,
            reset: false,
            packages: Vec::new(),
            services: Vec::new(),
            key_servers: KeyServers::default(),
        }
    }

    #[test]
    fn ports_are_chosen_in_a_row() {
        let free = ports::free_ports(64).unwrap();
        let base = free
            .into_iter()
            .find(|base| (*base..).take(8).all(ports::is_free))
            .unwrap();
        let wanted = Ports {
            node_base: Some(base),
            metrics_base: Some(base + 4),
            ..Ports::ANY
        };
        let state = create(&up(wanted)).unwrap();
        let nodes = state.nodes.iter();
        let (node, metrics): (Vec<u16>, Vec<u16>) =
            nodes.map(|node| (node.port, node.metrics_port)).unzip();
        assert_eq!(node, (base..base + 4).collect::<Vec<_>>());
        assert_eq!(metrics, (base + 4..base + 8).collect::<Vec<_>>());
        check_same(&state, &up(wanted)).unwrap();
        check_same(&state, &up(Ports::default())).unwrap();
        check_same(&state, &up(Ports::ANY)).unwrap();
        let other = Ports {
            node_base: Some(base + 1),
            ..wanted
        };
        let error = check_same(&state, &up(other)).unwrap_err().to_string();
        assert!(error.contains("--node-port-base"), "{error}");
    }

    #[test]
    fn services_come_once_and_later_too() {
        let mut wanted = up(Ports::ANY);
        wanted.services = vec![ServiceKind::Relay, ServiceKind::Relay];
        let mut state = create(&wanted).unwrap();
        assert_eq!(state.services.len(), 1);
        let relay = state.services[0].clone();
        wanted.services = ServiceKind::ALL.to_vec();
        add_services(&mut state, &wanted).unwrap();
        let kinds: Vec<_> = state.services.iter().map(|service| service.kind).collect();
        let added = [ServiceKind::Relay, ServiceKind::Gateway, ServiceKind::S3];
        assert_eq!(kinds, added);
        assert_eq!(state.services[0], relay, "what is there keeps its ports");
    }

    #[test]
    fn ports_that_cannot_be_had_are_named() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        for (ports, part) in [
            (
                Ports {
                    rpc: Some(port),
                    ..Ports::ANY
                },
                "--rpc-port",
            ),
            (
                Ports {
                    faucet: Some(port),
                    ..Ports::ANY
                },
                "--faucet-port",
            ),
            (
                Ports {
                    node_base: Some(port - 3),
                    ..Ports::ANY
                },
                "--node-port-base",
            ),
            (
                Ports {
                    metrics_base: Some(u16::MAX),
                    ..Ports::ANY
                },
                "no room",
            ),
            (
                Ports {
                    node_base: Some(port + 1),
                    metrics_base: Some(port + 2),
                    ..Ports::ANY
                },
                "is in use",
            ),
        ] {
            let error = create(&up(ports)).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
