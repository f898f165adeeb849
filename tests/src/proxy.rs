//! A full node that dies at a chosen moment: a proxy in front of one that lives on.

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

/// Bytes that are handed on at once.
const CHUNK_BYTES: usize = 1 << 16;

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;
type Question = Box<dyn Fn() -> Answer + Send + Sync>;

/// When a proxy dies by itself.
#[derive(Default)]
pub struct Deadly {
    before_request: Option<Question>,
    before_answer: Option<Question>,
}

impl Deadly {
    /// It dies instead of handing on something of a client, if `question` says so.
    pub fn before_request<F: Future<Output = bool> + Send + 'static>(
        question: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            before_request: Some(Box::new(move || Box::pin(question()))),
            before_answer: None,
        }
    }

    /// It dies instead of handing on something of the full node, if `question` says so.
    pub fn before_answer<F: Future<Output = bool> + Send + 'static>(
        question: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            before_request: None,
            before_answer: Some(Box::new(move || Box::pin(question()))),
        }
    }
}

struct Shared {
    upstream: String,
    deadly: Deadly,
    death: Notify,
}

/// The proxy.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of the full node at `url`, on any port.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn start(url: &str, deadly: Deadly) -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), url, deadly).await
    }

    async fn listen(address: SocketAddr, url: &str, deadly: Deadly) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let upstream = url.trim_start_matches("http://").trim_end_matches('/');
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            deadly,
            death: Notify::new(),
        });
        Self {
            address,
            accepting: tokio::spawn(accept(listener, Arc::clone(&shared))),
            shared,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends all connections and takes no new ones.
    pub async fn die(&mut self) {
        self.shared.death.notify_one();
        self.wait_for_death().await;
    }

    /// Waits until it has died.
    ///
    /// # Panics
    ///
    /// When it fails for another reason.
    pub async fn wait_for_death(&mut self) {
        (&mut self.accepting)
            .await
            .expect("the proxy does not panic");
    }

    /// A proxy at the same place that lives on.
    pub async fn revive(&self) -> Self {
        Self::listen(self.address, &self.shared.upstream, Deadly::default()).await
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped at the end, together with all connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.death.notified() => return,
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(serve(client, Arc::clone(&shared)));
            }
        }
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(&shared.upstream).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let deadly = &shared.deadly;
    tokio::select! {
        () = hand_on(from_client, to_server, deadly.before_request.as_ref(), &shared.death) => (),
        () = hand_on(from_server, to_client, deadly.before_answer.as_ref(), &shared.death) => (),
    }
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    deadly: Option<&Question>,
    death: &Notify,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if let Some(question) = deadly
            && question().await
        {
            death.notify_one();
            // Until everything ends, this connection is silent.
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
