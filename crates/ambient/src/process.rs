//! Tasks that live and die together, as those of a process do.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use stdx::{Mutex, SaturatingFrom as _};
use tokio::task::{AbortHandle, JoinHandle};

/// Tasks after which finished ones are forgotten.
const PRUNE_LEN: usize = 256;

thread_local! {
    static CURRENT: RefCell<Option<Process>> = const { RefCell::new(None) };
}

/// A process of a simulation: the tasks that were spawned in it, and the tasks these have spawned.
#[derive(Debug, Clone, Default)]
pub struct Process {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    is_dead: AtomicBool,
    clock_ahead_ms: AtomicI64,
    device_time_max_ms: AtomicU64,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Process {
    /// A process without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task in this process.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let task = tokio::spawn(Within {
            process: self.clone(),
            future: Some(Box::pin(future)),
        });
        let mut tasks = self.inner.tasks.lock();
        if tasks.len() >= PRUNE_LEN {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task.abort_handle());
        if self.is_dead() {
            task.abort();
        }
        task
    }

    /// Ends all tasks where they stand, as `kill -9` does. On return they are gone.
    pub async fn kill(&self) {
        self.inner.is_dead.store(true, Ordering::Relaxed);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock());
        for task in &tasks {
            task.abort();
        }
        for task in &tasks {
            while !task.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Sets its clock wrong: ahead by so many milliseconds, behind if they are negative. Only
    /// [`crate::now`] is wrong, not the time that passes.
    pub fn set_clock_ahead_ms(&self, ms: i64) {
        self.inner.clock_ahead_ms.store(ms, Ordering::Relaxed);
    }

    pub(crate) fn clock_ahead_ms(&self) -> i64 {
        self.inner.clock_ahead_ms.load(Ordering::Relaxed)
    }

    /// Lets work that blocks take any time up to this one, as if its devices were slow.
    pub fn set_device_time_max(&self, time: Duration) {
        let ms = u64::saturating_from(time.as_millis());
        self.inner.device_time_max_ms.store(ms, Ordering::Relaxed);
    }

    pub(crate) fn device_time_max_ms(&self) -> u64 {
        self.inner.device_time_max_ms.load(Ordering::Relaxed)
    }

    fn is_dead(&self) -> bool {
        self.inner.is_dead.load(Ordering::Relaxed)
    }
}

/// The process whose task is running on this thread.
pub(crate) fn current() -> Option<Process> {
    CURRENT.with_borrow(Clone::clone)
}

/// A future that is run, and dropped, as a part of a process.
struct Within<T> {
    process: Process,
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T> Within<T> {
    fn enter<R>(&mut self, run: impl FnOnce(&mut Self) -> R) -> R {
        let outer = CURRENT.replace(Some(self.process.clone()));
        let result = run(self);
        CURRENT.set(outer);
        result
    }
}

impl<T> Future for Within<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.process.is_dead() {
            self.enter(|this| this.future = None);
        }
        self.enter(|this| match &mut this.future {
            Some(future) => future.as_mut().poll(context),
            // The task is being aborted.
            None => Poll::Pending,
        })
    }
}

impl<T> Drop for Within<T> {
    fn drop(&mut self) {
        self.enter(|this| this.future = None);
    }
}
