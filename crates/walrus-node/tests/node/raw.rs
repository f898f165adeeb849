//! Connections as an attacker makes them: any address of the loopback network, and frames no
//! library would send.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// An address that is not the one honest clients come from.
pub(crate) const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types of HTTP/2.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

const ACK: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 0x1 | 0x4;
const INITIAL_WINDOW_SIZE: u16 = 4;
const CANCEL: u32 = 8;

/// Connects from a certain address.
pub(crate) async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// Sends the head of an HTTP/1.1 upload that announces `length` bytes.
pub(crate) async fn begin_upload(
    from: IpAddr,
    to: SocketAddr,
    path: &str,
    length: usize,
) -> TcpStream {
    let mut stream = connect(from, to).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: node\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// An HTTP/2 connection by hand.
pub(crate) struct Http2 {
    stream: TcpStream,
    last_stream: u32,
}

impl Http2 {
    /// Connects; the node may send `window` bytes of each answer.
    pub(crate) async fn connect(from: IpAddr, to: SocketAddr, window: u32) -> io::Result<Self> {
        let mut stream = connect(from, to).await?;
        stream.write_all(PREFACE).await?;
        let mut http2 = Self {
            stream,
            last_stream: 0,
        };
        let settings = [
            &INITIAL_WINDOW_SIZE.to_be_bytes()[..],
            &window.to_be_bytes(),
        ];
        http2.send(SETTINGS, 0, 0, &settings.concat()).await?;
        Ok(http2)
    }

    /// Asks for `path` on a new stream.
    pub(crate) async fn get(&mut self, path: &str) -> io::Result<()> {
        self.last_stream = if self.last_stream == 0 {
            1
        } else {
            self.last_stream + 2
        };
        // Indices of the static table: `:method GET`, `:scheme http`; then `:authority` and `:path`
        // with literal values.
        let mut block = vec![0x82, 0x86];
        for (name, value) in [(1, "node"), (4, path)] {
            let length = u8::try_from(value.len()).unwrap();
            assert!(length < 0x7f, "longer ones take more bytes");
            block.extend([name, length]);
            block.extend(value.as_bytes());
        }
        let stream = self.last_stream;
        self.send(HEADERS, END_STREAM_AND_HEADERS, stream, &block)
            .await
    }

    /// Resets the stream opened last.
    pub(crate) async fn reset(&mut self) -> io::Result<()> {
        let stream = self.last_stream;
        self.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
            .await
    }

    /// Acknowledges what keeps the connection alive, and takes nothing else, until the node closes
    /// it.
    pub(crate) async fn stay(mut self) {
        while let Ok((kind, flags, payload)) = self.receive().await {
            if matches!(kind, SETTINGS | PING) && flags & ACK == 0 {
                let payload = if kind == PING { payload } else { Vec::new() };
                if self.send(kind, ACK, 0, &payload).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn receive(&mut self) -> io::Result<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await?;
        Ok((kind, flags, payload))
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.stream.write_all(&frame).await
    }
}
