//! CPU time of the processes that take part: on a machine that all of them share, this is what
//! bounds them, and other work on the machine hardly changes it.

use std::{thread, time::Duration};

use super::report::Measurement;
use crate::{process, report::ReadyReport, state::NetworkState};

/// The processes of a network, besides the clients that this program starts.
#[derive(Debug)]
pub(super) struct Processes {
    nodes: Vec<u32>,
    chain: Option<u32>,
}

/// CPU time, so far or of a while.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    client: Duration,
    nodes: Duration,
    chain: Duration,
}

impl Processes {
    pub(super) fn of(report: &ReadyReport, state: &NetworkState) -> Self {
        Self {
            nodes: report.nodes.iter().filter_map(|node| node.pid).collect(),
            chain: state.chain.process.map(|process| process.pid),
        }
    }

    /// What they have used so far, and the clients that have ended.
    pub(super) fn cpu(&self) -> Cpu {
        let of = |pid: &u32| process::cpu_time(*pid).unwrap_or_default();
        Cpu {
            client: process::cpu_time_of_children().unwrap_or_default(),
            nodes: self.nodes.iter().map(of).sum(),
            chain: self.chain.iter().map(of).sum(),
        }
    }
}

impl Cpu {
    pub(super) fn since(self, before: &Self) -> Self {
        Self {
            client: self.client.saturating_sub(before.client),
            nodes: self.nodes.saturating_sub(before.nodes),
            chain: self.chain.saturating_sub(before.chain),
        }
    }

    pub(super) fn total(&self) -> Duration {
        self.client + self.nodes + self.chain
    }

    /// The parts, and the speed at which they would use up all cores.
    pub(super) fn report(&self, what: &str, blob_bytes: f64) -> Vec<Measurement> {
        let parts = [
            ("client", self.client),
            ("all nodes", self.nodes),
            ("chain", self.chain),
        ];
        let mut measurements: Vec<_> = parts
            .into_iter()
            .map(|(who, time)| {
                let name = format!("{what}, CPU time, {who}");
                Measurement::plain(name, time.as_secs_f64(), "s")
            })
            .collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let seconds = self.total().as_secs_f64();
        if seconds > 0.0 {
            let bound = blob_bytes / seconds * super::as_float(cores);
            let name = format!("limit: {what}, {cores} cores busy");
            measurements.push(Measurement::plain_speed(name, bound));
        }
        measurements
    }
}
