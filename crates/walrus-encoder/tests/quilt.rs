//! The known-good data for quilts.
#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use common::{bytes, generate, list, load, number, sha256, text};
use serde_json::Value;
use walrus_core::{BlobId, SecondarySliver, quilt::QuiltPatchId};
use walrus_encoder::{
    Encoder, NShards,
    quilt::{Patch, Quilt, QuiltError, QuiltFile, QuiltSlivers},
};

fn shards(value: &Value) -> NShards {
    NShards::new(number(value)).expect("not zero")
}

fn check_error(error: &QuiltError, case: &Value) {
    let name = match error {
        QuiltError::TooManyFiles { .. } => "TooManyBlobs",
        QuiltError::TooLarge => "QuiltOversize",
        QuiltError::InvalidIdentifier(_) => "InvalidIdentifier",
        QuiltError::DuplicateIdentifier(_) => "DuplicateIdentifier",
        QuiltError::TagsTooLarge(_) => "Other",
        other => panic!("{other}"),
    };
    assert_eq!(name, text(&case["error"]), "{}", case["label"]);
}

/// Reads a file through its columns, inserting what is asked for.
fn read_by_columns(
    slivers: &mut QuiltSlivers,
    columns: &[SecondarySliver],
    identifier: &str,
) -> Patch {
    loop {
        let result = slivers.index().and_then(|index| {
            let entry = index.find(identifier).expect("it is listed");
            slivers.patch(entry.columns())
        });
        match result {
            Ok(patch) => return patch,
            Err(QuiltError::MissingSlivers(missing)) => {
                for column in missing {
                    slivers
                        .insert(columns[usize::from(column)].clone())
                        .unwrap();
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn check_quilt(case: &Value) {
    let n = shards(&case["n_shards"]);
    let contents: Vec<Vec<u8>> = list(&case["inputs"])
        .iter()
        .map(|input| generate(&input["generator"], number(&input["size"])))
        .collect();
    let files: Vec<QuiltFile<'_>> = list(&case["inputs"])
        .iter()
        .zip(&contents)
        .map(|(input, data)| QuiltFile {
            identifier: text(&input["identifier"]).to_owned(),
            tags: serde_json::from_value(input["tags"].clone()).unwrap(),
            data,
        })
        .collect();
    let quilt = match Quilt::build(n, &files) {
        Ok(quilt) => quilt,
        Err(error) => return check_error(&error, case),
    };
    assert!(
        case.get("error").is_none_or(Value::is_null),
        "{} was built",
        case["label"]
    );
    assert_eq!(
        quilt.symbol_size(),
        number::<usize>(&case["symbol_size"]),
        "{}",
        case["label"]
    );
    assert_eq!(quilt.as_bytes().len(), number::<usize>(&case["quilt_size"]));
    assert_eq!(
        sha256(quilt.as_bytes()),
        text(&case["quilt_sha256"]),
        "{}",
        case["label"]
    );
    let index = quilt.index();
    assert_eq!(
        bcs::to_bytes(index.as_wire()).unwrap(),
        bytes(&case["index_bcs"])
    );
    assert_eq!(index.index_columns(), number::<u16>(&case["index_columns"]));

    let encoder = Encoder::new(n).unwrap();
    let (pairs, metadata) = encoder.encode(quilt.as_bytes()).unwrap();
    let blob_id = *metadata.blob_id();
    assert_eq!(blob_id.to_string(), text(&case["blob_id"]));
    assert_eq!(Quilt::open(n, quilt.as_bytes().to_vec()).unwrap(), quilt);
    let columns: Vec<SecondarySliver> =
        pairs.into_iter().rev().map(|pair| pair.secondary).collect();
    let mut slivers = QuiltSlivers::new(&metadata);
    let expected = list(&case["patches"]);
    assert_eq!(index.iter().count(), expected.len());
    for (entry, expected) in index.iter().zip(expected) {
        let identifier = text(&expected["identifier"]);
        assert_eq!(entry.patch.identifier, identifier);
        assert_eq!(
            entry.columns(),
            number(&expected["start"])..number(&expected["end"])
        );
        let id = entry.id(blob_id);
        assert_eq!(id.patch_id_bytes, bytes(&expected["internal_id"]));
        assert_eq!(id.to_string(), text(&expected["patch_id"]));
        let file = files
            .iter()
            .find(|file| file.identifier == identifier)
            .expect("an input");
        let patch = quilt.file(identifier).unwrap();
        assert_eq!((&patch.tags, &patch.data[..]), (&file.tags, file.data));
        assert_eq!(read_by_columns(&mut slivers, &columns, identifier), patch);
    }
}

#[test]
fn quilts() {
    for case in list(&load("core-quilt.json")["cases"]) {
        check_quilt(case);
    }
}

#[test]
fn malformed_quilts() {
    for case in list(&load("core-quilt.json")["malformed"]) {
        let (label, expected) = (&case["label"], &case["result"]);
        let opened = Quilt::open(shards(&case["n_shards"]), bytes(&case["quilt"]));
        let Some(patches) = expected["patches"].as_array() else {
            assert!(opened.is_err(), "{label}");
            continue;
        };
        let quilt = opened.unwrap_or_else(|error| panic!("{error}: {label}"));
        for (identifier, expected) in ["one", "two"].into_iter().zip(patches) {
            match quilt.file(identifier) {
                Ok(patch) => {
                    assert_eq!(sha256(&patch.data), text(&expected["ok_sha256"]), "{label}");
                    assert_eq!(patch.identifier, text(&expected["identifier"]));
                    assert_eq!(serde_json::to_value(&patch.tags).unwrap(), expected["tags"]);
                }
                Err(error) => assert!(expected.get("error").is_some(), "{error}: {label}"),
            }
        }
    }
}

#[test]
fn patch_ids() {
    for case in list(&load("core-quilt.json")["patch_id_parse"]) {
        let parsed = text(&case["text"]).parse::<QuiltPatchId>();
        assert_eq!(parsed.is_ok(), case["parses"] == true, "{case}");
        if let Ok(id) = parsed {
            assert_eq!(id.patch_id_bytes, bytes(&case["internal_id"]));
            assert_eq!(
                id.columns().is_ok(),
                case["internal_id_valid"] == true,
                "{case}"
            );
        }
    }
}

#[test]
fn lookups() {
    let n = NShards::new(10).expect("not zero");
    let file = |name: &str, kind: &str| QuiltFile::new(name, b"x").with_tag("kind", kind);
    let quilt = Quilt::build(n, &[file("b", "1"), file("a", "2"), file("c", "1")]).unwrap();
    let index = quilt.index();
    let names = |entries: Vec<walrus_encoder::quilt::IndexedPatch<'_>>| -> Vec<String> {
        entries
            .iter()
            .map(|entry| entry.patch.identifier.clone())
            .collect()
    };
    assert_eq!(names(index.with_tag("kind", "1").collect()), ["b", "c"]);
    assert_eq!(names(index.with_tag("kind", "3").collect()), [""; 0]);
    assert_eq!(names(index.find_all(&["c", "a", "c"]).unwrap()), ["a", "c"]);
    assert!(matches!(
        index.find_all(&["a", "d"]),
        Err(QuiltError::NotFound(_))
    ));
    assert!(matches!(quilt.file("d"), Err(QuiltError::NotFound(_))));
    let first = index.find("a").unwrap();
    assert_eq!(first.columns().start, index.index_columns());
    assert_eq!(first.id(BlobId::default()).columns(), Ok(first.columns()));
}

/// Symbols have an even size; a matrix of others is not what a network would store.
#[test]
fn lengths_of_odd_symbols_are_refused() {
    let n = NShards::new(10).unwrap();
    for (length, is_aligned) in [
        (28, false),
        (55, false),
        (56, true),
        (84, false),
        (112, true),
    ] {
        let mut bytes = vec![0; length];
        bytes[0] = 1;
        let refused =
            matches!(Quilt::open(n, bytes), Err(QuiltError::NotAligned(l)) if l == length);
        assert_eq!(refused, !is_aligned, "{length} bytes");
    }
}
