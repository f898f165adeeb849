//! Threads for work that blocks; in a simulation there is only one.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use rand::Rng as _;
use tokio::task::JoinHandle;

use crate::{
    process,
    simulation::{is_simulated, with_rng},
};

/// How often others may run before blocking work is done in a simulation, at most.
const TURNS_MAX: u32 = 2;

/// Work that did not end: it panicked, or the program is shutting down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work was interrupted")]
pub struct Interrupted;

/// Runs work that blocks on a thread for such work.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Interrupted> {
    let Some(turns) = with_rng(|rng| rng.gen_range(0..=TURNS_MAX)) else {
        return tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Interrupted);
    };
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    wait_for_device().await;
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Interrupted)
}

/// Takes the time that a device needs for work which blocks. A [`Worker`] calls it before such
/// work; [`run_blocking`] does so by itself. Outside of simulations, and in processes whose devices
/// are fast, it takes none.
pub async fn wait_for_device() {
    let max_ms = process::current().map_or(0, |process| process.device_time_max_ms());
    if max_ms > 0
        && let Some(ms) = with_rng(|rng| rng.gen_range(0..=max_ms))
    {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Runs work on a thread of its own that nobody waits for. In a simulation it is done on return.
pub fn run_beside(
    name: &str,
    stack_bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    if is_simulated() {
        // A panic ends the thread and nothing else.
        let _ = catch_unwind(AssertUnwindSafe(work));
        return Ok(());
    }
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(stack_bytes)
        .spawn(work)
        .map(drop)
}

/// A thread that serves a queue; in a simulation a task.
#[derive(Debug)]
pub struct Worker(Inner);

#[derive(Debug)]
enum Inner {
    Thread(thread::JoinHandle<()>),
    Task(JoinHandle<()>),
}

/// Starts a thread that runs `future` and blocks as it likes between its waits.
pub fn spawn_worker(
    name: &str,
    stack_bytes: Option<usize>,
    future: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Worker> {
    if is_simulated() {
        return Ok(Worker(Inner::Task(crate::spawn(future))));
    }
    let mut builder = thread::Builder::new().name(name.to_owned());
    if let Some(bytes) = stack_bytes {
        builder = builder.stack_size(bytes);
    }
    let thread = builder.spawn(move || futures::executor::block_on(future))?;
    Ok(Worker(Inner::Thread(thread)))
}

impl Worker {
    /// Waits for its end.
    pub async fn join(self) -> Result<(), Interrupted> {
        match self.0 {
            Inner::Thread(thread) => run_blocking(move || thread.join())
                .await?
                .map_err(|_| Interrupted),
            Inner::Task(task) => task.await.map_err(|_| Interrupted),
        }
    }
}
