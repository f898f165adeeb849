//! `walrus read-quilt` and `walrus list-patches-in-quilt`.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_client::WalrusClient;
use walrus_core::{BlobId, quilt::QuiltPatchId, text::printable};
use walrus_encoder::{
    ConsistencyCheck,
    quilt::{IndexedPatch, Patch, Quilt},
};
use walrus_files::output::Output;
use walrus_terminal::exit::or_interrupted;

use super::{context::Context, decrypt::decrypt_bytes};
use crate::{
    args::{ApprovalArgs, RpcArgs, TableArgs, parse},
    output::{
        format::Size,
        path_json, path_text, print_bytes, print_json, print_text,
        table::{self, essential, useful, wide},
    },
    progress::bars,
};

/// Options of `read-quilt`: which quilt, or which files of which quilts.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("quilt").required(true).args(["quilt_id", "quilt_patch_ids"]))]
pub(crate) struct ReadQuiltArgs {
    /// Quilt to read; all of it without --identifiers and --tag
    #[arg(long, value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub quilt_id: Option<BlobId>,
    /// Names of files in the quilt
    #[arg(long, alias = "identifier", num_args = 1.., value_name = "NAME", requires = "quilt_id")]
    pub identifiers: Vec<String>,
    /// Files with this tag
    #[arg(long, num_args = 2, value_names = ["KEY", "VALUE"], requires = "quilt_id", conflicts_with = "identifiers")]
    pub tag: Vec<String>,
    /// Files by their patch IDs, from any quilts. Write --quilt-patch-id=ID if an ID begins with -
    #[arg(long, aliases = ["quilt-patch-id", "patch-ids"], num_args = 1.., value_name = "PATCH_ID")]
    pub quilt_patch_ids: Vec<QuiltPatchId>,
    /// Folder to write the files to; made unless it is there, nothing in it is replaced
    #[arg(long, short, value_name = "FOLDER", value_parser = parse::path())]
    pub out: Option<PathBuf>,
    /// Decrypt the files, as the active account of the wallet
    #[arg(long)]
    pub decrypt: bool,
    /// How their policy is asked.
    #[command(flatten)]
    pub approval: ApprovalArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `list-patches-in-quilt`.
#[derive(Debug, Args)]
pub(crate) struct ListPatchesArgs {
    /// Quilt whose files are listed
    #[arg(value_name = "QUILT_ID", allow_hyphen_values = true)]
    pub quilt_id: BlobId,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// The JSON result of `read-quilt`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadQuiltResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    retrieved_blobs: Vec<RetrievedBlob>,
}

/// One file; without its bytes when they were written to a folder.
#[derive(Serialize)]
struct RetrievedBlob {
    blob: Vec<u8>,
    identifier: String,
    tags: BTreeMap<String, String>,
}

/// One entry of the JSON result of `list-patches-in-quilt`.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PatchEntry {
    identifier: String,
    #[serde_as(as = "DisplayFromStr")]
    patch_id: QuiltPatchId,
    tags: BTreeMap<String, String>,
}

/// Lists the files of a quilt.
pub(crate) async fn list(context: &Context, args: ListPatchesArgs) -> anyhow::Result<()> {
    let client = context.reading(&args.rpc)?.client;
    let quilt = open(&client, args.quilt_id).await?;
    let entries: Vec<PatchEntry> = quilt
        .index()
        .iter()
        .map(|entry| PatchEntry {
            identifier: entry.patch.identifier.clone(),
            patch_id: entry.id(args.quilt_id),
            tags: entry.patch.tags.clone(),
        })
        .collect();
    if context.json() {
        return print_json(&entries);
    }
    let columns = [essential("Identifier"), useful("Tags"), wide("Patch ID")];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let tags = entry
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            vec![
                entry.identifier.clone(),
                tags.collect::<Vec<_>>().join(" "),
                entry.patch_id.to_string(),
            ]
        })
        .collect();
    print_text(&format!(
        "{}\n\n{} files, {}",
        table::text(&columns, &rows, args.table),
        entries.len(),
        Size(quilt.as_bytes().len() as u64)
    ))
}

/// Reads files of a quilt to a folder or, if it is one, to stdout.
pub(crate) async fn read(context: &Context, args: ReadQuiltArgs) -> anyhow::Result<()> {
    let reading = read_files(context, args);
    or_interrupted(reading, || {
        "interrupted; not all files were written".to_owned()
    })
    .await
}

async fn read_files(context: &Context, args: ReadQuiltArgs) -> anyhow::Result<()> {
    // What cannot be written need not be fetched.
    let folder = args.out.as_deref().map(Folder::open).transpose()?;
    let client = context.reading(&args.rpc)?.client;
    let mut files = chosen(&client, &args).await?;
    if args.decrypt {
        for file in &mut files {
            let name = printable(&file.identifier);
            let decrypted = decrypt_bytes(context, &file.data, &args.approval).await;
            file.data = decrypted.with_context(|| format!("file `{name}`"))?;
        }
    }
    match folder {
        Some(folder) => {
            folder.write(&files)?;
            if context.json() {
                return print_json(&ReadQuiltResult {
                    out: args.out.as_deref().map(path_json),
                    retrieved_blobs: files
                        .into_iter()
                        .map(|file| retrieved(file, false))
                        .collect(),
                });
            }
            let size: u64 = files.iter().map(|file| file.data.len() as u64).sum();
            print_text(&format!(
                "Success: read {} files ({}) to {}",
                files.len(),
                Size(size),
                path_text(&folder.path)
            ))
        }
        None if context.json() => print_json(&ReadQuiltResult {
            out: None,
            retrieved_blobs: files
                .into_iter()
                .map(|file| retrieved(file, true))
                .collect(),
        }),
        None => match files.as_slice() {
            [file] => print_bytes(&file.data),
            files => bail!(
                "these are {} files; name a folder with --out, or one file with --identifier",
                files.len()
            ),
        },
    }
}

fn retrieved(file: Patch, with_bytes: bool) -> RetrievedBlob {
    RetrievedBlob {
        blob: if with_bytes { file.data } else { Vec::new() },
        identifier: file.identifier,
        tags: file.tags,
    }
}

async fn open(client: &WalrusClient, quilt_id: BlobId) -> anyhow::Result<Quilt> {
    let bytes = client
        .read(&quilt_id, ConsistencyCheck::Strict, &bars())
        .await?;
    let n_shards = client.encoder().await?.n_shards();
    Quilt::open(n_shards, bytes).with_context(|| format!("blob {quilt_id} is no quilt"))
}

/// The files that were asked for, in the order of their quilt.
async fn chosen(client: &WalrusClient, args: &ReadQuiltArgs) -> anyhow::Result<Vec<Patch>> {
    if let Some(quilt_id) = args.quilt_id {
        let quilt = open(client, quilt_id).await?;
        let index = quilt.index();
        let entries: Vec<IndexedPatch<'_>> = match args.tag.as_slice() {
            [key, value] => index.with_tag(key, value).collect(),
            _ if args.identifiers.is_empty() => index.iter().collect(),
            _ => {
                let names: Vec<&str> = args.identifiers.iter().map(String::as_str).collect();
                index.find_all(&names)?
            }
        };
        let files = entries.iter().map(|entry| quilt.patch(entry.columns()));
        return Ok(files.collect::<Result<_, _>>()?);
    }
    let mut quilts: BTreeMap<BlobId, Quilt> = BTreeMap::new();
    let mut files = Vec::with_capacity(args.quilt_patch_ids.len());
    for patch_id in &args.quilt_patch_ids {
        let columns = patch_id
            .columns()
            .map_err(|error| anyhow!("{patch_id} names no file of a quilt: {error}"))?;
        let quilt = match quilts.entry(patch_id.quilt_id) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => place.insert(open(client, patch_id.quilt_id).await?),
        };
        files.push(quilt.patch(columns)?);
    }
    Ok(files)
}

/// A folder that files of a quilt are written to.
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder unless it is there.
    fn open(path: &Path) -> anyhow::Result<Self> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("cannot make {}", path_text(path)))
            }
            _ if path.is_dir() => Ok(Self {
                path: path.to_owned(),
            }),
            _ => bail!("cannot write to {}: it is no folder", path_text(path)),
        }
    }

    /// Writes all files. Whoever made the quilt has chosen their names: none leads out of the
    /// folder, and none replaces what is in it.
    fn write(&self, files: &[Patch]) -> anyhow::Result<()> {
        let places: Vec<PathBuf> = files.iter().map(|file| place(&file.identifier)).collect();
        for place in &places {
            // What is new at the top is ours at every depth, so no link in it leads elsewhere.
            let top = place.components().next();
            let top = self
                .path
                .join(top.map_or(Path::new(""), |top| Path::new(top.as_os_str())));
            if fs::symlink_metadata(&top).is_ok() {
                bail!(
                    "{} exists already, and nothing was written: name an empty folder",
                    path_text(&top)
                );
            }
        }
        let is_folder = |place: &PathBuf| {
            let mut others = places.iter();
            others.any(|other| other != place && other.starts_with(place))
        };
        if let Some(both) = places.iter().find(|place| is_folder(place)) {
            bail!(
                "{} is a file and a folder in this quilt, and nothing was written: read its files one by one",
                path_text(both)
            );
        }
        for (place, file) in places.iter().zip(files) {
            self.write_one(place, file).with_context(|| {
                format!(
                    "cannot write {} (the file {})",
                    path_text(&self.path.join(place)),
                    printable(&file.identifier)
                )
            })?;
        }
        Ok(())
    }

    fn write_one(&self, place: &Path, file: &Patch) -> anyhow::Result<()> {
        let path = self.path.join(place);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Output::open(&path)?.write(&file.data)?;
        Ok(())
    }
}

/// Where a file of this name is put: below folders for what is separated by `/`, if every part
/// names something, and else in the folder itself.
fn place(identifier: &str) -> PathBuf {
    let names_something = |part: &str| !matches!(part, "" | "." | "..");
    if identifier.split('/').all(names_something) {
        identifier.split('/').map(file_name).collect()
    } else {
        file_name(identifier).into()
    }
}

/// An identifier as the name of a file in a folder: what separates folders, what controls terminals
/// and `%` itself are percent-encoded, and so is the first point of a name that begins with one.
/// Different identifiers have different names.
fn file_name(identifier: &str) -> String {
    let mut name = String::with_capacity(identifier.len());
    for (position, char) in identifier.char_indices() {
        let is_kept = !matches!(char, '/' | '\\' | '%')
            && (char != '.' || position > 0)
            && matches!(printable(&char.to_string()), std::borrow::Cow::Borrowed(_));
        if is_kept {
            name.push(char);
        } else {
            let mut bytes = [0; 4];
            for byte in char.encode_utf8(&mut bytes).bytes() {
                write!(name, "%{byte:02X}").expect("writing to a string cannot fail");
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(identifier: &str, data: &[u8]) -> Patch {
        Patch {
            identifier: identifier.to_owned(),
            tags: BTreeMap::new(),
            data: data.to_vec(),
        }
    }

    #[test]
    fn identifiers_never_lead_out_of_their_folder() {
        for (identifier, name) in [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("/etc/passwd", "%2Fetc%2Fpasswd"),
            ("..", "%2E."),
            (".bashrc", "%2Ebashrc"),
            ("a\0\n\x1b\u{202e}", "a%00%0A%1B%E2%80%AE"),
            ("100%2F", "100%252F"),
            ("ä b", "ä b"),
        ] {
            assert_eq!(file_name(identifier), name);
        }
    }

    #[test]
    fn folders_come_back_as_folders() {
        for (identifier, expected) in [
            ("a/b.txt", "a/b.txt"),
            ("a/.git/x", "a/%2Egit/x"),
            ("a//b", "a%2F%2Fb"),
            ("a/../b", "a%2F..%2Fb"),
            ("/a", "%2Fa"),
            ("a/", "a%2F"),
        ] {
            assert_eq!(place(identifier), Path::new(expected), "{identifier}");
        }
        let parent = tempfile::tempdir().unwrap();
        let open = |name: &str| Folder::open(&parent.path().join(name)).unwrap();
        open("1")
            .write(&[file("a/b", b"1"), file("a/c/d", b"2"), file("e", b"3")])
            .unwrap();
        assert_eq!(fs::read(parent.path().join("1/a/c/d")).unwrap(), b"2");
        let error = open("2").write(&[file("a", b"1"), file("a/b", b"2")]);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("a file and a folder")
        );
        // A link that is there leads nowhere.
        let third = open("3");
        std::os::unix::fs::symlink(parent.path(), third.path.join("a")).unwrap();
        let error = third.write(&[file("a/b", b"1")]).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        assert!(!parent.path().join("b").exists());
    }

    #[test]
    fn nothing_that_exists_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("out");
        let folder = Folder::open(&path).unwrap();
        folder
            .write(&[file("a", b"1"), file("../b", b"2")])
            .unwrap();
        assert_eq!(fs::read(path.join("a")).unwrap(), b"1");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);

        std::os::unix::fs::symlink("nowhere", path.join("link")).unwrap();
        for taken in ["a", "link"] {
            let error = Folder::open(&path)
                .unwrap()
                .write(&[file("new", b"3"), file(taken, b"4")])
                .unwrap_err();
            assert!(error.to_string().contains("exists already"), "{error}");
        }
        assert_eq!(fs::read(path.join("a")).unwrap(), b"1");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 3);
        assert!(Folder::open(&path.join("a")).is_err());
        assert!(Folder::open(&parent.path().join("none/out")).is_err());
    }
}
