//! What happens in a simulation, line by line, and a digest of it.

use std::{
    fmt,
    hash::{DefaultHasher, Hasher as _},
    sync::Arc,
    time::Duration,
};

use stdx::Mutex;
use tokio::time::Instant;

/// Lines kept for whoever looks into a failure.
const LINES_KEPT: usize = 200;

/// The trace of one simulation; clones write the same one.
#[derive(Clone)]
pub(crate) struct Trace {
    shared: Arc<Mutex<Shared>>,
    began: Instant,
}

struct Shared {
    hasher: DefaultHasher,
    lines: Vec<String>,
    count: u64,
    is_printed: bool,
}

impl Trace {
    /// An empty trace that begins now; `is_printed` shows every line on stderr.
    pub(crate) fn new(is_printed: bool) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Shared {
                hasher: DefaultHasher::new(),
                lines: Vec::new(),
                count: 0,
                is_printed,
            })),
            began: Instant::now(),
        }
    }

    /// Writes down that something happens now.
    pub(crate) fn note(&self, what: fmt::Arguments<'_>) {
        let line = format!("{:>10.3} {what}", self.elapsed().as_secs_f64());
        let mut shared = self.shared.lock();
        shared.hasher.write(line.as_bytes());
        shared.count += 1;
        if shared.is_printed {
            eprintln!("{line}");
        }
        if shared.lines.len() == LINES_KEPT {
            shared.lines.remove(0);
        }
        shared.lines.push(line);
    }

    /// Virtual time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Stands for everything that has happened.
    pub(crate) fn digest(&self) -> u64 {
        self.shared.lock().hasher.finish()
    }

    /// How many things have happened.
    pub(crate) fn count(&self) -> u64 {
        self.shared.lock().count
    }

    /// The last lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.lock().lines.clone()
    }
}
