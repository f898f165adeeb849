//! What each client may hold at the same time.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::extract::ConnectInfo;
use stdx::Mutex;
use tonic::{Code, Request, Status};

use super::errors;

/// Requests of one kind that are open, by the address they came from.
#[derive(Debug)]
pub(super) struct Peers {
    /// What is counted, as refusals say it.
    kind: &'static str,
    each_max: usize,
    open: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Peers {
    /// Allows every address `each_max` open requests.
    pub(super) fn new(kind: &'static str, each_max: usize) -> Arc<Self> {
        Arc::new(Self {
            kind,
            each_max,
            open: Mutex::default(),
        })
    }

    /// Counts a request until the lease is dropped.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Lease, Status> {
        let mut open = self.open.lock();
        let count = open.entry(peer).or_default();
        if *count >= self.each_max {
            let message = format!(
                "{peer} has {} {} open; finish or cancel some of them first",
                self.each_max, self.kind
            );
            return Err(errors::plain(Code::ResourceExhausted, message));
        }
        *count += 1;
        Ok(Lease {
            peers: Arc::clone(self),
            peer,
        })
    }
}

/// One open request.
#[derive(Debug)]
pub(super) struct Lease {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut open = self.peers.open.lock();
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

/// Where a request came from. Those that came over no socket count together.
pub(super) fn of<T>(request: &Request<T>) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connected.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(address)| {
        address.ip().to_canonical()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_share_until_it_lets_go() {
        let peers = Peers::new("streams", 2);
        let [one, other] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let held: Vec<Lease> = (0..2).filter_map(|_| peers.admit(one).ok()).collect();
        let refused = peers.admit(one).expect_err("two are open");
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(peers.admit(other).is_ok());
        drop(held);
        assert!(peers.admit(one).is_ok());
        assert!(peers.open.lock().is_empty());
    }
}
