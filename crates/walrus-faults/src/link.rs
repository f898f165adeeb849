//! A TCP connection that can be slow, silent or cut.

use std::{collections::BTreeMap, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// Bytes that are handed on at once.
const CHUNK_BYTES: usize = 1 << 14;

/// The state of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Everything passes at once.
    #[default]
    Open,
    /// Connections are refused, and those that are open end.
    Cut,
    /// Connections stay and nothing passes: what is lost without a word.
    Silent,
    /// Everything passes late.
    Slow {
        /// Time everything takes, one way.
        delay_ms: u64,
        /// Bytes a second in each direction; 0 for any number.
        bytes_per_second: u32,
    },
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Cut => f.write_str("cut"),
            Self::Silent => f.write_str("silent"),
            Self::Slow {
                delay_ms,
                bytes_per_second: 0,
            } => write!(f, "{delay_ms} ms late"),
            Self::Slow {
                delay_ms,
                bytes_per_second,
            } => write!(f, "{delay_ms} ms late, {bytes_per_second} B/s"),
        }
    }
}

/// Who is calling, by the address of the other end.
pub type WhoIs = Arc<dyn Fn(SocketAddr) -> Option<String> + Send + Sync>;

/// States by caller; those that are not named have the state of everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStates {
    /// The state for everybody else.
    #[serde(default)]
    pub everybody: LinkState,
    /// The states for some.
    #[serde(default)]
    pub callers: BTreeMap<String, LinkState>,
}

impl LinkStates {
    /// One state for all.
    pub fn all(everybody: LinkState) -> Self {
        Self {
            everybody,
            callers: BTreeMap::new(),
        }
    }

    /// The state for one caller.
    pub fn of(&self, caller: Option<&str>) -> LinkState {
        caller
            .and_then(|caller| self.callers.get(caller))
            .copied()
            .unwrap_or(self.everybody)
    }

    /// Whether nothing is wrong for anybody.
    pub fn is_open(&self) -> bool {
        self.everybody == LinkState::Open
            && self.callers.values().all(|state| *state == LinkState::Open)
    }
}

/// A way to a server. Dropping it ends all connections.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    states: watch::Sender<LinkStates>,
    accepting: JoinHandle<()>,
}

impl Link {
    /// Listens on `listen` in front of `upstream`, for everybody alike.
    pub async fn start(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        Self::start_knowing(listen, upstream, Arc::new(|_| None)).await
    }

    /// The same; `who_is` tells callers apart.
    pub async fn start_knowing(
        listen: SocketAddr,
        upstream: SocketAddr,
        who_is: WhoIs,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let (states, seen) = watch::channel(LinkStates::default());
        Ok(Self {
            address: listener.local_addr()?,
            states,
            accepting: tokio::spawn(accept(listener, upstream, who_is, seen)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Brings the link into a state for everybody. Connections that are open feel it, too.
    pub fn set(&self, state: LinkState) {
        self.set_states(LinkStates::all(state));
    }

    /// Brings the link into states by caller.
    pub fn set_states(&self, states: LinkStates) {
        self.states.send_replace(states);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    who_is: WhoIs,
    states: watch::Receiver<LinkStates>,
) {
    // Dropped at the end, together with all connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, address)) = accepted else { return };
                let caller = who_is(address);
                let state = State { states: states.clone(), caller };
                connections.spawn(serve(client, upstream, state));
            }
            // What has ended is let go.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The state of one connection.
#[derive(Clone)]
struct State {
    states: watch::Receiver<LinkStates>,
    caller: Option<String>,
}

impl State {
    fn now(&self) -> LinkState {
        self.states.borrow().of(self.caller.as_deref())
    }

    async fn wait_for(&mut self, wanted: impl Fn(LinkState) -> bool) {
        let caller = self.caller.clone();
        let states = self
            .states
            .wait_for(|states| wanted(states.of(caller.as_deref())));
        // The link is going away, and this connection with it.
        if states.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn serve(client: TcpStream, upstream: SocketAddr, mut state: State) {
    if state.now() == LinkState::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    for stream in [&client, &server] {
        // Small pieces are not to wait for each other; a stream that refuses is only slower.
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (there, back) = (state.clone(), state.clone());
    tokio::select! {
        () = state.wait_for(|state| state == LinkState::Cut) => {}
        () = async {
            tokio::join!(
                hand_on(from_client, to_server, there),
                hand_on(from_server, to_client, back),
            );
        } => {}
    }
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: State,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if let LinkState::Slow {
            delay_ms,
            bytes_per_second,
        } = state.now()
        {
            sleep(Duration::from_millis(delay_ms) + time_for(length, bytes_per_second)).await;
        }
        state.wait_for(|state| state != LinkState::Silent).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    // The other direction may go on.
    let _ = to.shutdown().await;
}

fn time_for(bytes: usize, bytes_per_second: u32) -> Duration {
    if bytes_per_second == 0 {
        return Duration::ZERO;
    }
    let bytes = u32::saturating_from(bytes);
    Duration::from_secs_f64(f64::from(bytes) / f64::from(bytes_per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    /// A server that sends back what it gets.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream, word: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(word).await?;
        let mut answer = vec![0; word.len()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn what_is_said_arrives_until_the_link_is_cut() {
        let link = Link::start(ANY, echo().await).await.unwrap();
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(ask(&mut stream, b"one").await.unwrap(), b"one");
        link.set(LinkState::Slow {
            delay_ms: 5,
            bytes_per_second: 1_000,
        });
        assert_eq!(ask(&mut stream, b"two").await.unwrap(), b"two");
        link.set(LinkState::Cut);
        // The end comes with or without an error.
        assert!(ask(&mut stream, b"three").await.is_err());
        let mut refused = TcpStream::connect(link.address()).await.unwrap();
        assert!(ask(&mut refused, b"four").await.is_err());
        link.set(LinkState::Open);
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(ask(&mut stream, b"five").await.unwrap(), b"five");
    }

    #[tokio::test]
    async fn silence_loses_nothing_and_callers_are_told_apart() {
        let who_is: WhoIs = Arc::new(|address| Some(address.ip().to_string()));
        let link = Link::start_knowing(ANY, echo().await, who_is)
            .await
            .unwrap();
        let connect = async |from: [u8; 4]| {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((from, 0).into()).unwrap();
            socket.connect(link.address()).await.unwrap()
        };
        let mut states = LinkStates::default();
        states.callers.insert("127.0.0.2".into(), LinkState::Silent);
        link.set_states(states);
        let mut silent = connect([127, 0, 0, 2]).await;
        let mut open = connect([127, 0, 0, 3]).await;
        silent.write_all(b"late").await.unwrap();
        assert_eq!(ask(&mut open, b"now").await.unwrap(), b"now");
        link.set(LinkState::Open);
        let mut answer = [0; 4];
        silent.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"late");
    }
}
