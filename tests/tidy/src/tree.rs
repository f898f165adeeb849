//! The files of the source tree, and what is found in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::Path,
};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 5] = [".git", "build", "corpus", "node_modules", "target"];

/// Kinds of files that rules look at.
const EXTENSIONS: [&str; 4] = ["rs", "md", "move", "toml"];

/// Something that a rule does not allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where: a path from the root of the tree.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong. It starts with the name of the thing, by which it can be excepted.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// The text of all files that rules look at, by their paths from the root.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
    /// Every path, of whatever kind: files and folders.
    paths: BTreeSet<String>,
    /// The folders that have a manifest.
    crates: Vec<String>,
}

impl Tree {
    /// Reads the tree below this folder.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        tree.crates = tree.manifest_folders();
        Ok(tree)
    }

    fn manifest_folders(&self) -> Vec<String> {
        let folders = self.files.keys();
        let folders = folders.filter_map(|path| path.strip_suffix("/Cargo.toml"));
        folders.map(str::to_owned).collect()
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = match folder {
                "" => name.clone(),
                folder => format!("{folder}/{name}"),
            };
            if FOREIGN.contains(&name.as_str()) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.read_folder(root, &path)?;
            } else if kind.is_file() && has_extension(&path, &EXTENSIONS) {
                self.files
                    .insert(path.clone(), fs::read_to_string(entry.path())?);
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// A tree of these files, for tests of rules.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let files = BTreeMap::from(files);
        let mut tree = Self {
            paths: files.keys().cloned().collect(),
            files,
            crates: Vec::new(),
        };
        tree.crates = tree.manifest_folders();
        tree
    }

    /// The files with this extension: path and text.
    pub(crate) fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter();
        let files = files.filter(move |(path, _)| has_extension(path, &[extension]));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = format!("{path}/");
        let mut paths = self.paths.range(below.clone()..);
        self.paths.contains(path) || paths.next().is_some_and(|path| path.starts_with(&below))
    }

    /// The folder of the crate that a file belongs to: the innermost with a manifest.
    pub(crate) fn crate_of(&self, path: &str) -> Option<&str> {
        let folders = self.crates.iter().map(String::as_str);
        let ours = folders.filter(|folder| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        });
        ours.max_by_key(|folder| folder.len())
    }
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.contains(&extension))
}
