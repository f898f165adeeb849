//! `walrus publisher`, and what `daemon` has in common with it.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use clap::Args;
use walrus_core::Frost;
use walrus_gateway::{AuthOptions, Gateway, PublisherOptions, PublisherSetup, SubWalletOptions};
use walrus_terminal::parse;

use super::{
    context::Context,
    serving::{ReadArgs, ServeArgs, serve},
};

/// Bytes of a KiB, the unit in which limits of bodies are given.
const KIB: usize = 1024;

/// The file of used tokens in the folder of the accounts.
const USED_TOKENS_FILE: &str = "used-tokens";

/// Options of `publisher`.
#[derive(Debug, Args)]
pub(crate) struct PublisherArgs {
    /// Addresses and bounds.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// What is stored, and by whom.
    #[command(flatten)]
    pub store: PublishArgs,
}

/// What is stored, by whom, and who pays.
#[derive(Debug, Clone, Args)]
pub(crate) struct PublishArgs {
    /// Largest blob, in KiB
    #[arg(long, value_name = "KIB", default_value = "10240")]
    pub max_body_size: usize,
    /// Largest body with the files of a quilt, in KiB
    #[arg(long, value_name = "KIB", default_value = "102400")]
    pub max_quilt_body_size: usize,
    /// Stores of one route at a time
    #[arg(
        long,
        alias = "max-concurrent-requests",
        value_name = "N",
        default_value = "8"
    )]
    pub publisher_max_concurrent_requests: usize,
    /// Stores of one route that wait; more are answered with 429
    #[arg(long, alias = "max-buffer-size", value_name = "N", default_value = "8")]
    pub publisher_max_buffer_size: usize,
    /// Accounts that pay: as many stores run at the same time
    #[arg(long, value_name = "N", default_value = "8")]
    pub n_clients: usize,
    /// Folder with the keys of these accounts; it must exist. Keys are made on demand: back it up
    #[arg(long, value_name = "FOLDER", value_parser = parse::path())]
    pub sub_wallets_dir: PathBuf,
    /// How often accounts are looked at, such as `1s`
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = crate::args::parse_duration)]
    pub refill_interval: Duration,
    /// SUI for an account that has too little, in MIST
    #[arg(long, value_name = "MIST", default_value = "500000000")]
    pub gas_refill_amount: u64,
    /// WAL for an account that has too little, in FROST
    #[arg(long, value_name = "FROST", default_value = "500000000")]
    pub wal_refill_amount: u64,
    /// Less than this is too little, in MIST and in FROST
    #[arg(long, value_name = "AMOUNT", default_value = "500000000")]
    pub sub_wallets_min_balance: u64,
    /// Destroy blob objects instead of keeping them: nobody can delete or extend what was stored
    #[arg(long)]
    pub burn_after_store: bool,
    /// Accepted for compatibility: objects are kept
    #[arg(long, hide = true)]
    pub keep: bool,
    /// Ask for tokens (JWT) with this key: text, or 0x and hexadecimal digits
    #[arg(
        long,
        value_name = "KEY",
        env = "WALRUS_JWT_DECODE_SECRET",
        hide_env_values = true
    )]
    pub jwt_decode_secret: Option<String>,
    /// Algorithm tokens are signed with
    #[arg(long, value_name = "NAME", default_value = "HS256")]
    pub jwt_algorithm: String,
    /// Seconds that tokens must be valid from `iat` to `exp`; any if 0
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    pub jwt_expiring_sec: u64,
    /// Compare epochs, receiver and size of an upload with its token
    #[arg(long)]
    pub jwt_verify_upload: bool,
    /// Used tokens that are remembered
    #[arg(long, value_name = "N", default_value = "10000")]
    pub jwt_cache_size: usize,
    /// Accepted for compatibility: what has expired is forgotten when there is no room left
    #[arg(long, value_name = "DURATION", hide = true)]
    pub jwt_cache_refresh_interval: Option<String>,
    /// Ask for tokens whose signature a proxy has checked already
    #[arg(long, conflicts_with = "jwt_decode_secret")]
    pub jwt_checked_by_proxy: bool,
}

impl PublishArgs {
    fn options(&self) -> anyhow::Result<PublisherOptions> {
        Ok(PublisherOptions {
            body_bytes_max: self.max_body_size.saturating_mul(KIB),
            quilt_body_bytes_max: self.max_quilt_body_size.saturating_mul(KIB),
            concurrent_requests_max: self.publisher_max_concurrent_requests,
            waiting_requests_max: self.publisher_max_buffer_size,
            burn_after_store: self.burn_after_store,
            auth: self.auth()?,
            wallets: SubWalletOptions {
                folder: self.sub_wallets_dir.clone(),
                count: self.n_clients,
                refill_interval: self.refill_interval,
                refill_mist: self.gas_refill_amount,
                refill_wal: Frost(self.wal_refill_amount),
                balance_min: self.sub_wallets_min_balance,
            },
        })
    }

    fn auth(&self) -> anyhow::Result<Option<AuthOptions>> {
        let has_key = self.jwt_decode_secret.is_some() || self.jwt_checked_by_proxy;
        if !has_key {
            if self.jwt_verify_upload || self.jwt_expiring_sec > 0 {
                bail!(
                    "tokens are asked for, but nobody would check their signature: give --jwt-decode-secret, or \
                     --jwt-checked-by-proxy if a proxy does"
                );
            }
            return Ok(None);
        }
        Ok(Some(AuthOptions {
            secret: self.jwt_decode_secret.clone(),
            algorithm: self.jwt_algorithm.clone(),
            lifetime_secs: self.jwt_expiring_sec,
            verify_upload: self.jwt_verify_upload,
            used_tokens_max: self.jwt_cache_size,
            used_tokens_file: Some(self.sub_wallets_dir.join(USED_TOKENS_FILE)),
        }))
    }
}

/// Stores what it is sent over HTTP.
pub(crate) async fn run(context: &Context, args: PublisherArgs) -> anyhow::Result<()> {
    let gateway = start(context, &args.serve, None, &args.store).await?;
    serve(context, "publisher", gateway).await
}

/// A gateway that stores, and reads as `read` says.
pub(super) async fn start(
    context: &Context,
    serve: &ServeArgs,
    read: Option<&ReadArgs>,
    store: &PublishArgs,
) -> anyhow::Result<Gateway> {
    let signing = context.publishing()?;
    let setup = PublisherSetup {
        options: store.options()?,
        env: signing.env,
        rpc_urls: signing.rpc_urls,
    };
    Ok(Gateway::start(signing.client, serve.options(read), Some(setup)).await?)
}
