//! Machines of a simulation differ: clocks that are wrong, devices that are slow.

use std::time::{Duration, UNIX_EPOCH};

use ambient::{Process, Simulation, now, run_blocking};
use tokio::time::Instant;

/// More than a few pieces of work need that blocks.
const PIECES: u32 = 20;

async fn block() {
    run_blocking(|| ()).await.expect("it does not panic");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn clocks_may_be_wrong() {
    let _simulation = Simulation::enter(1, UNIX_EPOCH + Duration::from_secs(10_000));
    let hour = Duration::from_secs(3_600);
    let (ahead, behind) = (Process::new(), Process::new());
    ahead.set_clock_ahead_ms(3_600_000);
    behind.set_clock_ahead_ms(-3_600_000);
    let told = async |process: &Process| process.spawn(async { now() }).await.expect("it is alive");
    assert_eq!(told(&ahead).await, now() + hour);
    assert_eq!(told(&behind).await, now() - hour);
    assert_eq!(told(&Process::new()).await, now());
    // A clock never shows a time that there is not.
    behind.set_clock_ahead_ms(i64::MIN);
    told(&behind).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn devices_may_be_slow() {
    let _simulation = Simulation::enter(1, UNIX_EPOCH);
    let slow = Process::new();
    let longest = Duration::from_secs(5);
    slow.set_device_time_max(longest);
    let began = Instant::now();
    let work = async {
        for _ in 0..PIECES {
            block().await;
        }
    };
    slow.spawn(work).await.expect("it is alive");
    let took = began.elapsed();
    assert!(took > longest && took < longest * PIECES, "{took:?}");
    let began = Instant::now();
    block().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}
