//! The price of WAL in dollars, from a source the operator names.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Url};
use serde_json::Value;
use stdx::root_cause;

use crate::config::PriceMonitorConfig;

/// Longest time for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Prices outside of these are taken for mistakes of the source, in dollars per WAL.
const USD_PER_WAL: std::ops::RangeInclusive<f64> = 0.000_01..=100_000.0;

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The source cannot be asked.
    #[error("cannot ask {url} for the price of WAL: {reason}")]
    Unavailable {
        /// The source.
        url: String,
        /// The cause.
        reason: String,
    },
    /// The source answers something else than a price.
    #[error("{url} does not tell the price of WAL: {reason}")]
    Answer {
        /// The source.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

/// Something on the web that tells, in JSON, what a WAL costs.
#[derive(Debug, Clone)]
pub struct PriceSource {
    client: Client,
    url: Url,
    pointer: String,
}

impl PriceSource {
    /// Prepares asking; nothing is sent yet.
    pub fn new(config: &PriceMonitorConfig) -> Result<Self, PriceError> {
        // Whoever installs a provider first wins; any will do here.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let provider: Result<(), Arc<_>> =
                rustls::crypto::ring::default_provider().install_default();
            drop(provider);
        }
        let failed = |reason: String| PriceError::Unavailable {
            url: config.url.clone(),
            reason,
        };
        Ok(Self {
            client: Client::builder()
                .timeout(TIMEOUT)
                .build()
                .map_err(|error| failed(error.to_string()))?,
            url: config
                .url
                .parse()
                .map_err(|error| failed(format!("{error}")))?,
            pointer: config.pointer.clone(),
        })
    }

    /// What a WAL costs now, in dollars.
    pub async fn usd_per_wal(&self) -> Result<f64, PriceError> {
        let body = self
            .fetch()
            .await
            .map_err(|error| PriceError::Unavailable {
                url: self.url.to_string(),
                reason: root_cause(&error),
            })?;
        let body = body.ok_or_else(|| self.wrong("the answer is too long"))?;
        let answer: Value =
            serde_json::from_slice(&body).map_err(|_| self.wrong("the answer is not JSON"))?;
        let price = answer
            .pointer(&self.pointer)
            .ok_or_else(|| self.wrong(&format!("there is nothing at {:?}", self.pointer)))?;
        // Some sources send numbers as text, to keep their digits.
        let price = price
            .as_f64()
            .or_else(|| price.as_str().and_then(|text| text.parse().ok()))
            .ok_or_else(|| self.wrong("the price is not a number"))?;
        if USD_PER_WAL.contains(&price) {
            Ok(price)
        } else {
            Err(self.wrong(&format!("{price} dollars is no price of a WAL")))
        }
    }

    /// The answer; `None` if it is too long.
    async fn fetch(&self) -> Result<Option<Vec<u8>>, reqwest::Error> {
        let answer = self.client.get(self.url.clone()).send().await?;
        let mut answer = answer.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    fn wrong(&self, reason: &str) -> PriceError {
        PriceError::Answer {
            url: self.url.to_string(),
            reason: reason.to_owned(),
        }
    }
}
