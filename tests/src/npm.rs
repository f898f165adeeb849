//! The unmodified npm clients, run by Node.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// Folder with the scripts and the installed clients.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/npm");

/// A command that runs a script of the folder `npm`.
///
/// # Panics
///
/// When the clients are not installed.
pub fn node(script: &str) -> Command {
    assert!(
        Path::new(FOLDER).join("node_modules").exists(),
        "the npm clients are not installed: run `npm ci` in tests/npm, or ./scripts/test"
    );
    let mut command = Command::new("node");
    command.arg(script).current_dir(FOLDER);
    command
}

/// A running script that asks questions, one JSON value per line, and waits for the answers.
pub struct Conversation {
    child: Child,
    questions: BufReader<ChildStdout>,
    answers: ChildStdin,
}

impl Conversation {
    /// Starts a script with one argument.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(script: &str, argument: &Value) -> Self {
        Self::start_with(script, argument, [])
    }

    /// The same with variables of the environment.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start_with<'a>(
        script: &str,
        argument: &Value,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut child = node(script)
            .arg(argument.to_string())
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node is installed");
        Self {
            questions: BufReader::new(child.stdout.take().expect("it is piped")),
            answers: child.stdin.take().expect("it is piped"),
            child,
        }
    }

    /// The next question; `None` when the script has ended without an error.
    ///
    /// # Panics
    ///
    /// When it fails, or prints something else.
    pub fn question(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.questions
            .read_line(&mut line)
            .expect("the script can be read from");
        if line.is_empty() {
            let status = self.child.wait().expect("the script ends");
            assert!(status.success(), "the script failed: {status}");
            return None;
        }
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Answers the last question.
    ///
    /// # Panics
    ///
    /// When the script does not listen.
    pub fn answer(&mut self, answer: &Value) {
        writeln!(self.answers, "{answer}").expect("the script waits for an answer");
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Ended already, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
