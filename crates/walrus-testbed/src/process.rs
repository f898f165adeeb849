//! Child processes that outlive the command which started them.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// How often a process that should end is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A process that can be recognised after a restart of the command that started it.
///
/// The start time guards against a recycled process id: without it `down` could stop a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot, where the operating system tells.
    start_ticks: Option<u64>,
}

impl ProcessId {
    /// Identifies a running process.
    pub fn of(pid: u32) -> Self {
        Self {
            pid,
            start_ticks: start_ticks(pid),
        }
    }

    /// Whether this very process still runs. Zombies count as ended.
    pub fn is_alive(&self) -> bool {
        let Some(pid) = self.raw() else { return false };
        signal::kill(pid, None).is_ok()
            && start_ticks(self.pid) == self.start_ticks
            && !is_zombie(self.pid)
    }

    /// Asks the process to end, and kills it when it has not after `patience`.
    ///
    /// Returns whether it ended by itself.
    pub fn stop(&self, patience: Duration) -> bool {
        self.send(Signal::SIGTERM);
        // A paused process hears nothing.
        self.resume();
        let deadline = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= deadline {
                self.kill();
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        true
    }

    /// Kills the process without a chance to clean up, and waits until it is gone.
    pub fn kill(&self) {
        self.send(Signal::SIGKILL);
        while self.is_alive() {
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Stops it where it is, until [`Self::resume`].
    pub fn pause(&self) {
        self.send(Signal::SIGSTOP);
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        self.send(Signal::SIGCONT);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.is_alive()
            && stat_fields(self.pid)
                .is_some_and(|fields| fields.first().is_some_and(|state| state == "T"))
    }

    /// Whether it holds the socket with this inode.
    fn has_socket(self, inode: &str) -> bool {
        let wanted = format!("socket:[{inode}]");
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid));
        files.into_iter().flatten().flatten().any(|file| {
            std::fs::read_link(file.path())
                .is_ok_and(|target| target.as_os_str() == wanted.as_str())
        })
    }

    fn send(self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = self.raw()
        {
            // The process may end between the check and the signal; both outcomes are the wanted
            // one.
            let _ = signal::kill(pid, signal);
        }
    }

    fn raw(self) -> Option<Pid> {
        i32::try_from(self.pid)
            .ok()
            .filter(|pid| *pid > 0)
            .map(Pid::from_raw)
    }
}

/// Field 22 of `/proc/PID/stat`; `None` where there is no such file.
fn start_ticks(pid: u32) -> Option<u64> {
    stat_fields(pid)?.get(19)?.parse().ok()
}

fn is_zombie(pid: u32) -> bool {
    stat_fields(pid).is_some_and(|fields| fields.first().is_some_and(|state| state == "Z"))
}

/// The fields of `/proc/PID/stat` after the command name, which may itself hold spaces.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Which of some processes of this machine holds the end `local` of a TCP connection over IPv4,
/// where the system tells.
pub fn owner_of(local: SocketAddr, among: &[(String, ProcessId)]) -> Option<String> {
    let SocketAddr::V4(local) = local else {
        return None;
    };
    // As the kernel writes it: the address as a number of this machine, in hexadecimal.
    let address = u32::from_ne_bytes(local.ip().octets());
    let wanted = format!("{address:08X}:{:04X}", local.port());
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let inode = table.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields.get(1) == Some(&wanted.as_str())).then(|| fields.get(9).copied())?
    })?;
    let owner = among.iter().find(|(_, process)| process.has_socket(inode));
    owner.map(|(name, _)| name.clone())
}

/// Resident memory of a process in bytes, at its peak. `None` where the system does not tell.
pub fn peak_memory_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Resident memory of a process in bytes, now. `None` where the system does not tell.
pub fn memory_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmRSS:")
}

/// Ticks in a second, as the system counts CPU time for programs.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that a process has used so far. `None` where the system does not tell.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let fields = stat_fields(pid)?;
    ticks(&fields, 11)
}

/// CPU time of the children of this process that have ended.
pub fn cpu_time_of_children() -> Option<Duration> {
    let fields = stat_fields(std::process::id())?;
    ticks(&fields, 13)
}

/// Two neighbouring fields of ticks: in programs, and in the kernel for them.
fn ticks(fields: &[String], first: usize) -> Option<Duration> {
    let count = |position: usize| fields.get(position)?.parse::<u64>().ok();
    let ticks = count(first)? + count(first + 1)?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Waits until somebody asks this program to end: the user, the system, or a terminal that goes
/// away.
#[derive(Debug)]
pub struct Termination {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Absent for a program that is to outlive its terminal.
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Termination {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // `nohup` ignores the signal for its child, which must leave it so.
        let hangup = if ignores(Signal::SIGHUP) {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    /// Resolves when the time has come.
    pub async fn wait(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether this process ignores a signal, where the operating system tells.
fn ignores(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| {
        let mask = line.strip_prefix("SigIgn:")?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    let bit = signal as i32 - 1;
    mask.is_some_and(|mask| (mask >> bit) & 1 == 1)
}

/// Starts this very program with other arguments, detached from the terminal, its output appended
/// to `log`. It goes on when the caller ends.
pub fn spawn_self(args: &[&str], log: &Path) -> io::Result<ProcessId> {
    spawn(&std::env::current_exe()?, args, log)
}

/// The same for any program.
pub fn spawn<A: AsRef<OsStr>>(program: &Path, args: &[A], log: &Path) -> io::Result<ProcessId> {
    let output = open_log(log)?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()?;
    let id = ProcessId::of(child.id());
    // A thread that only waits keeps an ended child from staying a zombie while this program lives.
    std::thread::spawn(move || child.wait());
    Ok(id)
}

fn open_log(log: &Path) -> io::Result<File> {
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent)?;
    }
    OpenOptions::new().create(true).append(true).open(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_process_is_not_alive() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(child.id());
        assert!(id.is_alive());
        assert!(id.stop(Duration::from_secs(10)));
        assert!(!id.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_ignores_the_signal_is_killed() {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' TERM; while :; do sleep 0.05; done"])
            .spawn()
            .unwrap();
        let id = ProcessId::of(child.id());
        std::thread::sleep(Duration::from_millis(200));
        assert!(!id.stop(Duration::from_millis(100)));
        assert!(!id.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn a_recycled_process_id_is_a_stranger() {
        let stranger = ProcessId {
            pid: std::process::id(),
            start_ticks: Some(1),
        };
        if start_ticks(stranger.pid).is_some() {
            assert!(!stranger.is_alive());
        }
    }

    #[test]
    fn connections_have_owners() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_accepted, caller) = listener.accept().unwrap();
        let this = ("this".to_owned(), ProcessId::of(std::process::id()));
        let stranger = ("stranger".to_owned(), ProcessId::of(1));
        if std::path::Path::new("/proc/net/tcp").exists() {
            let owner = owner_of(caller, &[stranger.clone(), this]);
            assert_eq!(owner.as_deref(), Some("this"));
            assert_eq!(owner_of(caller, &[stranger]), None);
        }
        drop(stream);
    }

    #[test]
    fn this_process_uses_memory() {
        if let Some(bytes) = peak_memory_bytes(std::process::id()) {
            assert!(bytes > 100_000);
        }
    }
}
