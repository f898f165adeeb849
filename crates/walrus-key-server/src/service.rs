//! What happens to a request for keys: the checks, in their order, and what is given out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use stdx::SaturatingFrom as _;
use tokio::{sync::Semaphore, time::Instant};
use walrus_core::{ObjectId, SuiAddress};
use walrus_http::budget::PeerAddress;
use walrus_seal::{
    ApprovalProgram, Certificate, Code, FetchKeyRequest, FetchKeyResponse, IdentityPoint,
    MasterKey, ProofOfPossession, PublicKey, Refusal, request::DecryptionKey,
    session::SessionError,
};
use walrus_sui::{
    SuiError, SuiRpc,
    access::{ApprovalError, Freshness},
};

use crate::{
    committee::Membership,
    config::KeyServerConfig,
    keys::Keys,
    metrics::{Metrics, Reason},
    packages::Packages,
    quota::Quota,
};

/// Price of gas until the chain has told the present one: what it usually is.
const GAS_PRICE_MIST: u64 = 1_000;
/// How long a request waits for its turn to be simulated.
const SIMULATION_WAIT_MAX: Duration = Duration::from_secs(10);
/// A full node may not know an object yet that was made a moment ago: it is asked again after each
/// of these times. Others have their turn meanwhile.
const FRESH_OBJECT_DELAYS: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_secs(1),
];

/// Gives out keys.
#[derive(Debug)]
pub struct Service {
    rpc: SuiRpc,
    seal_package: ObjectId,
    keys: Keys,
    membership: Option<Membership>,
    packages: Packages,
    quotas: Quotas,
    simulations: Semaphore,
    allowed_staleness_ms: u64,
    clock_lag_max_ms: Option<u64>,
    ttl_max_ms: u64,
    gas_price: AtomicU64,
    /// Whether the chain is so far ahead that the clock of this machine must be wrong.
    is_clock_behind: AtomicBool,
    metrics: Metrics,
}

#[derive(Debug)]
struct Quotas {
    address: Quota<PeerAddress>,
    user: Quota<SuiAddress>,
    package: Quota<ObjectId>,
}

fn millis(duration: Duration) -> u64 {
    u64::saturating_from(duration.as_millis())
}

/// Now, in ms since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = ambient::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, millis)
}

impl Service {
    pub(crate) fn new(
        config: &KeyServerConfig,
        rpc: SuiRpc,
        keys: Keys,
        membership: Option<Membership>,
        metrics: Metrics,
    ) -> Self {
        let quotas = config.quotas;
        Self {
            rpc,
            seal_package: config.network.seal_package(),
            keys,
            membership,
            packages: Packages::default(),
            quotas: Quotas {
                address: Quota::new(quotas.per_address),
                user: Quota::new(quotas.per_user),
                package: Quota::new(quotas.per_package),
            },
            simulations: Semaphore::new(config.simulations_max.max(1)),
            allowed_staleness_ms: millis(config.allowed_staleness.0),
            clock_lag_max_ms: config.clock_lag_max.map(|max| millis(max.0)),
            ttl_max_ms: millis(config.session_key_ttl_max.0),
            gas_price: AtomicU64::new(GAS_PRICE_MIST),
            is_clock_behind: AtomicBool::new(false),
            metrics,
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn rpc(&self) -> &SuiRpc {
        &self.rpc
    }

    pub(crate) fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// The proof that the server has the key of a registered server.
    pub(crate) fn proof(&self, server: ObjectId) -> Result<ProofOfPossession, Refusal> {
        let proof = self.keys.proof(server);
        proof.ok_or_else(|| Refusal::of(Code::InvalidServiceId))
    }

    /// The public key of the share, for members of a committee.
    pub(crate) fn partial_public_key(&self) -> Option<PublicKey> {
        let (_, share) = self.membership.as_ref()?.current()?;
        Some(share.public())
    }

    /// Answers a request, and counts what became of it.
    pub(crate) async fn fetch_keys(
        self: &Arc<Self>,
        request: FetchKeyRequest,
        peer: PeerAddress,
    ) -> Result<FetchKeyResponse, Refusal> {
        self.metrics.requests.inc();
        let answer = self.checked(request, peer).await;
        match &answer {
            Ok(response) => {
                let count = response.decryption_keys.len();
                self.metrics
                    .keys
                    .inc_by(count.try_into().unwrap_or(u64::MAX));
            }
            Err(refusal) => {
                let code = refusal.code.as_str();
                self.metrics.refusals.get_or_create(&Reason { code }).inc();
            }
        }
        answer
    }

    /// The checks, from cheap to dear. Nothing reaches the full node's virtual machine before both
    /// signatures are right.
    async fn checked(
        self: &Arc<Self>,
        request: FetchKeyRequest,
        peer: PeerAddress,
    ) -> Result<FetchKeyResponse, Refusal> {
        if !self.quotas.address.take(peer, 1) {
            return Err(Refusal::of(Code::RateLimited));
        }
        let (program, ptb) = ApprovalProgram::from_base64(&request.ptb)?;
        let count = u32::saturating_from(program.inner_ids().len());
        self.metrics.identities.observe(f64::from(count));
        let started = Instant::now();
        let package = self
            .packages
            .first_version(&self.rpc, program.package())
            .await?;
        self.metrics
            .package_seconds
            .observe(started.elapsed().as_secs_f64());
        let master = self.master_key(package)?;
        Self::check_name(&request.certificate, package)?;
        if !request.certificate.is_current(now_ms(), self.ttl_max_ms) {
            return Err(Refusal::of(Code::InvalidCertificate));
        }
        self.check_user(&request.certificate, package).await?;
        if !request.is_signed(&ptb) {
            return Err(Refusal::of(Code::InvalidSessionSignature));
        }
        // Only now: before, anybody could use up the quota of others.
        let user = request.certificate.user;
        if !self.quotas.user.take(user, count) || !self.quotas.package.take(package, count) {
            return Err(Refusal::of(Code::RateLimited));
        }
        self.ask_policy(&program, user).await?;
        give_out(package, program, master, &request).await
    }

    fn master_key(&self, package: ObjectId) -> Result<MasterKey, Refusal> {
        if let Some(membership) = &self.membership {
            let current = membership.current();
            let (_, share) = current.ok_or_else(|| Refusal::of(Code::Failure))?;
            return Ok(share);
        }
        let key = self.keys.for_package(package).cloned();
        key.ok_or_else(|| Refusal::of(Code::UnsupportedPackageId))
    }

    /// Registered names are not looked up yet: nobody is let in under one.
    fn check_name(certificate: &Certificate, package: ObjectId) -> Result<(), Refusal> {
        let Some(name) = &certificate.mvr_name else {
            return Ok(());
        };
        tracing::info!(
            name = %walrus_core::text::printable(name),
            %package,
            "a registered name was used, which this server does not look up"
        );
        Err(Refusal::of(Code::InvalidMVRName))
    }

    /// Checks that the account signed the certificate and that no other keys sign for it.
    async fn check_user(
        &self,
        certificate: &Certificate,
        package: ObjectId,
    ) -> Result<(), Refusal> {
        let invalid = || Refusal::of(Code::InvalidSignature);
        let user = certificate.user;
        let failed = |error: SuiError| {
            tracing::warn!(%error, "cannot ask the full node about an account");
            Refusal::of(Code::Failure)
        };
        match certificate.verify(package) {
            Ok(()) => {}
            Err(SessionError::NeedsFullNode) => {
                let message = certificate.message(package).map_err(|_| invalid())?;
                let signature = &certificate.signature;
                let verified =
                    self.rpc
                        .verify_personal_message(user, message.as_bytes(), signature);
                match verified.await {
                    Ok(true) => {}
                    Ok(false) => return Err(invalid()),
                    // It says no, or does not know such signatures.
                    Err(error) if !error.leaves_outcome_open() => return Err(invalid()),
                    Err(error) => return Err(failed(error)),
                }
            }
            Err(_) => return Err(invalid()),
        }
        if self.rpc.has_aliases(user).await.map_err(failed)? {
            return Err(invalid());
        }
        Ok(())
    }

    async fn ask_policy(&self, program: &ApprovalProgram, user: SuiAddress) -> Result<(), Refusal> {
        if self.is_clock_behind.load(Ordering::Relaxed) {
            return Err(Refusal::of(Code::Failure));
        }
        let started = Instant::now();
        let mut asked = self.simulate(program, user).await?;
        for delay in FRESH_OBJECT_DELAYS {
            if !matches!(asked, Err(ApprovalError::InvalidParameter(_))) {
                break;
            }
            tokio::time::sleep(delay).await;
            asked = self.simulate(program, user).await?;
        }
        self.metrics
            .policy_seconds
            .observe(started.elapsed().as_secs_f64());
        asked.map_err(|error| self.denied(error))
    }

    /// Asks the policy once, when it is this request's turn.
    async fn simulate(
        &self,
        program: &ApprovalProgram,
        user: SuiAddress,
    ) -> Result<Result<(), ApprovalError>, Refusal> {
        let waiting = tokio::time::timeout(SIMULATION_WAIT_MAX, self.simulations.acquire());
        let _turn = waiting.await.map_err(|_| Refusal::of(Code::Failure))?;
        let freshness = Freshness {
            seal_package: self.seal_package,
            now_ms: now_ms(),
            allowed_ms: self.allowed_staleness_ms,
        };
        let price = self.gas_price.load(Ordering::Relaxed);
        let simulated = self
            .rpc
            .simulate_approval(program.transaction(), user, freshness, price);
        Ok(simulated.await)
    }

    fn denied(&self, error: ApprovalError) -> Refusal {
        match error {
            ApprovalError::Denied(text) => Refusal::new(Code::NoAccess, &text),
            ApprovalError::InvalidParameter(text) => Refusal::new(Code::InvalidParameter, &text),
            ApprovalError::FunctionNotFound => Refusal::new(
                Code::InvalidPTB,
                "The seal_approve function was not found on the module",
            ),
            ApprovalError::Stale => {
                self.metrics.stale.inc();
                tracing::warn!("the full node is behind the time");
                Refusal::of(Code::Failure)
            }
            ApprovalError::Node(error) => {
                tracing::warn!(%error, "cannot ask the full node about a policy");
                Refusal::of(Code::Failure)
            }
        }
    }

    /// Reads the price of gas, and compares the clocks.
    pub(crate) async fn refresh(&self) -> Result<(), SuiError> {
        let price = self.rpc.reference_gas_price().await?;
        self.gas_price.store(price, Ordering::Relaxed);
        self.metrics.gas_price.set(i64::saturating_from(price));
        if let Some(max) = self.clock_lag_max_ms {
            let chain = self.rpc.clock_ms().await?;
            let is_behind = chain.saturating_sub(now_ms()) > max;
            if is_behind {
                tracing::error!("the clock of this machine is behind the chain's");
            }
            self.is_clock_behind.store(is_behind, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Computes the keys beside the threads that serve: a full request takes a while.
async fn give_out(
    package: ObjectId,
    program: ApprovalProgram,
    master: MasterKey,
    request: &FetchKeyRequest,
) -> Result<FetchKeyResponse, Refusal> {
    let to = request.enc_key;
    let compute = move || {
        let mut rng = ambient::rng();
        let keys = program.inner_ids().iter().map(|inner| {
            let id = [&package.0, &inner[..]].concat();
            let key = master.extract(&IdentityPoint::of(&id));
            DecryptionKey::wrap(id, &key, &to, &mut rng)
        });
        FetchKeyResponse {
            decryption_keys: keys.collect(),
        }
    };
    ambient::run_blocking(compute).await.map_err(|error| {
        tracing::error!(%error, "computing keys was interrupted");
        Refusal::of(Code::Failure)
    })
}
