//! Choosing TCP ports that stay valid across restarts.
//!
//! Node addresses are registered on chain, so a node must come back on the port it had. Ports are
//! therefore picked once, below the range the kernel hands out to outgoing connections.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::Rng as _;

/// First port that [`free_ports`] may pick.
pub const PORT_MIN: u16 = 10_000;
/// One past the last port that [`free_ports`] may pick; Linux uses 32768 and up for clients.
pub const PORT_END: u16 = 32_000;
/// How many random ports are tried before giving up.
const ATTEMPTS_MAX: usize = 1_000;

/// No free port could be found.
#[derive(Debug, thiserror::Error)]
#[error("no free TCP port found between {PORT_MIN} and {PORT_END} on the loopback interface")]
pub struct NoFreePort;

/// Whether a listener can be bound to `port` on the loopback interface now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

/// `count` distinct ports that are free now.
pub fn free_ports(count: usize) -> Result<Vec<u16>, NoFreePort> {
    let mut rng = rand::thread_rng();
    let mut ports = Vec::with_capacity(count);
    for _ in 0..ATTEMPTS_MAX.max(count * 4) {
        if ports.len() == count {
            break;
        }
        let port = rng.gen_range(PORT_MIN..PORT_END);
        if !ports.contains(&port) && is_free(port) {
            ports.push(port);
        }
    }
    if ports.len() == count {
        Ok(ports)
    } else {
        Err(NoFreePort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_in_range() {
        let ports = free_ports(16).unwrap();
        let distinct: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), 16);
        assert!(ports.iter().all(|port| (PORT_MIN..PORT_END).contains(port)));
    }

    #[test]
    fn a_bound_port_is_not_free() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
