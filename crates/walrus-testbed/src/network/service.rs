//! Services of a network: starting and stopping them.

use anyhow::{Context as _, ensure};
use walrus_deploy::Deployer;

use super::{How, Network, START_TIMEOUT, end};
use crate::{
    ports,
    process::{self, ProcessId},
    report::ServiceInfo,
    service_kind::ServiceKind,
    services,
    state::{NetworkState, ServiceRecord},
};

/// What clients of S3 call the place; any name will do, but they want one.
const S3_REGION: &str = "us-east-1";

impl Network {
    pub(super) async fn start_services(
        &self,
        state: &NetworkState,
        deployer: &Deployer,
    ) -> anyhow::Result<()> {
        services::prepare(&self.state_dir, state, deployer).await?;
        for service in &state.services {
            self.start_service(service.kind).await?;
        }
        Ok(())
    }

    /// Starts a service, unless it runs, and waits until it serves.
    pub async fn start_service(&self, kind: ServiceKind) -> anyhow::Result<()> {
        let service = self.service(kind)?;
        let running = service.process.filter(ProcessId::is_alive);
        let process = if let Some(process) = running {
            process
        } else {
            for port in [service.port, service.metrics_port] {
                ensure!(
                    ports::is_free(port),
                    "port {port} of {kind} is in use by another program"
                );
            }
            let command = services::command_line(&self.state_dir, &service)?;
            let log = self.state_dir.log(kind.name());
            let process = process::spawn(&command.program, &command.arguments, &log)
                .with_context(|| format!("cannot start {kind}"))?;
            self.set_service_process(kind, Some(process))?;
            process
        };
        self.wait_for_http(kind.name(), process, &service.status_url())
            .await
    }

    /// Stops a service.
    pub fn stop_service(&self, kind: ServiceKind, how: How) -> anyhow::Result<()> {
        end(self.service(kind)?.process, how);
        self.set_service_process(kind, None)
    }

    /// What clients of a service have to have in their environment.
    pub fn service_variables(
        &self,
        kind: ServiceKind,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let service = self.service(kind)?;
        ensure!(
            kind == ServiceKind::S3,
            "clients of the {kind} need nothing in their environment: it is at {}",
            service.url()
        );
        let key = services::s3_key();
        Ok(vec![
            ("AWS_ENDPOINT_URL", service.url()),
            ("AWS_DEFAULT_REGION", S3_REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", key.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", key.secret_access_key),
        ])
    }

    /// Waits until a process answers that it is well.
    pub(super) async fn wait_for_http(
        &self,
        name: &str,
        process: ProcessId,
        url: &str,
    ) -> anyhow::Result<()> {
        // Any provider will do: nothing on this machine speaks TLS. One that is installed already
        // is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::new();
        self.wait(name, process, START_TIMEOUT, async || {
            let answer = client.get(url).send().await?;
            answer.error_for_status().map(drop)
        })
        .await
    }

    fn service(&self, kind: ServiceKind) -> anyhow::Result<ServiceRecord> {
        let mut services = self.state_dir.load()?.services.into_iter();
        let service = services.find(|service| service.kind == kind);
        service.with_context(|| {
            format!("the network has no {kind}: start it with `walrus-localnet up --with {kind}`")
        })
    }

    fn set_service_process(
        &self,
        kind: ServiceKind,
        process: Option<ProcessId>,
    ) -> anyhow::Result<()> {
        self.state_dir.update(|state| {
            let mut services = state.services.iter_mut();
            if let Some(service) = services.find(|service| service.kind == kind) {
                service.process = process;
            }
        })?;
        Ok(())
    }
}

pub(super) fn service_info(service: &ServiceRecord) -> ServiceInfo {
    ServiceInfo {
        name: service.kind.name().to_owned(),
        url: service.url(),
        metrics_url: service.metrics_url(),
        key: (service.kind == ServiceKind::S3).then(services::s3_key),
        pid: service
            .process
            .filter(ProcessId::is_alive)
            .map(|process| process.pid),
    }
}
