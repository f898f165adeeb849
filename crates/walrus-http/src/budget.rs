//! Sharing what is scarce among peers.
//!
//! A [`Budget`] bounds something of which the server has only so much: bytes of memory, requests,
//! places in a cache. Everything taken from it is taken in the name of a [`Holder`], which is one
//! connection of one address.
//!
//! The rule is that of dynamic thresholds (Choudhury and Hahne, 1998): an address may hold as much
//! as it leaves over for all others, and a connection as much as it leaves over for its address.
//! One greedy address gets half of the whole, two get a third each, and there is always room for
//! the next. A fixed share per address would be too small for a client that is alone, and useless
//! on a network where everybody has the same address.
//!
//! Whoever holds nothing may take one item of any size that fits, so that large items do not wait
//! for ever.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use stdx::{Mutex, SaturatingFrom as _};
use tokio::{sync::oneshot, time::timeout};

/// Bits of an IPv6 address that name a site; whoever has one address of it has them all.
const IPV6_SITE_MASK: u128 = !0 << 64;

/// What counts as one peer: an IPv4 address, or a /64 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress(IpAddr);

impl From<IpAddr> for PeerAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & IPV6_SITE_MASK).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// In whose name something is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The peer.
    pub address: PeerAddress,
    /// Which of its connections.
    pub connection: u64,
}

impl Holder {
    /// The server itself, for what no peer has asked for.
    pub const NODE: Self = Self {
        address: PeerAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        connection: 0,
    };
}

/// Something scarce.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    state: Mutex<State>,
    /// Shows what is taken at any moment.
    gauge: Gauge<u64, AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    by_address: HashMap<PeerAddress, usize>,
    by_connection: HashMap<Holder, usize>,
    queue: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    holder: Holder,
    amount: usize,
    granted: oneshot::Sender<Lease>,
}

/// A part of a budget; dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    holder: Holder,
    amount: usize,
}

impl Budget {
    /// A budget of `total` units, at least one.
    pub fn new(total: usize) -> Arc<Self> {
        Self::with_gauge(total, Gauge::default())
    }

    /// The same, with a metric that always shows what is taken.
    pub fn with_gauge(total: usize, gauge: Gauge<u64, AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            total: total.max(1),
            state: Mutex::default(),
            gauge,
        })
    }

    /// The whole.
    pub fn total(&self) -> usize {
        self.total
    }

    /// What is taken now.
    pub fn used(&self) -> usize {
        self.state.lock().used
    }

    /// Takes `amount` (at most the whole) at once, or nothing if that is more than the holder's
    /// share.
    pub fn try_take(self: &Arc<Self>, holder: Holder, amount: usize) -> Option<Lease> {
        let amount = amount.min(self.total);
        let mut state = self.state.lock();
        if !state.admits(self.total, holder, amount) {
            return None;
        }
        Some(self.grant(&mut state, holder, amount))
    }

    /// Takes `amount` (at most the whole), or waits for it; `None` when it took longer than
    /// `wait_max`.
    pub async fn take(
        self: &Arc<Self>,
        holder: Holder,
        amount: usize,
        wait_max: Duration,
    ) -> Option<Lease> {
        let amount = amount.min(self.total);
        let turn = {
            let mut state = self.state.lock();
            if state.admits(self.total, holder, amount) {
                return Some(self.grant(&mut state, holder, amount));
            }
            let (granted, turn) = oneshot::channel();
            // Those who gave up are not told; this keeps the queue as long as there are requests.
            state.queue.retain(|waiting| !waiting.granted.is_closed());
            state.queue.push_back(Waiting {
                holder,
                amount,
                granted,
            });
            turn
        };
        timeout(wait_max, turn).await.ok()?.ok()
    }

    /// Whether `amount` would be granted now. The answer may be out of date at once.
    pub fn has_room(&self, holder: Holder, amount: usize) -> bool {
        self.state
            .lock()
            .admits(self.total, holder, amount.min(self.total))
    }

    fn grant(self: &Arc<Self>, state: &mut State, holder: Holder, amount: usize) -> Lease {
        state.add(holder, amount);
        self.show(state);
        Lease {
            budget: self.clone(),
            holder,
            amount,
        }
    }

    fn release(self: &Arc<Self>, holder: Holder, amount: usize) {
        let mut granted = Vec::new();
        {
            let mut state = self.state.lock();
            state.subtract(holder, amount);
            for _ in 0..state.queue.len() {
                let Some(waiting) = state.queue.pop_front() else {
                    break;
                };
                if waiting.granted.is_closed() {
                    continue;
                }
                if state.admits(self.total, waiting.holder, waiting.amount) {
                    let lease = self.grant(&mut state, waiting.holder, waiting.amount);
                    granted.push((waiting.granted, lease));
                } else {
                    state.queue.push_back(waiting);
                }
            }
            self.show(&state);
        }
        for (waiting, lease) in granted {
            // Whoever gave up in this moment gives the lease back by dropping it.
            drop(waiting.send(lease));
        }
    }

    fn show(&self, state: &State) {
        self.gauge.set(u64::saturating_from(state.used));
    }
}

impl State {
    fn admits(&self, total: usize, holder: Holder, amount: usize) -> bool {
        let Some(left) = total.checked_sub(self.used.saturating_add(amount)) else {
            return false;
        };
        let of_address = self.by_address.get(&holder.address).copied().unwrap_or(0);
        if of_address == 0 {
            return true;
        }
        let Some(left_for_address) = left.checked_sub(of_address.saturating_add(amount)) else {
            return false;
        };
        let of_connection = self.by_connection.get(&holder).copied().unwrap_or(0);
        of_connection == 0 || of_connection.saturating_add(amount) <= left_for_address
    }

    fn add(&mut self, holder: Holder, amount: usize) {
        self.used += amount;
        *self.by_address.entry(holder.address).or_default() += amount;
        *self.by_connection.entry(holder).or_default() += amount;
    }

    fn subtract(&mut self, holder: Holder, amount: usize) {
        self.used -= amount;
        subtract(&mut self.by_address, &holder.address, amount);
        subtract(&mut self.by_connection, &holder, amount);
    }
}

/// Takes from a sum, and forgets it at zero.
fn subtract<K: std::hash::Hash + Eq>(sums: &mut HashMap<K, usize>, key: &K, amount: usize) {
    if let Some(sum) = sums.get_mut(key) {
        *sum -= amount;
        if *sum == 0 {
            sums.remove(key);
        }
    }
}

impl Lease {
    /// What is taken.
    pub fn amount(&self) -> usize {
        self.amount
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.release(self.holder, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn holder(address: u8, connection: u64) -> Holder {
        Holder {
            address: IpAddr::from([10, 0, 0, address]).into(),
            connection,
        }
    }

    /// Takes one unit after the other until no more is given.
    fn drain(budget: &Arc<Budget>, holder: Holder) -> Vec<Lease> {
        std::iter::from_fn(|| budget.try_take(holder, 1)).collect()
    }

    #[test]
    fn greed_is_bounded_by_what_it_leaves() {
        let budget = Budget::new(900);
        let first = drain(&budget, holder(1, 1));
        assert_eq!(first.len(), 300, "one connection");
        let second: Vec<_> = (2..200)
            .flat_map(|connection| drain(&budget, holder(1, connection)))
            .collect();
        assert_eq!(first.len() + second.len(), 450, "one address");
        let other: Vec<_> = (0..200)
            .flat_map(|connection| drain(&budget, holder(2, connection)))
            .collect();
        assert_eq!(other.len(), 225, "the next address");
        assert!(budget.try_take(holder(3, 1), 225).is_some(), "room for one");
        drop((first, second, other));
        assert_eq!(budget.used(), 0);
        assert!(budget.state.lock().by_connection.is_empty());
    }

    #[test]
    fn who_holds_nothing_may_take_one_item_of_any_size() {
        let budget = Budget::new(10);
        let all = budget.try_take(holder(1, 1), 100).unwrap();
        assert_eq!(all.amount(), 10);
        assert!(budget.try_take(holder(2, 1), 1).is_none());
        drop(all);
        assert!(budget.try_take(holder(2, 1), 8).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_served_in_order_past_those_beyond_their_share() {
        let budget = Budget::new(12);
        let greedy = drain(&budget, holder(1, 1));
        assert_eq!(greedy.len(), 4);
        let waits = budget.take(holder(1, 1), 4, WAIT);
        tokio::pin!(waits);
        assert!(futures::poll!(waits.as_mut()).is_pending());
        let other = budget.take(holder(2, 1), 8, WAIT).await.unwrap();
        drop(greedy);
        let lease = waits.await.unwrap();
        assert_eq!((lease.amount(), budget.used()), (4, 12));
        assert!(budget.take(holder(3, 1), 1, WAIT).await.is_none(), "full");
        drop((lease, other));
        assert_eq!(budget.used(), 0);
        assert!(budget.take(holder(3, 1), 1, WAIT).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_holds_nothing() {
        let budget = Budget::new(4);
        let all = budget.try_take(holder(1, 1), 4).unwrap();
        {
            let waits = budget.take(holder(2, 1), 4, WAIT);
            tokio::pin!(waits);
            assert!(futures::poll!(waits.as_mut()).is_pending());
        }
        drop(all);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn addresses_of_one_site_are_one_peer() {
        let peer = |text: &str| PeerAddress::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }
}
