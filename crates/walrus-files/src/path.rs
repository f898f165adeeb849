//! Paths as people write them.

use std::{
    env,
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

/// A path with a `~` that cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is no home directory.
    #[error("cannot use the path {}: ~ is the home directory, and HOME is not set", .0.display())]
    NoHome(PathBuf),
    /// The home directory of somebody else.
    #[error(
        "cannot use the path {}: of the forms with ~, only ~ and ~/… are understood; write the whole path, or ./ \
         before the name of a file that begins with ~",
        .0.display()
    )]
    OtherHome(PathBuf),
}

/// Replaces a leading `~` or `~/` by the home directory, as a shell does: for paths on a command
/// line, which a shell leaves alone inside quotes and after `=`.
///
/// `~name` stays as it is: there, it is the name of a file that a pattern of the shell has found.
pub fn expand_home(path: &Path) -> Result<PathBuf, PathError> {
    expand_with(path, env::var_os("HOME").as_deref())
}

fn expand_with(path: &Path, home: Option<&OsStr>) -> Result<PathBuf, PathError> {
    let Ok(rest) = path.strip_prefix("~") else {
        return Ok(path.to_owned());
    };
    match home.filter(|home| !home.is_empty()) {
        // Joining an empty rest would add a slash.
        Some(home) if rest.as_os_str().is_empty() => Ok(PathBuf::from(home)),
        Some(home) => Ok(Path::new(home).join(rest)),
        None => Err(PathError::NoHome(path.to_owned())),
    }
}

/// A path in a configuration: `~` is replaced, and a relative path counts from `folder`, that of
/// the file it stands in, so that the file means the same wherever a command is run.
///
/// `~name` is refused: as the name of a folder to make it is a mistake, and no shell has read it.
pub fn resolve(path: &Path, folder: &Path) -> Result<PathBuf, PathError> {
    if let Some(Component::Normal(first)) = path.components().next()
        && first != "~"
        && first.as_encoded_bytes().starts_with(b"~")
    {
        return Err(PathError::OtherHome(path.to_owned()));
    }
    let expanded = expand_home(path)?;
    Ok(if expanded.is_relative() {
        folder.join(expanded)
    } else {
        expanded
    })
}

/// [`resolve`] with the folder of the configuration file that the path stands in.
pub fn of_config(path: &Path, config_file: &Path) -> Result<PathBuf, PathError> {
    resolve(path, config_file.parent().unwrap_or(Path::new("")))
}

/// The path in an environment variable, with `~` replaced. A variable without a value counts as not
/// set.
pub fn from_env(variable: &str) -> Result<Option<PathBuf>, PathError> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(|value| expand_home(Path::new(&value)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(path: &str) -> Result<PathBuf, PathError> {
        expand_with(Path::new(path), Some(OsStr::new("/home/me")))
    }

    #[test]
    fn the_home_directory_is_put_in() {
        for (path, expanded) in [
            ("~", "/home/me"),
            ("~/", "/home/me"),
            ("~/a/b", "/home/me/a/b"),
            ("~a/b", "~a/b"),
            ("a/~/b", "a/~/b"),
            ("/~", "/~"),
            ("./~", "./~"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(expand(path).unwrap(), Path::new(expanded), "{path}");
        }
    }

    #[test]
    fn without_a_home_nothing_is_named_after_it() {
        for home in [None, Some(OsStr::new(""))] {
            let error = expand_with(Path::new("~/a"), home).unwrap_err();
            assert_eq!(
                error.to_string(),
                "cannot use the path ~/a: ~ is the home directory, and HOME is not set"
            );
        }
    }

    #[test]
    fn paths_of_a_configuration_count_from_its_folder() {
        for (path, file, resolved) in [
            ("db", "/etc/walrus/node.yaml", "/etc/walrus/db"),
            ("./db", "/etc/walrus/node.yaml", "/etc/walrus/./db"),
            ("../db", "conf/node.yaml", "conf/../db"),
            ("db", "node.yaml", "db"),
            ("/var/db", "/etc/walrus/node.yaml", "/var/db"),
            ("./~x", "/etc/node.yaml", "/etc/./~x"),
        ] {
            assert_eq!(
                of_config(Path::new(path), Path::new(file)).unwrap(),
                Path::new(resolved),
                "{path} in {file}"
            );
        }
    }

    #[test]
    fn homes_of_others_are_refused_in_configurations() {
        let error = of_config(Path::new("~bob/db"), Path::new("/etc/node.yaml")).unwrap_err();
        assert_eq!(error, PathError::OtherHome("~bob/db".into()));
        assert!(
            error.to_string().contains("write the whole path"),
            "{error}"
        );
    }
}
