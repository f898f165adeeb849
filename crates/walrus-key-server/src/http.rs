//! What is said on the wire.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};
use walrus_core::ObjectId;
use walrus_http::{Connection, HttpLimits, budget::PeerAddress, surround};
use walrus_seal::{
    Code, FetchKeyRequest, FetchKeyResponse, Refusal,
    request::{
        FETCH_KEY_PATH, HEALTH_PATH, PARTIAL_PK_PATH, REQUEST_BYTES_MAX, REQUEST_ID_HEADER,
        SDK_TYPE_HEADER, SDK_VERSION_HEADER, SERVER_GIT_VERSION_HEADER, SERVER_VERSION_HEADER,
        SERVICE_PATH, ServiceResponse,
    },
};

use crate::{
    PROTOCOL_VERSION,
    config::KeyServerConfig,
    metrics::{Client, Metrics},
    service::Service,
};

/// Where the description of this interface is.
pub const API_PATH: &str = "/v1/api";
/// The description.
const API_DOCUMENT: &str = include_str!("../openapi.json");
/// Larger numbers in versions of clients count as this one in metrics.
const VERSION_NUMBER_MAX: u64 = 20;

/// A refusal as an answer.
pub(crate) struct Refused(pub(crate) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0.body())).into_response()
    }
}

/// Versions of clients that are served.
#[derive(Debug, Clone)]
pub(crate) struct Requirements {
    typescript: semver::VersionReq,
    rust: semver::VersionReq,
    python: semver::VersionReq,
    aggregator: semver::VersionReq,
}

impl Requirements {
    pub(crate) fn new(config: &KeyServerConfig) -> Self {
        Self {
            typescript: config.ts_sdk_version_requirement.clone(),
            rust: config.rust_sdk_version_requirement.clone(),
            python: config.python_sdk_version_requirement.clone(),
            aggregator: config.aggregator_version_requirement.clone(),
        }
    }

    /// The name of a kind of client in metrics, and what is required of it.
    fn of(&self, sdk_type: &str) -> Option<(&'static str, &semver::VersionReq)> {
        Some(match sdk_type {
            "typescript" => ("typescript", &self.typescript),
            "rust" => ("rust", &self.rust),
            "python" => ("python", &self.python),
            "aggregator" => ("aggregator", &self.aggregator),
            _ => return None,
        })
    }

    /// Checks what a client says of itself.
    fn check(&self, headers: &HeaderMap, metrics: &Metrics) -> Result<(), Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let version = text(SDK_VERSION_HEADER)
            .ok_or_else(|| Refusal::new(Code::MissingRequiredHeader, "Client-Sdk-Version"))?;
        let version: semver::Version = version
            .parse()
            .map_err(|_| Refusal::of(Code::InvalidSDKVersion))?;
        let known = text(SDK_TYPE_HEADER).and_then(|sdk_type| self.of(sdk_type));
        let label = Client {
            sdk_type: known.map_or("other", |(name, _)| name),
            version: capped(&version),
        };
        metrics.clients.get_or_create(&label).inc();
        match known {
            // A prerelease is as good as its release.
            Some((_, required)) if !required.matches(&release(&version)) => {
                Err(Refusal::of(Code::DeprecatedSDKVersion))
            }
            _ => Ok(()),
        }
    }
}

fn release(version: &semver::Version) -> semver::Version {
    semver::Version::new(version.major, version.minor, version.patch)
}

fn capped(version: &semver::Version) -> String {
    let cap = |number: u64| number.min(VERSION_NUMBER_MAX);
    let (major, minor) = (cap(version.major), cap(version.minor));
    format!("{major}.{minor}.{}", cap(version.patch))
}

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) service: Arc<Service>,
    pub(crate) requirements: Arc<Requirements>,
    /// The header in which a trusted proxy says whose request it is.
    pub(crate) address_header: Option<String>,
}

/// All routes of a key server.
pub(crate) fn router(app: App, limits: &HttpLimits, scheme: &'static str) -> Router {
    let metrics = app.service.metrics().clone();
    let routes = Router::new()
        .route(FETCH_KEY_PATH, post(fetch_keys))
        .route(SERVICE_PATH, get(service))
        .route(PARTIAL_PK_PATH, get(partial_public_key))
        .route(API_PATH, get(api))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), check_client))
        .layer(middleware::from_fn(say_version))
        .route(HEALTH_PATH, get(health))
        .with_state(app);
    surround_all(routes, &metrics, limits, scheme)
}

/// Bounds, measurements and what browsers need.
pub(crate) fn surround_all(
    routes: Router,
    metrics: &Metrics,
    limits: &HttpLimits,
    scheme: &'static str,
) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers(Any);
    surround(routes, &metrics.http, limits.requests_max, scheme, busy)
        .layer(CatchPanicLayer::new())
        .layer(cors)
}

fn busy() -> Response {
    Refused(Refusal::of(Code::Failure)).into_response()
}

async fn check_client(State(app): State<App>, request: Request, next: Next) -> Response {
    let checked = app
        .requirements
        .check(request.headers(), app.service.metrics());
    match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => Refused(refusal).into_response(),
    }
}

/// Every answer says which version it is of, refusals too.
pub(crate) async fn say_version(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let (version, build) = (PROTOCOL_VERSION, env!("CARGO_PKG_VERSION"));
    headers.insert(SERVER_VERSION_HEADER, HeaderValue::from_static(version));
    headers.insert(SERVER_GIT_VERSION_HEADER, HeaderValue::from_static(build));
    response
}

async fn fetch_keys(
    State(app): State<App>,
    Extension(connection): Extension<Arc<Connection>>,
    headers: HeaderMap,
    Json(request): Json<FetchKeyRequest>,
) -> Result<Json<FetchKeyResponse>, Refused> {
    let peer = peer(&app, &headers, &connection);
    let user = request.certificate.user;
    let answer = app.service.fetch_keys(request, peer).await;
    let id = headers
        .get(REQUEST_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("none");
    match &answer {
        Ok(keys) => {
            tracing::info!(request = id, %user, keys = keys.decryption_keys.len(), "gave out keys");
        }
        Err(refusal) => {
            let code = refusal.code.as_str();
            let message = walrus_core::text::printable(&refusal.message);
            tracing::info!(request = id, %user, code, %message, "refused");
        }
    }
    Ok(Json(answer?))
}

/// Whose request it is, as far as quotas are concerned.
fn peer(app: &App, headers: &HeaderMap, connection: &Connection) -> PeerAddress {
    let told = app.address_header.as_ref().and_then(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        // What the nearest proxy has added is last.
        let last = value.rsplit(',').next()?;
        last.trim().parse::<std::net::IpAddr>().ok()
    });
    told.map_or(connection.holder().address, PeerAddress::from)
}

#[derive(Deserialize)]
struct ServiceQuery {
    service_id: Option<String>,
}

async fn service(
    State(app): State<App>,
    Query(query): Query<ServiceQuery>,
) -> Result<Json<ServiceResponse>, Refused> {
    let id = query.service_id.and_then(|text| text.parse().ok());
    let service_id: ObjectId = id.ok_or_else(|| Refusal::of(Code::InvalidServiceId))?;
    let pop = app.service.proof(service_id)?;
    Ok(Json(ServiceResponse { service_id, pop }))
}

async fn partial_public_key(State(app): State<App>) -> Response {
    match app.service.partial_public_key() {
        Some(key) => Json(json!({ "partial_pk": key })).into_response(),
        None => (StatusCode::BAD_REQUEST, "Unsupported").into_response(),
    }
}

pub(crate) async fn health() -> Response {
    let answer = json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": PROTOCOL_VERSION,
        "status": "up",
    });
    Json(answer).into_response()
}

async fn api() -> Response {
    ([(CONTENT_TYPE, "application/json")], API_DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_all_paths_codes_and_headers() {
        let document: serde_json::Value = serde_json::from_str(API_DOCUMENT).unwrap();
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        let mut expected = [
            API_PATH,
            FETCH_KEY_PATH,
            HEALTH_PATH,
            PARTIAL_PK_PATH,
            SERVICE_PATH,
        ];
        expected.sort_unstable();
        assert_eq!(paths, expected);
        let codes = &document["components"]["schemas"]["Refusal"]["properties"]["error"]["enum"];
        let codes: Vec<&str> = codes
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|code| code.as_str())
            .collect();
        let ours: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes, ours);
        let text = API_DOCUMENT.to_lowercase();
        for header in [SDK_VERSION_HEADER, SDK_TYPE_HEADER, SERVER_VERSION_HEADER] {
            assert!(text.contains(header), "{header}");
        }
    }
}
