//! Writing the files of a network.

use std::{fs, path::Path};

use anyhow::Context as _;

pub(crate) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true).mode(0o600);
    let write = || options.open(path)?.write_all(text.as_bytes());
    write().with_context(|| format!("cannot write {}", path.display()))
}

pub(crate) fn write_atomically(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        fs::write(&temporary, text)?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
