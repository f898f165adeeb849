//! Who may store: bearer tokens (JWT) that name what they are good for, each of which is used once.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, errors::ErrorKind};
use serde::Deserialize;
use stdx::{Mutex, SaturatingFrom as _};
use walrus_core::{EpochCount, ObjectId, SuiAddress, node_api::ErrorStatus};

use super::used_tokens::{Refusal, UsedTokens};
use crate::error::{envelope, respond};

/// Who defines the reasons.
const DOMAIN: &str = "auth.publisher.walrus.space";
/// The word in the claim `allow` for a store, which a token without that claim is good for.
const STORE: &str = "store";
/// What a client without a valid token is told to bring.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"walrus publisher\"");

/// Which tokens are accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthOptions {
    /// The key that signatures are checked with: `0x` and hexadecimal digits, or text. Bytes of a
    /// secret for HS algorithms, a raw public key for EdDSA, DER for the others. Without it a proxy
    /// must have checked the signature.
    pub secret: Option<String>,
    /// The algorithm tokens must be signed with.
    pub algorithm: String,
    /// Seconds that must lie between `iat` and `exp`; anything if zero.
    pub lifetime_secs: u64,
    /// Whether `epochs` and `send_object_to` are compared with the query, and the announced length
    /// with the sizes.
    pub verify_upload: bool,
    /// Used tokens that are remembered until they expire.
    pub used_tokens_max: usize,
    /// Where they are remembered over a restart.
    pub used_tokens_file: Option<PathBuf>,
}

impl fmt::Debug for AuthOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthOptions")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The key or the algorithm cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthConfigError {
    /// There is no such algorithm.
    #[error(
        "`{0}` is no algorithm for tokens: give HS256, HS384, HS512, ES256, ES384, RS256, RS384, RS512, PS256, PS384, PS512 or EdDSA"
    )]
    Algorithm(String),
    /// The key cannot be used with the algorithm.
    #[error("the key for tokens cannot be used: {0}")]
    Key(String),
    /// The file of used tokens cannot be used.
    #[error("cannot remember used tokens in {path}: {reason}")]
    UsedTokens {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What a token says.
#[derive(Debug, Clone, Deserialize)]
struct Claims {
    exp: i64,
    jti: String,
    iat: Option<i64>,
    epochs: Option<EpochCount>,
    max_epochs: Option<EpochCount>,
    size: Option<u64>,
    max_size: Option<u64>,
    send_object_to: Option<String>,
    /// What it is good for, if not only for a store.
    #[serde(default)]
    allow: Vec<String>,
    /// The only object that it is good for.
    object: Option<String>,
}

/// What a token can allow besides a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Deleting a blob.
    Delete,
    /// Keeping a blob longer.
    Extend,
}

impl Action {
    /// The word in the claim `allow`.
    const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Extend => "extend",
        }
    }
}

/// What is asked for, as far as tokens can limit it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub epochs: EpochCount,
    pub send_object_to: Option<SuiAddress>,
    /// The length the client announces.
    pub announced: Option<u64>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthError {
    Missing,
    InvalidToken,
    InvalidSignature,
    Expired,
    InvalidTimestamp,
    InvalidExpiration,
    Inconsistent,
    InvalidEpochs,
    InvalidSize,
    InvalidReceiver,
    AlreadyUsed,
    TooManyTokens,
    NotRemembered,
    NotAllowed,
    TokensOff,
}

impl AuthError {
    const fn status(self) -> ErrorStatus {
        match self {
            Self::Missing
            | Self::InvalidToken
            | Self::InvalidSignature
            | Self::Expired
            | Self::InvalidTimestamp => ErrorStatus::Unauthenticated,
            // A token that was used before is answered with 409 in the end.
            Self::InvalidExpiration
            | Self::Inconsistent
            | Self::InvalidEpochs
            | Self::InvalidSize
            | Self::InvalidReceiver
            | Self::AlreadyUsed
            | Self::NotAllowed
            | Self::TokensOff => ErrorStatus::PermissionDenied,
            Self::TooManyTokens | Self::NotRemembered => ErrorStatus::Unavailable,
        }
    }

    /// The reason, and a sentence.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => (
                "MISSING_TOKEN",
                "a bearer token is needed in the header Authorization",
            ),
            Self::InvalidToken => ("INVALID_TOKEN", "the token is malformed"),
            Self::InvalidSignature => (
                "INVALID_SIGNATURE",
                "the token is not signed with the key of this publisher",
            ),
            Self::Expired => ("EXPIRED_SIGNATURE", "the token has expired"),
            Self::InvalidTimestamp => ("INVALID_TIMESTAMP", "the token is not valid yet"),
            Self::InvalidExpiration => (
                "INVALID_EXPIRATION",
                "the token does not have the lifetime that this publisher asks for",
            ),
            Self::Inconsistent => (
                "INCONSISTENT_TOKEN",
                "the token has a value and a maximum for the same thing",
            ),
            Self::InvalidEpochs => (
                "INVALID_EPOCHS",
                "the token is not good for this number of epochs",
            ),
            Self::InvalidSize => (
                "INVALID_SIZE",
                "the token is not good for a body of this size",
            ),
            Self::InvalidReceiver => (
                "INVALID_SEND_OBJECT_TO",
                "the token is not good for this receiver",
            ),
            Self::AlreadyUsed => (
                "TOKEN_ALREADY_USED",
                "the token was used before; every store needs one of its own",
            ),
            Self::TooManyTokens => (
                "TOO_MANY_TOKENS",
                "too many tokens are in use; try again later",
            ),
            Self::NotAllowed => ("NOT_ALLOWED", "the token does not allow this"),
            Self::TokensOff => (
                "TOKENS_OFF",
                "this publisher asks for no tokens, so nobody can extend or delete through it",
            ),
            Self::NotRemembered => (
                "UNAVAILABLE",
                "tokens cannot be remembered at this time; try again later",
            ),
        }
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let (status, (reason, message)) = (self.status(), self.words());
        let mut envelope = envelope(status, reason, DOMAIN, message.to_owned());
        if self == Self::AlreadyUsed {
            envelope.error.code = 409;
        }
        let mut response = respond(envelope);
        if status == ErrorStatus::Unauthenticated {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        response
    }
}

/// Checks tokens, and remembers those that were used.
#[derive(Clone)]
pub(crate) struct Auth {
    options: Arc<AuthOptions>,
    /// Absent if a proxy has checked signatures.
    key: Option<Arc<DecodingKey>>,
    validation: Arc<Validation>,
    used: Arc<Mutex<UsedTokens>>,
}

/// A token that was accepted for what was announced. Its sizes are compared once more with what
/// arrives.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    claims: Claims,
}

impl Auth {
    pub(crate) fn new(options: AuthOptions) -> Result<Self, AuthConfigError> {
        let algorithm = Algorithm::from_str(&options.algorithm)
            .map_err(|_| AuthConfigError::Algorithm(options.algorithm.clone()))?;
        let key = options
            .secret
            .as_deref()
            .map(|secret| decoding_key(algorithm, secret))
            .transpose()?;
        let file = options.used_tokens_file.as_deref();
        let used = UsedTokens::open(file, options.used_tokens_max, now_secs());
        let used = used.map_err(|error| AuthConfigError::UsedTokens {
            path: file.map(Path::to_owned).unwrap_or_default(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            options: Arc::new(options),
            key: key.map(Arc::new),
            validation: Arc::new(Validation::new(algorithm)),
            used: Arc::new(Mutex::new(used)),
        })
    }

    /// Uses up the token of a request. It is not used up if it is not good for what is asked. Waits
    /// for the disk: not for the threads of an executor.
    pub(crate) fn permit(&self, headers: &HeaderMap, asked: &Asked) -> Result<Permit, AuthError> {
        let claims = self.claims(bearer(headers)?)?;
        self.check(&claims, asked)?;
        self.use_up(&claims)?;
        Ok(Permit { claims })
    }

    /// Uses up a token that allows something else than a store.
    pub(crate) fn allow(
        &self,
        headers: &HeaderMap,
        action: Action,
        object: ObjectId,
    ) -> Result<(), AuthError> {
        let claims = self.claims(bearer(headers)?)?;
        self.check_lifetime(&claims)?;
        let is_allowed = claims.allow.iter().any(|word| word == action.name());
        let is_this = claims.object.as_ref().is_none_or(|named| {
            let named: Option<ObjectId> = named.parse().ok();
            named == Some(object)
        });
        if !is_allowed || !is_this {
            return Err(AuthError::NotAllowed);
        }
        self.use_up(&claims)
    }

    fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        let claims = match &self.key {
            Some(key) => jsonwebtoken::decode::<Claims>(token, key, &self.validation),
            None => jsonwebtoken::dangerous::insecure_decode::<Claims>(token),
        };
        let claims = claims
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => {
                    AuthError::InvalidSignature
                }
                ErrorKind::ExpiredSignature => AuthError::Expired,
                ErrorKind::ImmatureSignature => AuthError::InvalidTimestamp,
                _ => AuthError::InvalidToken,
            })?
            .claims;
        // The library checks this only together with the signature.
        let leeway = i64::saturating_from(self.validation.leeway);
        if claims.exp.saturating_add(leeway) < now_secs() {
            return Err(AuthError::Expired);
        }
        Ok(claims)
    }

    fn check_lifetime(&self, claims: &Claims) -> Result<(), AuthError> {
        let lifetime = i64::saturating_from(self.options.lifetime_secs);
        if lifetime > 0 {
            let issued = claims.iat.ok_or(AuthError::InvalidExpiration)?;
            if claims.exp.checked_sub(issued) != Some(lifetime) {
                return Err(AuthError::InvalidExpiration);
            }
        }
        Ok(())
    }

    fn check(&self, claims: &Claims, asked: &Asked) -> Result<(), AuthError> {
        self.check_lifetime(claims)?;
        if !claims.allow.is_empty() && claims.allow.iter().all(|word| word != STORE) {
            return Err(AuthError::NotAllowed);
        }
        let twice = (claims.epochs.is_some() && claims.max_epochs.is_some())
            || (claims.size.is_some() && claims.max_size.is_some());
        if twice {
            return Err(AuthError::Inconsistent);
        }
        if !self.options.verify_upload {
            return Ok(());
        }
        if claims.epochs.is_some_and(|epochs| epochs != asked.epochs)
            || claims.max_epochs.is_some_and(|max| max < asked.epochs)
        {
            return Err(AuthError::InvalidEpochs);
        }
        if let Some(receiver) = &claims.send_object_to {
            let receiver = receiver.parse::<SuiAddress>().ok();
            if receiver.is_none() || receiver != asked.send_object_to {
                return Err(AuthError::InvalidReceiver);
            }
        }
        match asked.announced {
            Some(announced) => check_size(claims, announced),
            None => Ok(()),
        }
    }

    /// Remembers a token until it has expired.
    fn use_up(&self, claims: &Claims) -> Result<(), AuthError> {
        let leeway = i64::saturating_from(self.validation.leeway);
        let expiry = claims.exp.saturating_add(leeway);
        let mut used = self.used.lock();
        let taken = used.take(&claims.jti, expiry, now_secs());
        taken.map_err(|refusal| match refusal {
            Refusal::Used => AuthError::AlreadyUsed,
            Refusal::Full => AuthError::TooManyTokens,
            Refusal::File(error) => {
                tracing::error!(%error, "a used token cannot be remembered");
                AuthError::NotRemembered
            }
        })
    }
}

impl Permit {
    /// Compares the token with the body that has arrived.
    pub(crate) fn check_size(&self, size: u64) -> Result<(), AuthError> {
        check_size(&self.claims, size)
    }

    /// The same for a quilt, whose exact size on arrival is nothing a client knows: only a maximum
    /// counts.
    pub(crate) fn check_size_max(&self, size: u64) -> Result<(), AuthError> {
        match self.claims.max_size {
            Some(max) if size > max => Err(AuthError::InvalidSize),
            _ => Ok(()),
        }
    }
}

fn check_size(claims: &Claims, actual: u64) -> Result<(), AuthError> {
    if claims.size.is_some_and(|size| size != actual)
        || claims.max_size.is_some_and(|max| max < actual)
    {
        return Err(AuthError::InvalidSize);
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or(AuthError::Missing)?;
    let text = value.to_str().map_err(|_| AuthError::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(AuthError::InvalidToken)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(AuthError::InvalidToken)
    }
}

fn decoding_key(algorithm: Algorithm, secret: &str) -> Result<DecodingKey, AuthConfigError> {
    let bytes = match secret.strip_prefix("0x") {
        Some(digits) => {
            hex::decode(digits).map_err(|error| AuthConfigError::Key(error.to_string()))?
        }
        None => secret.as_bytes().to_vec(),
    };
    let family = [
        AlgorithmFamily::Hmac,
        AlgorithmFamily::Rsa,
        AlgorithmFamily::Ec,
        AlgorithmFamily::Ed,
    ]
    .into_iter()
    .find(|family| family.algorithms().contains(&algorithm));
    match family {
        Some(AlgorithmFamily::Rsa) => Ok(DecodingKey::from_rsa_der(&bytes)),
        Some(AlgorithmFamily::Ec) => Ok(DecodingKey::from_ec_der(&bytes)),
        Some(AlgorithmFamily::Ed) => Ok(DecodingKey::from_ed_der(&bytes)),
        Some(AlgorithmFamily::Hmac) | None => DecodingKey::from_secret(&bytes)
            .map_err(|error| AuthConfigError::Key(error.to_string())),
    }
}

fn now_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| i64::saturating_from(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of more than thirty-two bytes";
    const RECEIVER: SuiAddress = SuiAddress([7; 32]);

    fn options() -> AuthOptions {
        AuthOptions {
            secret: Some(SECRET.to_owned()),
            algorithm: "HS256".to_owned(),
            lifetime_secs: 0,
            verify_upload: true,
            used_tokens_max: 100,
            used_tokens_file: None,
        }
    }

    fn headers(token: &str) -> HeaderMap {
        let value = format!("Bearer {token}").parse().unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    fn signed(claims: &Value, secret: &str) -> HeaderMap {
        let key = EncodingKey::from_secret(secret.as_bytes()).unwrap();
        headers(&encode(&Header::default(), claims, &key).unwrap())
    }

    fn asked() -> Asked {
        Asked {
            epochs: 3,
            send_object_to: Some(RECEIVER),
            announced: Some(100),
        }
    }

    /// Claims of a token that is good, and more.
    fn claims(id: &str, more: Value) -> Value {
        let mut claims = json!({"exp": now_secs() + 600, "iat": now_secs(), "jti": id});
        let more: serde_json::Map<String, Value> = serde_json::from_value(more).unwrap();
        claims.as_object_mut().unwrap().extend(more);
        claims
    }

    #[test]
    fn a_token_is_good_for_what_it_says_and_nothing_else() {
        let auth = Auth::new(options()).unwrap();
        for (more, expected) in [
            (json!({}), None),
            (json!({"epochs": 3, "size": 100}), None),
            (json!({"max_epochs": 3, "max_size": 100}), None),
            (json!({"send_object_to": RECEIVER.to_string()}), None),
            (json!({"epochs": 2}), Some(AuthError::InvalidEpochs)),
            (json!({"max_epochs": 2}), Some(AuthError::InvalidEpochs)),
            (json!({"size": 99}), Some(AuthError::InvalidSize)),
            (json!({"max_size": 99}), Some(AuthError::InvalidSize)),
            (
                json!({"send_object_to": "0x1"}),
                Some(AuthError::InvalidReceiver),
            ),
            (
                json!({"epochs": 3, "max_epochs": 3}),
                Some(AuthError::Inconsistent),
            ),
            (json!({"exp": now_secs() - 100}), Some(AuthError::Expired)),
            (json!({"exp": "soon"}), Some(AuthError::InvalidToken)),
            (json!({"jti": 7}), Some(AuthError::InvalidToken)),
            (json!({"epochs": -1}), Some(AuthError::InvalidToken)),
        ] {
            let claims = claims(&more.to_string(), more.clone());
            let result = auth.permit(&signed(&claims, SECRET), &asked());
            assert_eq!(result.err(), expected, "{more}");
        }
    }

    #[test]
    fn only_the_key_of_the_publisher_counts() {
        let auth = Auth::new(options()).unwrap();
        let good = claims("a", json!({}));
        let other = auth.permit(
            &signed(&good, "another secret of thirty-two bytes!!"),
            &asked(),
        );
        assert_eq!(other.err(), Some(AuthError::InvalidSignature));
        // The token says that it is not signed.
        let unsigned = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTksImp0aSI6ImIifQ.";
        let unsigned = auth.permit(&headers(unsigned), &asked());
        assert_eq!(unsigned.err(), Some(AuthError::InvalidToken));
        assert_eq!(
            auth.permit(&HeaderMap::new(), &asked()).err(),
            Some(AuthError::Missing)
        );
        for wrong in ["", "a", "a.b", "a.b.c", "…", "a.b.c.d"] {
            let refused = auth.permit(&headers(wrong), &asked()).err();
            assert_eq!(refused, Some(AuthError::InvalidToken), "{wrong}");
        }
        assert!(auth.permit(&signed(&good, SECRET), &asked()).is_ok());
    }

    #[test]
    fn a_token_is_used_once_unless_it_was_refused() {
        let auth = Auth::new(AuthOptions {
            used_tokens_max: 2,
            ..options()
        })
        .unwrap();
        let token = signed(&claims("a", json!({"epochs": 3})), SECRET);
        let other = Asked {
            epochs: 4,
            ..asked()
        };
        assert_eq!(
            auth.permit(&token, &other).err(),
            Some(AuthError::InvalidEpochs)
        );
        assert!(auth.permit(&token, &asked()).is_ok());
        assert_eq!(
            auth.permit(&token, &asked()).err(),
            Some(AuthError::AlreadyUsed)
        );
        assert!(
            auth.permit(&signed(&claims("b", json!({})), SECRET), &asked())
                .is_ok()
        );
        let full = auth.permit(&signed(&claims("c", json!({})), SECRET), &asked());
        assert_eq!(full.err(), Some(AuthError::TooManyTokens));
    }

    #[test]
    fn tokens_that_change_objects_say_so() {
        let auth = Auth::new(options()).unwrap();
        let (this, other) = (ObjectId([1; 32]), ObjectId([2; 32]));
        let token = |id: &str, more: Value| signed(&claims(id, more), SECRET);
        let store = token("a", json!({}));
        let refused = auth.allow(&store, Action::Delete, this);
        assert_eq!(refused, Err(AuthError::NotAllowed));
        let delete = token(
            "b",
            json!({"allow": ["delete"], "object": this.to_string()}),
        );
        assert_eq!(
            auth.permit(&delete, &asked()).err(),
            Some(AuthError::NotAllowed)
        );
        for (action, object) in [(Action::Extend, this), (Action::Delete, other)] {
            let refused = auth.allow(&delete, action, object);
            assert_eq!(refused, Err(AuthError::NotAllowed));
        }
        assert_eq!(auth.allow(&delete, Action::Delete, this), Ok(()));
        let again = auth.allow(&delete, Action::Delete, this);
        assert_eq!(again, Err(AuthError::AlreadyUsed));
        let both = token("c", json!({"allow": ["extend", "store"]}));
        assert!(auth.permit(&both, &asked()).is_ok());
    }

    #[test]
    fn lifetimes_are_exact_when_they_are_asked_for() {
        let auth = Auth::new(AuthOptions {
            lifetime_secs: 600,
            ..options()
        })
        .unwrap();
        assert!(
            auth.permit(&signed(&claims("a", json!({})), SECRET), &asked())
                .is_ok()
        );
        for more in [
            json!({"iat": now_secs() - 1}),
            json!({"iat": null}),
            json!({"iat": i64::MIN}),
        ] {
            let token = signed(&claims("b", more), SECRET);
            assert_eq!(
                auth.permit(&token, &asked()).err(),
                Some(AuthError::InvalidExpiration)
            );
        }
    }

    #[test]
    fn a_proxy_may_have_checked_the_signature() {
        let auth = Auth::new(AuthOptions {
            secret: None,
            ..options()
        })
        .unwrap();
        let token = signed(
            &claims("a", json!({})),
            "nobody knows it, but it is long enough",
        );
        assert!(auth.permit(&token, &asked()).is_ok());
        let old = signed(&claims("b", json!({"exp": now_secs() - 100})), SECRET);
        assert_eq!(auth.permit(&old, &asked()).err(), Some(AuthError::Expired));
    }

    #[test]
    fn keys_and_algorithms_that_cannot_be_used_are_told() {
        let new = |secret: &str, algorithm: &str| {
            let options = AuthOptions {
                secret: Some(secret.to_owned()),
                algorithm: algorithm.to_owned(),
                ..options()
            };
            Auth::new(options).err()
        };
        assert!(matches!(
            new(SECRET, "none"),
            Some(AuthConfigError::Algorithm(_))
        ));
        assert!(matches!(
            new("0xzz", "HS256"),
            Some(AuthConfigError::Key(_))
        ));
        assert!(new(&format!("0x{}", "ab".repeat(32)), "HS512").is_none());
    }
}
