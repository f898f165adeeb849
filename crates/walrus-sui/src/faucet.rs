//! Test networks hand out SUI through a faucet.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use stdx::root_cause;
use walrus_core::{ObjectId, SuiAddress};

/// A faucet answers after its transfer is executed, which takes seconds on public networks.
const TIMEOUT: Duration = Duration::from_secs(60);
const PATH: &str = "v2/gas";

/// Why the faucet did not pay.
#[derive(Debug, thiserror::Error)]
pub enum FaucetError {
    /// The faucet cannot be reached or does not answer properly.
    #[error("cannot get SUI from the faucet at {url}: {reason}")]
    Unavailable {
        /// The faucet.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The faucet limits how often it pays.
    #[error("the faucet at {0} refuses for now because of too many requests; try again later")]
    RateLimited(String),
    /// The faucet refused.
    #[error("the faucet at {url} refused: {reason}")]
    Refused {
        /// The faucet.
        url: String,
        /// Its reason.
        reason: String,
    },
}

/// A coin the faucet sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaucetCoin {
    /// The coin object.
    pub id: ObjectId,
    /// Its balance in MIST.
    pub amount_mist: u64,
}

#[derive(Deserialize)]
struct Answer {
    status: Status,
    #[serde(default)]
    coins_sent: Option<Vec<CoinSent>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Word(String),
    Other(serde_json::Value),
}

#[derive(Deserialize)]
struct CoinSent {
    amount: u64,
    id: String,
}

/// Asks the faucet at `url` (with or without the path `/v2/gas`) for SUI. On success the coins are
/// spendable.
pub async fn request(url: &str, recipient: SuiAddress) -> Result<Vec<FaucetCoin>, FaucetError> {
    let unavailable = |reason: String| FaucetError::Unavailable {
        url: url.to_owned(),
        reason,
    };
    let base = url.trim_end_matches('/');
    let endpoint = if base.ends_with("/gas") {
        base.to_owned()
    } else {
        format!("{base}/{PATH}")
    };
    let body = serde_json::json!({ "FixedAmountRequest": { "recipient": recipient.to_string() } });
    let response = http_client()
        .map_err(unavailable)?
        .post(endpoint)
        .json(&body)
        .send()
        .await
        .map_err(|error| unavailable(root_cause(&error)))?;
    let status = response.status();
    if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
        return Err(FaucetError::RateLimited(url.to_owned()));
    }
    let text = response
        .text()
        .await
        .map_err(|error| unavailable(root_cause(&error)))?;
    if !status.is_success() {
        return Err(unavailable(format!("HTTP status {status}")));
    }
    parse(url, &text)
}

fn parse(url: &str, text: &str) -> Result<Vec<FaucetCoin>, FaucetError> {
    let unavailable = |reason: String| FaucetError::Unavailable {
        url: url.to_owned(),
        reason,
    };
    let answer: Answer = serde_json::from_str(text)
        .map_err(|error| unavailable(format!("strange answer: {error}")))?;
    let reason = match answer.status {
        Status::Word(word) if word == "Success" => {
            return answer
                .coins_sent
                .unwrap_or_default()
                .into_iter()
                .map(|coin| {
                    let id = coin
                        .id
                        .parse()
                        .map_err(|_| unavailable(format!("strange coin ID {:?}", coin.id)))?;
                    Ok(FaucetCoin {
                        id,
                        amount_mist: coin.amount,
                    })
                })
                .collect();
        }
        Status::Word(word) => word,
        Status::Other(value) => value
            .pointer("/Failure/Internal")
            .and_then(|text| text.as_str().map(ToOwned::to_owned))
            .unwrap_or_else(|| value.to_string()),
    };
    if reason.contains("TooManyRequests") {
        return Err(FaucetError::RateLimited(url.to_owned()));
    }
    Err(FaucetError::Refused {
        url: url.to_owned(),
        reason,
    })
}

fn http_client() -> Result<reqwest::Client, String> {
    // Whoever installs a provider first wins; any provider will do for the faucet.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let provider: Result<(), Arc<_>> =
            rustls::crypto::ring::default_provider().install_default();
        drop(provider);
    }
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| root_cause(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let id = format!("0x{}", "0".repeat(62) + "0a");
        let text = format!(
            r#"{{"status":"Success","coins_sent":[{{"amount":200000000000,"id":"{id}","transferTxDigest":"x"}}]}}"#
        );
        let coins = parse("u", &text).unwrap();
        assert_eq!(coins.len(), 1);
        assert_eq!(coins[0].amount_mist, 200_000_000_000);
        assert_eq!(coins[0].id.to_string(), id);
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = r#"{"status":{"Failure":{"Internal":"out of money"}},"coins_sent":null}"#;
        let error = parse("u", refused).unwrap_err();
        assert!(matches!(&error, FaucetError::Refused { reason, .. } if reason == "out of money"));
        let limited = r#"{"status":{"Failure":{"TooManyRequests":"slow down"}},"coins_sent":null}"#;
        assert!(matches!(
            parse("u", limited),
            Err(FaucetError::RateLimited(_))
        ));
        assert!(matches!(
            parse("u", "<html>"),
            Err(FaucetError::Unavailable { .. })
        ));
    }
}
