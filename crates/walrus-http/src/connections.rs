//! Who is connected. When there is no room left, the connection that has been idle longest makes
//! some.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use prometheus_client::metrics::gauge::Gauge;
use stdx::{Mutex, SaturatingFrom as _};

use crate::{
    budget::{Holder, PeerAddress},
    exchange::Connection,
};

/// All open connections.
#[derive(Debug)]
pub(crate) struct Connections {
    max: usize,
    open: Gauge<i64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    connections: BTreeMap<u64, Arc<Connection>>,
    by_address: HashMap<PeerAddress, usize>,
}

/// A place among the open connections; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Connections {
    /// Room for `max` connections; `open` counts them.
    pub(crate) fn new(max: usize, open: Gauge<i64>) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1),
            open,
            state: Mutex::default(),
        })
    }

    /// Takes up a connection from `address`; `None` if that would be more than its share and no
    /// idle connection can go.
    ///
    /// The share is as in [`crate::budget`]: an address may have as many connections as it leaves
    /// over for others.
    pub(crate) fn admit(self: &Arc<Self>, address: PeerAddress) -> Option<Place> {
        let mut state = self.state.lock();
        let of_address = state.by_address.get(&address).copied().unwrap_or(0);
        let left = self.max.saturating_sub(state.connections.len());
        if left == 0 {
            // Those who have most give first.
            let victim = state.idlest(|_| true)?;
            state.evict(victim);
        } else if of_address > 0 && of_address + 1 > left - 1 {
            let victim = state.idlest(|holder| holder.address == address)?;
            state.evict(victim);
        }
        state.next += 1;
        let connection = Connection::new(Holder {
            address,
            connection: state.next,
        });
        let number = state.next;
        state.connections.insert(number, connection.clone());
        *state.by_address.entry(address).or_default() += 1;
        self.show(&state);
        Some(Place {
            connections: self.clone(),
            connection,
        })
    }

    fn show(&self, state: &State) {
        self.open.set(i64::saturating_from(state.connections.len()));
    }
}

impl State {
    /// Of the connections `among` allows, the one idle longest of the address that has most.
    fn idlest(&self, among: impl Fn(Holder) -> bool) -> Option<u64> {
        self.connections
            .values()
            .filter(|connection| among(connection.holder()))
            .filter_map(|connection| {
                let holder = connection.holder();
                let of_address = self.by_address.get(&holder.address).copied().unwrap_or(0);
                let since = connection.idle_since()?;
                Some((usize::MAX - of_address, since, holder.connection))
            })
            .min()
            .map(|(_, _, number)| number)
    }

    fn evict(&mut self, number: u64) {
        if let Some(connection) = self.remove(number) {
            connection.evict();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let connection = self.connections.remove(&number)?;
        let address = connection.holder().address;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        Some(connection)
    }
}

impl Place {
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.connections.state.lock();
        // Evicted ones are gone already.
        state.remove(self.connection.holder().connection);
        self.connections.show(&state);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::exchange::Exchange;

    fn address(last: u8) -> PeerAddress {
        IpAddr::from([10, 0, 0, last]).into()
    }

    #[tokio::test]
    async fn an_address_gets_half_and_its_idlest_goes_first() {
        let connections = Connections::new(8, Gauge::default());
        let places: Vec<_> = (0..10)
            .map(|_| connections.admit(address(1)).unwrap())
            .collect();
        assert_eq!(connections.state.lock().connections.len(), 4);
        let kept: Vec<_> = connections
            .state
            .lock()
            .connections
            .keys()
            .copied()
            .collect();
        assert_eq!(kept, [7, 8, 9, 10], "the oldest made room");
        let busy: Vec<_> = places
            .iter()
            .map(|place| Exchange::begin(place.connection().clone(), None, Gauge::default()))
            .collect();
        assert!(connections.admit(address(1)).is_none(), "nobody is idle");
        let other = connections.admit(address(2)).unwrap();
        drop(busy);
        drop(places);
        assert_eq!(connections.state.lock().connections.len(), 1);
        drop(other);
        assert!(connections.state.lock().by_address.is_empty());
    }

    #[tokio::test]
    async fn when_all_is_full_the_idlest_makes_room() {
        let connections = Connections::new(4, Gauge::default());
        let addresses = |connections: &Connections| -> Vec<_> {
            let state = connections.state.lock();
            let all = state.connections.values();
            all.map(|connection| connection.holder().address).collect()
        };
        let mut places: Vec<_> = [1, 2, 3, 4]
            .into_iter()
            .filter_map(|last| connections.admit(address(last)))
            .collect();
        let busy = Exchange::begin(places[0].connection().clone(), None, Gauge::default());
        places.extend(connections.admit(address(5)));
        assert_eq!(addresses(&connections), [1, 3, 4, 5].map(address));
        drop(busy);
    }
}
