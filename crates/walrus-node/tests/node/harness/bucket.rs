//! A bucket: a real S3 server over a folder, which can be told to misbehave.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hyper::{
    Method, Request, Response, body::Incoming, server::conn::http1, service::Service as _,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use s3s::{
    Body,
    auth::SimpleAuth,
    service::{S3ServiceBuilder, SharedS3Service},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use walrus_node::config::{BucketConfig, SecretSource};

const NAME: &str = "slivers";
const KEY_ID: &str = "test-key";
const SECRET: &str = "test-secret";

/// How the bucket behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Up,
    /// Connections are closed without an answer.
    Away,
    /// What is to be written is taken, and never answered.
    Stuck,
}

/// An S3 server with one bucket, in this process. It ends with the runtime.
pub(crate) struct TestBucket {
    directory: TempDir,
    port: u16,
    mood: watch::Sender<Mood>,
    stuck: Arc<AtomicUsize>,
}

impl TestBucket {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir_all(root.join(NAME)).unwrap();
        fs::write(directory.path().join("id"), KEY_ID).unwrap();
        fs::write(directory.path().join("secret"), SECRET).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = builder.build().into_shared();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (mood, moods) = watch::channel(Mood::Up);
        let bucket = Self {
            directory,
            port: listener.local_addr().unwrap().port(),
            mood,
            stuck: Arc::default(),
        };
        tokio::spawn(accept(listener, service, moods, bucket.stuck.clone()));
        bucket
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Writes that are taken and not answered.
    pub(crate) fn stuck_writes(&self) -> usize {
        self.stuck.load(Ordering::SeqCst)
    }

    /// What a node has to know; nothing is cached.
    pub(crate) fn config(&self, prefix: &str) -> BucketConfig {
        let file = |name: &str| SecretSource::File {
            path: self.directory.path().join(name),
        };
        BucketConfig {
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            region: "us-east-1".to_owned(),
            name: NAME.to_owned(),
            prefix: prefix.to_owned(),
            virtual_hosted_style: false,
            access_key_id: file("id"),
            secret_access_key: file("secret"),
            cache_bytes: 0,
            write_ahead_bytes: 1 << 30,
        }
    }

    /// Where the objects of a prefix are.
    pub(crate) fn folder(&self, prefix: &str) -> PathBuf {
        self.directory.path().join("root").join(NAME).join(prefix)
    }

    /// The files of all slivers below a prefix.
    pub(crate) fn slivers(&self, prefix: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in list(&self.folder(prefix).join("slivers")) {
            found.extend(list(&folder));
        }
        found.sort();
        found
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn accept(
    listener: TcpListener,
    service: SharedS3Service,
    moods: watch::Receiver<Mood>,
    stuck: Arc<AtomicUsize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (service, moods, stuck) = (service.clone(), moods.clone(), stuck.clone());
        tokio::spawn(serve(stream, service, moods, stuck));
    }
}

async fn serve(
    stream: TcpStream,
    service: SharedS3Service,
    moods: watch::Receiver<Mood>,
    stuck: Arc<AtomicUsize>,
) {
    let answer = move |request: Request<Incoming>| {
        let (service, mut moods, stuck) = (service.clone(), moods.clone(), stuck.clone());
        async move {
            let mood = *moods.borrow();
            if mood == Mood::Away {
                return Err("away".to_owned());
            }
            if mood == Mood::Stuck && request.method() == Method::PUT {
                stuck.fetch_add(1, Ordering::SeqCst);
                let _ = moods.wait_for(|mood| *mood != Mood::Stuck).await;
                return Err("was stuck".to_owned());
            }
            let answer: Response<Body> = service
                .call(request)
                .await
                .map_err(|error| error.to_string())?;
            Ok(answer)
        }
    };
    // What goes wrong here the node sees.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}
