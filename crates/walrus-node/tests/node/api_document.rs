//! The API document says what the node does.

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use walrus_core::node_api::{ErrorReason, paths};
use walrus_node::http::document;

use crate::harness::{TestBlob, TestNode};

/// The committed copy.
const COPY: &str = "../../docs/storage-node.openapi.json";

/// Where the paths of the node are declared.
const PATHS: &str = include_str!("../../../walrus-core/src/node_api/paths.rs");

/// Declared for existing clients; this node answers `CACHE_SATURATED` or 413 instead.
const NEVER_GIVEN: &str = "SLIVER_TOO_LARGE";

fn parsed() -> Value {
    serde_json::from_str(document::json()).unwrap()
}

/// Method and path pattern of everything in the document.
fn operations(document: &Value) -> Vec<(Method, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let names: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
        let path = path.clone();
        names.into_iter().map(move |name| {
            let method = name.to_uppercase().parse().unwrap();
            (method, path.clone())
        })
    };
    paths.iter().flat_map(methods).collect()
}

#[test]
fn the_committed_copy_is_fresh() {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join(COPY);
    if std::env::var_os("WALRUS_UPDATE_OPENAPI").is_some() {
        fs::write(&copy, document::json()).unwrap();
    }
    assert!(
        fs::read_to_string(&copy).unwrap_or_default() == document::json(),
        "{COPY} is not what the handlers say. WALRUS_UPDATE_OPENAPI=1 writes it anew"
    );
}

#[test]
fn every_path_and_every_reason_is_in_it() {
    let declared: BTreeSet<&str> = PATHS
        .lines()
        .filter(|line| line.starts_with("pub const"))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    let document = parsed();
    let documented = document["paths"].as_object().unwrap();
    let documented: BTreeSet<&str> = documented.keys().map(String::as_str).collect();
    assert_eq!(documented, declared);

    let reasons: BTreeSet<String> = documented
        .iter()
        .flat_map(|path| document["paths"][path].as_object().unwrap().values())
        .flat_map(|operation| operation["responses"].as_object().unwrap().values())
        .filter(|answer| answer.to_string().contains("ErrorEnvelope"))
        .flat_map(|answer| {
            let reasons = answer["description"].as_str().unwrap();
            reasons.split(", ").map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let all = ErrorReason::ALL.iter().map(|reason| reason.as_str());
    let given: BTreeSet<String> = all
        .filter(|reason| *reason != NEVER_GIVEN)
        .map(str::to_owned)
        .collect();
    assert_eq!(reasons, given);
}

/// Asserts that the document knows every field of `value`, which is what `schema` describes.
fn assert_described(document: &Value, schema: &Value, value: &Value) {
    let referred = schema["$ref"].as_str().map(|reference| {
        let name = reference.rsplit('/').next().unwrap();
        &document["components"]["schemas"][name]
    });
    let schema = referred.unwrap_or(schema);
    assert!(schema.is_object(), "no schema for {value}");
    let described =
        |schema: &Value| {
            value.as_object().into_iter().flatten().all(|(name, _)| {
                schema["properties"].get(name).is_some() || schema["$ref"].is_string()
            })
        };
    let schema = match schema["oneOf"].as_array() {
        Some(forms) => forms.iter().find(|form| described(form)).unwrap_or(schema),
        None => schema,
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let schema = match schema.get("$ref") {
                    Some(_) => return assert_described(document, schema, value),
                    None => &schema["properties"][name],
                };
                assert!(schema.is_object(), "{name} is not described");
                assert_described(document, schema, field);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| assert_described(document, &schema["items"], item)),
        _ => assert!(schema.get("properties").is_none(), "{value} is no object"),
    }
}

#[tokio::test]
async fn answers_have_the_fields_it_describes() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 500);
    test.store(&blob, 9).await;
    let document = parsed();
    for (pattern, path) in [
        (paths::HEALTH, "/v1/health?detailed=true".to_owned()),
        (paths::BLOB_STATUS, paths::blob_status(&blob.id())),
        (
            paths::PERMANENT_CONFIRMATION,
            paths::permanent_confirmation(&blob.id()),
        ),
        (paths::METADATA_STATUS, paths::metadata_status(&blob.id())),
    ] {
        let answer: Value = test.get(&path).await.json().await.unwrap();
        assert!(answer["success"].is_object(), "{answer}");
        let content = &document["paths"][pattern]["get"]["responses"]["200"]["content"];
        assert_described(&document, &content["application/json"]["schema"], &answer);
    }
    let refused = test.get(&paths::metadata(&TestBlob::new(2, 5).id())).await;
    let refused: Value = refused.json().await.unwrap();
    let envelope = json!({"$ref": "#/components/schemas/ErrorEnvelope"});
    assert_described(&document, &envelope, &refused);
}

#[tokio::test]
async fn the_node_serves_it_and_what_is_in_it() {
    let test = TestNode::start().await;
    let served = test.get(paths::API_DOCUMENT).await;
    assert_eq!(served.headers()["content-type"], "application/json");
    assert_eq!(served.text().await.unwrap(), document::json());
    let page = test.get(paths::API).await.text().await.unwrap();
    for (method, pattern) in operations(&parsed()) {
        assert!(
            page.contains(&format!("{method} {pattern}")),
            "{method} {pattern}"
        );
        let path = pattern
            .replace("{blob_id}", &"A".repeat(43))
            .replace("{object_id}", "0x1")
            .replace("{pair}", "0")
            .replace("{sliver_type}", "primary");
        let url = test.url(&path);
        let answer = test
            .client()
            .request(method.clone(), url)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        // What does not exist has an empty body; what is not found has an envelope.
        let body = answer.text().await.unwrap();
        assert!(!body.is_empty(), "{method} {path} is not routed: {status}");
    }
}
