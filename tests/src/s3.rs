//! S3 servers as processes, and the clients of others that speak to them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{CommandOutcome, TestNetwork, gateway::RunningGateway, run, text, tools::Tool};

/// The key that clients use.
pub const ACCESS_KEY: &str = "tester";
/// Its secret.
pub const SECRET_KEY: &str = "a-secret-that-nobody-guesses";

/// A running `walrus s3`; killed when dropped.
pub struct RunningS3 {
    /// The process.
    pub process: RunningGateway,
    folder: PathBuf,
}

impl RunningS3 {
    /// Starts a server of a network on a free port, with its data in the folder `data` of the
    /// network.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub fn start(network: &TestNetwork, data: &str, options: &[&str]) -> Self {
        Self::start_with(network, &[], data, options)
    }

    /// The same with options before the command.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub fn start_with(
        network: &TestNetwork,
        global: &[&str],
        data: &str,
        options: &[&str],
    ) -> Self {
        let folder = network.folder().to_owned();
        let credentials = folder.join("s3.keys");
        fs::write(&credentials, format!("{ACCESS_KEY}:{SECRET_KEY}\n")).expect("a writable folder");
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&credentials, private).expect("a file of ours");
        let data = folder.join(data);
        let fixed = [
            "s3",
            "--credentials",
            text(&credentials),
            "--data-dir",
            text(&data),
        ];
        let arguments = [global, &fixed, options].concat();
        Self {
            process: RunningGateway::start(network, &arguments),
            folder,
        }
    }

    /// Runs a client with the keys of this server in its surroundings.
    fn client(&self, program: &Path, arguments: &[&str]) -> CommandOutcome {
        run(&mut self.command(program, arguments))
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", &self.process.url)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env_remove("AWS_CA_BUNDLE")
            .env("NO_PROXY", "127.0.0.1");
        command
    }

    /// A script with `boto3`, to be run beside others.
    ///
    /// # Panics
    ///
    /// When it is not installed.
    pub fn boto3_command(&self, script: &str, arguments: &[&str]) -> Command {
        let python = Tool::Boto3.path().expect("boto3 is installed where aws is");
        self.command(&python, &[&["-c", script], arguments].concat())
    }

    /// Runs `aws s3`; `None` where it is not installed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn aws(&self, arguments: &[&str]) -> Option<String> {
        let aws = Tool::Aws.path()?;
        let outcome = self.client(&aws, &[&["s3"], arguments].concat());
        assert!(
            outcome.success,
            "aws s3 {arguments:?}: {}{}",
            outcome.stdout, outcome.stderr
        );
        Some(outcome.stdout)
    }

    /// Runs a script with `boto3`; `None` where it is not installed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn boto3(&self, script: &str, arguments: &[&str]) -> Option<String> {
        let python = Tool::Boto3.path()?;
        let outcome = self.client(&python, &[&["-c", script], arguments].concat());
        assert!(outcome.success, "{}{}", outcome.stdout, outcome.stderr);
        Some(outcome.stdout)
    }

    /// Runs `rclone` with a remote `walrus:`; `None` where it is not installed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn rclone(&self, arguments: &[&str]) -> Option<String> {
        let rclone = Tool::Rclone.path()?;
        let config = self.folder.join("rclone.conf");
        let remote = format!(
            "[walrus]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = {}\n",
            self.process.url
        );
        fs::write(&config, remote).expect("a writable folder");
        let outcome = self.client(&rclone, &[&["--config", text(&config)], arguments].concat());
        assert!(
            outcome.success,
            "rclone {arguments:?}: {}{}",
            outcome.stdout, outcome.stderr
        );
        Some(outcome.stdout)
    }

    /// Waits until everything that was acknowledged is on chain.
    ///
    /// # Panics
    ///
    /// When that does not happen.
    pub async fn settle(&self) {
        // The gauges are brought up to date once a second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let settled = async {
            loop {
                let writes = self.process.metric("walrus_s3_waiting_objects ").await;
                let removals = self.process.metric("walrus_s3_waiting_removals ").await;
                if writes == 0 && removals == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let settled = tokio::time::timeout(Duration::from_secs(240), settled).await;
        settled.expect("what is acknowledged gets to the chain");
    }
}
