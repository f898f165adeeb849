//! The description of the API, made from the handlers, and a page that shows it.

use axum::{Json, Router, response::Html, routing::get};
use utoipa::{
    OpenApi,
    openapi::{PathItem, RefOr, path::Operation},
};

use crate::paths;

/// What an aggregator answers.
#[derive(OpenApi)]
#[openapi(
    info(title = "Walrus gateway", description = "Blobs over plain HTTP."),
    paths(
        crate::service::status,
        crate::service::health,
        crate::aggregator::blobs::by_id,
        crate::aggregator::blobs::by_object_id,
        crate::aggregator::blobs::byte_range,
        crate::aggregator::blobs::stream,
        crate::aggregator::concat::by_query,
        crate::aggregator::concat::by_body,
        crate::aggregator::quilts::by_patch_id,
        crate::aggregator::quilts::by_identifier,
        crate::aggregator::quilts::list,
        crate::aggregator::facts::status,
        crate::aggregator::facts::info,
        crate::publisher::store::put_blob,
        crate::publisher::quilts::put_quilt,
        crate::publisher::objects::blob_id,
        crate::publisher::objects::list,
        crate::publisher::objects::delete,
        crate::publisher::objects::extend,
    ),
    components(schemas(
        crate::aggregator::concat::ConcatRequest,
        crate::aggregator::quilts::PatchEntry
    ))
)]
struct Document;

/// What an upload relay answers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Walrus upload relay",
        description = "Distributes blobs for clients that register and certify them."
    ),
    paths(
        crate::service::status,
        crate::relay::api::tip_config,
        crate::relay::api::upload,
    )
)]
struct RelayDocument;

/// The OpenAPI document of the gateway, as it is served and committed.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The OpenAPI document of the upload relay, as it is served and committed.
pub fn relay_document() -> utoipa::openapi::OpenApi {
    RelayDocument::openapi()
}

/// A document and the page that shows it.
pub(crate) fn router(document: fn() -> utoipa::openapi::OpenApi, title: &'static str) -> Router {
    let page = move || async move { Html(page(&document(), title)) };
    Router::new().route(paths::API, get(page)).route(
        paths::API_DOCUMENT,
        get(move || async move { Json(document()) }),
    )
}

/// A page that needs nothing from elsewhere.
fn page(document: &utoipa::openapi::OpenApi, title: &str) -> String {
    let paths = document.paths.paths.iter();
    let rows: String = paths.flat_map(|(path, item)| rows(path, item)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font-family:sans-serif;margin:2em}}td{{padding:.4em 1em;vertical-align:top;border-top:1px solid #ccc}}\
         small{{color:#555}}</style><h1>{title}</h1>\
         <p>The same as an <a href=\"{}\">OpenAPI document</a>.</p><table>\n{rows}</table></html>\n",
        paths::API_DOCUMENT
    )
}

/// A row of the table for every method of a path.
fn rows(path: &str, item: &PathItem) -> impl Iterator<Item = String> {
    operations(item).map(move |(method, operation)| {
        let summary = operation.summary.as_deref().unwrap_or_default();
        format!(
            "<tr><td><b>{method}</b></td><td><code>{}</code></td><td>{}{}</td></tr>\n",
            escaped(path),
            escaped(summary),
            details(operation),
        )
    })
}

fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let methods = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
    ];
    methods
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Parameters and statuses.
fn details(operation: &Operation) -> String {
    let parameters = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| {
            let RefOr::T(parameter) = parameter else {
                return None;
            };
            let description = parameter.description.as_deref().unwrap_or_default();
            let name = escaped(&parameter.name);
            Some(format!("<code>{name}</code> {}", escaped(description)))
        });
    let statuses = operation
        .responses
        .responses
        .iter()
        .map(|(status, response)| {
            let text = match response {
                RefOr::T(response) => response.description.as_str(),
                RefOr::Ref(_) => "",
            };
            format!("<b>{}</b> {}", escaped(status), escaped(text))
        });
    let lines: Vec<String> = parameters.chain(statuses).collect();
    format!("<br><small>{}</small>", lines.join("<br>"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set to write the committed document anew.
    const UPDATE: &str = "WALRUS_UPDATE_VECTORS";

    #[test]
    fn the_committed_documents_are_those_that_are_served() {
        for (name, document) in [("gateway", document()), ("upload-relay", relay_document())] {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
            let path = format!("{folder}/{name}.openapi.json");
            let text = document.to_pretty_json().unwrap() + "\n";
            if std::env::var_os(UPDATE).is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == text,
                "{path} is not what the handlers say; look at the difference that {UPDATE}=1 makes"
            );
        }
    }

    #[test]
    fn the_pages_name_every_path_and_load_nothing() {
        for document in [document(), relay_document()] {
            let page = page(&document, "Title");
            for path in document.paths.paths.keys() {
                assert!(page.contains(path.as_str()), "{path}");
            }
            let loads = ["<script", "http://", "https://"];
            assert!(loads.iter().all(|text| !page.contains(text)));
        }
    }
}
