//! A command at a terminal, and somebody who reads and types there.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use nix::pty::openpty;

use crate::CommandOutcome;

/// How long a command may take until it has asked what it is expected to ask.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(120);
/// What the key combination for the end of input sends.
const END_OF_INPUT: &[u8] = b"\x04";

/// A command whose stdin and stderr are a pseudo-terminal; stdout is collected apart.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Terminal {
    /// Starts a command.
    ///
    /// # Panics
    ///
    /// When there are no pseudo-terminals, or the command cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let pty = openpty(None, None).expect("a pseudo-terminal");
        let stderr = pty.slave.try_clone().expect("a copy of its handle");
        let child = command
            .env("NO_COLOR", "1")
            .stdin(Stdio::from(pty.slave))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(stderr))
            .spawn()
            .expect("the binary can be started");
        // The screen ends when nobody holds the other side any more.
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let keyboard = File::from(pty.master);
        let mut screen = keyboard.try_clone().expect("a copy of its handle");
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            screen: receiver,
            seen: Vec::new(),
        }
    }

    /// What the screen has shown so far.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).replace("\r\n", "\n")
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Panics
    ///
    /// When it never does.
    pub fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        while !self.text().contains(text) {
            let left = QUESTION_TIMEOUT.saturating_sub(start.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(error) => panic!("{text:?} is not shown ({error}): {}", self.text()),
            }
        }
    }

    /// Types something, as it is.
    ///
    /// # Panics
    ///
    /// When the terminal is gone.
    pub fn type_in(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Ends the input.
    ///
    /// # Panics
    ///
    /// When the terminal is gone.
    pub fn end_input(&mut self) {
        self.send(END_OF_INPUT);
    }

    fn send(&mut self, bytes: &[u8]) {
        let sent = self.keyboard.write_all(bytes);
        sent.expect("the terminal is there");
    }

    /// Waits for the end of the command. What the screen showed, typed text included, takes the
    /// place of stderr.
    ///
    /// # Panics
    ///
    /// When the command cannot be waited for.
    pub fn finish(mut self) -> CommandOutcome {
        let output = self.child.wait_with_output().expect("it was started");
        loop {
            match self.screen.recv_timeout(QUESTION_TIMEOUT) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the screen does not end"),
            }
        }
        let mut outcome = CommandOutcome::from(output);
        outcome.stderr = String::from_utf8_lossy(&self.seen).replace("\r\n", "\n");
        outcome
    }
}
