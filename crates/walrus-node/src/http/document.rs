//! The API document: OpenAPI, made from the handlers and the types they answer with.
//!
//! `docs/storage-node.openapi.json` is a copy for people who have no node at hand.

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    http::header,
    response::{Html, IntoResponse},
};
use serde_json::Value;
use utoipa::OpenApi;
use walrus_core::node_api::paths;

use super::{handlers, recovery, sync};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Walrus storage node",
        description = "What a storage node answers to clients and to other nodes. Binary bodies are BCS. Malformed paths, \
            queries and headers, and oversized bodies, are refused in plain text; every other refusal is an error \
            envelope whose first detail names one of the reasons listed with its status."
    ),
    paths(
        handlers::get_metadata,
        handlers::put_metadata,
        handlers::metadata_status,
        handlers::get_sliver,
        handlers::put_sliver,
        handlers::sliver_status,
        handlers::permanent_confirmation,
        handlers::deletable_confirmation,
        handlers::blob_status,
        handlers::health,
        recovery::recovery_symbols,
        recovery::decoding_symbols,
        recovery::columns,
        recovery::inconsistency_proof,
        sync::sync_shard,
        page,
        text
    )
)]
struct Document;

/// The document as JSON, made once.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let text = Document::openapi()
        .to_pretty_json()
        .expect("an API document is JSON");
    // Descriptions are doc comments: where their lines end means nothing, and links to Rust items
    // lead nowhere outside.
    let paragraphs: Vec<String> = text
        .split(r"\n\n")
        .map(|text| text.replace(r"\n", " "))
        .collect();
    let text = paragraphs.join(r"\n\n");
    text.replace("[`Self::", "`")
        .replace("[`", "`")
        .replace("`]", "`")
        + "\n"
});

/// The document for people, made once.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::from_str(&TEXT).expect("an API document is JSON");
    to_html(&document)
});

/// The OpenAPI document of the node, in JSON.
pub fn json() -> &'static str {
    &TEXT
}

/// This document, for people.
#[utoipa::path(
    get,
    path = paths::API,
    tag = "node",
    responses((status = 200, body = String, content_type = "text/html", description = "a page"))
)]
pub(super) async fn page() -> Html<&'static str> {
    Html(&PAGE)
}

/// This document.
#[utoipa::path(
    get,
    path = paths::API_DOCUMENT,
    tag = "node",
    responses((status = 200, body = Object, description = "OpenAPI 3.1"))
)]
pub(super) async fn text() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], json())
}

/// A page without scripts that shows the same as the document.
fn to_html(document: &Value) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let info = &document["info"];
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n<style>{STYLE}</style>\n\
         <h1>{title} {version}</h1>\n<p>{description}</p>\n<p><a href=\"{json}\">OpenAPI document</a></p>\n",
        title = text(&info["title"]),
        version = text(&info["version"]),
        description = text(&info["description"]),
        json = paths::API_DOCUMENT,
    );
    let operations = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in operations {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let (method, path) = (escape(&method.to_uppercase()), escape(path));
            let summary = text(&operation["summary"]);
            write!(
                page,
                "<h2><code>{method} {path}</code></h2>\n<p>{summary}</p>\n<table>\n"
            )
            .expect(WRITABLE);
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let description = text(&parameter["description"]);
                row(
                    &mut page,
                    &format!("<code>{name}</code> ({place})"),
                    &description,
                );
            }
            let body = &operation["requestBody"];
            if !body.is_null() {
                row(&mut page, "body", &text(&body["description"]));
            }
            for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                row(&mut page, &escape(status), &text(&answer["description"]));
            }
            page.push_str("</table>\n");
        }
    }
    page
}

const STYLE: &str = "body{font:1rem/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    h2{font-size:1rem;margin-top:2rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}";

/// Why writing to a page cannot fail.
const WRITABLE: &str = "a string can be written to";

fn row(page: &mut String, left: &str, right: &str) {
    writeln!(page, "<tr><td>{left}</td><td>{right}</td></tr>").expect(WRITABLE);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
