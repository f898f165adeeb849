//! A network in memory: bytes travel between hosts, late, or not at all.
//!
//! Hosts talk HTTP/1.1 over it as they do over TCP. A connection has two pumps, one for each
//! direction, which hold bytes back as long as the link is slow or cut, and may break it in the
//! middle of anything.

mod connector;
mod host;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use stdx::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use crate::trace::Trace;

pub(crate) use host::Host;

/// Bytes that are on their way in one direction of a connection at most.
const WINDOW_BYTES: usize = 64 * 1024;
/// Time of a packet on a link that is not slow.
const LATENCY_MS_MAX: u64 = 4;
/// How long a host tries to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Of so many connections one breaks, while connections break.
const BREAKS_ONE_IN: u32 = 12;
/// A connection that breaks does so within so many bytes.
const BREAK_BYTES_MAX: usize = 8 * 1024;

/// The network; clones are the same one.
#[derive(Clone)]
pub(crate) struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Changes with everything that may let bytes through.
    changes: watch::Sender<u64>,
    trace: Trace,
}

struct State {
    rng: StdRng,
    listeners: BTreeMap<SocketAddr, mpsc::UnboundedSender<Incoming>>,
    /// Hosts that do not hear each other.
    cut: BTreeSet<(IpAddr, IpAddr)>,
    slow: BTreeMap<IpAddr, Duration>,
    liars: BTreeSet<IpAddr>,
    /// Hosts of another implementation, or of an old version of this one.
    others: BTreeSet<IpAddr>,
    breaks: bool,
    next_port: u16,
}

/// A connection that arrives, and from where.
type Incoming = (DuplexStream, SocketAddr);

impl Network {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    rng: StdRng::seed_from_u64(seed),
                    listeners: BTreeMap::new(),
                    cut: BTreeSet::new(),
                    slow: BTreeMap::new(),
                    liars: BTreeSet::new(),
                    others: BTreeSet::new(),
                    breaks: false,
                    next_port: 40_000,
                }),
                changes: watch::channel(0).0,
                trace,
            }),
        }
    }

    /// Keeps two hosts from hearing each other.
    pub(crate) fn cut(&self, one: IpAddr, other: IpAddr) {
        let mut state = self.shared.state.lock();
        state.cut.insert((one, other));
        state.cut.insert((other, one));
    }

    /// Makes everything slow that a host sends and receives.
    pub(crate) fn slow_down(&self, host: IpAddr, delay: Duration) {
        self.shared.state.lock().slow.insert(host, delay);
    }

    /// Lets a host tell lies: its answers are changed on the way.
    pub(crate) fn let_lie(&self, host: IpAddr) {
        self.shared.state.lock().liars.insert(host);
    }

    /// Lets a host have no endpoints but those that every implementation has.
    pub(crate) fn know_the_reference_only(&self, host: IpAddr) {
        self.shared.state.lock().others.insert(host);
    }

    /// Lets connections break, or not.
    pub(crate) fn set_breaks(&self, breaks: bool) {
        self.shared.state.lock().breaks = breaks;
    }

    /// Everybody hears everybody again.
    pub(crate) fn heal_links(&self) {
        let mut state = self.shared.state.lock();
        state.cut.clear();
        state.slow.clear();
        drop(state);
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Nobody lies any more, and nothing breaks.
    pub(crate) fn heal(&self) {
        let mut state = self.shared.state.lock();
        state.liars.clear();
        state.breaks = false;
        drop(state);
        self.heal_links();
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut state = self.shared.state.lock();
        let known = state.listeners.get(&address);
        if known.is_some_and(|known| !known.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.listeners.insert(address, sender);
        Ok(Listener { address, incoming })
    }

    async fn connect(&self, from: IpAddr, to: SocketAddr) -> io::Result<DuplexStream> {
        let open = async {
            self.wait_until_heard(from, to.ip()).await;
            sleep(self.delay(from, to.ip())).await;
        };
        timeout(CONNECT_TIME_MAX, open)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?;
        let mut state = self.shared.state.lock();
        state.next_port = state.next_port.checked_add(1).unwrap_or(40_000);
        let peer = SocketAddr::from((from, state.next_port));
        let breaks = state.breaks && state.rng.gen_ratio(1, BREAKS_ONE_IN);
        let budget = breaks.then(|| state.rng.gen_range(0..BREAK_BYTES_MAX));
        let listener = state.listeners.get(&to).cloned();
        drop(state);
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let listener = listener.ok_or_else(refused)?;
        let (near, near_wire) = tokio::io::duplex(WINDOW_BYTES);
        let (far_wire, far) = tokio::io::duplex(WINDOW_BYTES);
        listener.send((far, peer)).map_err(|_| refused())?;
        let (near_read, near_write) = split(near_wire);
        let (far_read, far_write) = split(far_wire);
        let there = self.pump(from, to.ip(), near_read, far_write, budget);
        let back = self.pump(to.ip(), from, far_read, near_write, budget);
        tokio::spawn(async move {
            // When one direction ends, so does the connection: HTTP/1.1 has no use for half of one.
            tokio::select! {
                biased;
                () = there => {}
                () = back => {}
            }
        });
        Ok(near)
    }

    /// Carries bytes in one direction until one end goes away, or so many have been carried.
    fn pump(
        &self,
        from: IpAddr,
        to: IpAddr,
        mut source: ReadHalf<DuplexStream>,
        mut sink: WriteHalf<DuplexStream>,
        budget: Option<usize>,
    ) -> impl Future<Output = ()> + use<> {
        let network = self.clone();
        async move {
            let mut buffer = vec![0; WINDOW_BYTES];
            let mut left = budget.unwrap_or(usize::MAX);
            loop {
                let Ok(count @ 1..) = source.read(&mut buffer).await else {
                    return;
                };
                sleep(network.delay(from, to)).await;
                network.wait_until_heard(from, to).await;
                let carried = count.min(left);
                left -= carried;
                if sink.write_all(&buffer[..carried]).await.is_err() || left == 0 {
                    return;
                }
            }
        }
    }

    async fn wait_until_heard(&self, from: IpAddr, to: IpAddr) {
        let mut changes = self.shared.changes.subscribe();
        while self.shared.state.lock().cut.contains(&(from, to)) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn delay(&self, from: IpAddr, to: IpAddr) -> Duration {
        let mut state = self.shared.state.lock();
        let latency = Duration::from_millis(state.rng.gen_range(0..=LATENCY_MS_MAX));
        let slow = |host| state.slow.get(&host).copied().unwrap_or_default();
        latency + slow(from) + slow(to)
    }
}

/// Accepts the connections to one address.
pub(crate) struct Listener {
    address: SocketAddr,
    incoming: mpsc::UnboundedReceiver<Incoming>,
}

impl axum::serve::Listener for Listener {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Incoming {
        match self.incoming.recv().await {
            Some(incoming) => incoming,
            // Somebody else listens on the address now.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
