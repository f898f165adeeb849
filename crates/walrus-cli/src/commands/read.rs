//! `walrus read`.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::BlobId;
use walrus_encoder::ConsistencyCheck;

use super::context::Context;
use crate::{
    args::ReadArgs,
    output::{format::Size, print_bytes, print_json, print_text},
    progress::bars,
};

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<PathBuf>,
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
}

/// Reads a blob to a file or to stdout.
pub(crate) async fn run(context: &Context, args: ReadArgs) -> anyhow::Result<()> {
    let client = context.reading(&args.rpc)?.client;
    let check = if args.skip_consistency_check {
        ConsistencyCheck::Skip
    } else {
        ConsistencyCheck::Strict
    };
    let progress = bars();
    let blob = client.read(&args.blob_id, check, &progress).await?;
    drop(progress);
    let blob_id = args.blob_id;
    let Some(out) = args.out else {
        return if context.json() {
            print_json(&ReadResult {
                out: None,
                blob_id,
                blob: Some(BASE64_STANDARD.encode(blob)),
            })
        } else {
            print_bytes(&blob)
        };
    };
    write_whole(&out, &blob).with_context(|| format!("cannot write {}", out.display()))?;
    if context.json() {
        print_json(&ReadResult {
            out: Some(out),
            blob_id,
            blob: None,
        })
    } else {
        print_text(&format!(
            "Success: read blob {blob_id} ({}) to {}",
            Size(blob.len() as u64),
            out.display()
        ))
    }
}

/// Writes a file all at once: it appears, or is replaced, only when every byte is there.
///
/// What is not a regular file (a device, a pipe) is written to directly, since replacing it would be wrong.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(existing) if existing.is_dir() => {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a directory",
            ));
        }
        Ok(existing) if !existing.is_file() => {
            return fs::OpenOptions::new()
                .write(true)
                .open(path)?
                .write_all(bytes);
        }
        _ => {}
    }
    let temporary = temporary_beside(path)?;
    let written = File::create_new(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of a file")
    })?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_whole_and_leave_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        fs::write(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(write_whole(directory.path(), b"x").is_err());
        assert!(write_whole(&directory.path().join("none/out"), b"x").is_err());
        assert!(write_whole(Path::new("/"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        write_whole(Path::new("/dev/null"), b"x").unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
    }
}
