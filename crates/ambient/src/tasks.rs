//! Tasks, as tokio has them; those of a simulated process end with it.

use tokio::task::JoinHandle;

use crate::process;

/// Starts a task.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    match process::current() {
        Some(process) => process.spawn(future),
        None => tokio::spawn(future),
    }
}

/// Starts tasks and waits until all of them have ended; clones track the same tasks.
#[derive(Debug, Clone, Default)]
pub struct TaskTracker(tokio_util::task::TaskTracker);

impl TaskTracker {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that is waited for.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        spawn(self.0.track_future(future))
    }

    /// No more tasks come from outside: [`Self::wait`] may return once those that run have ended.
    pub fn close(&self) {
        self.0.close();
    }

    /// Waits until the tracker is closed and all tasks have ended.
    pub async fn wait(&self) {
        self.0.wait().await;
    }
}
