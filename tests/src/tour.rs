//! Documents that a stranger can follow, followed literally.
//!
//! A tour is a Markdown file whose `console` blocks hold commands after `$ ` and what they print
//! below. The commands run in one shell, one after another, and what they print must fit what the
//! document shows: `…` stands for anything in a line, and alone on a line for any number of lines.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{alone, binary, tools::python_folder};

/// Fence of the blocks that are followed.
const FENCE: &str = "```console";

/// A command and what the document shows of its output.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// Follows the tour in `document`, a path in the repository, in a new folder and home.
///
/// # Panics
///
/// When a command fails, or prints something else than the document says.
pub fn follow(document: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(repository.join(document)).expect("the document exists");
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{document} has no commands");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for name in ["home", "outputs", "work"] {
        fs::create_dir(folder.join(name)).expect("a writable folder");
    }
    let script = script(&steps, &folder.join("outputs"));
    let binaries = binary("walrus-localnet");
    let binaries = binaries.parent().expect("binaries are in a folder");
    let path = format!(
        "{}:{}:{}",
        binaries.display(),
        python_folder().unwrap_or_default().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .current_dir(folder.join("work"))
        .env("PATH", path)
        .stdin(Stdio::null());
    alone(&mut command, &folder.join("home"));
    let _network = DownAtEnd(folder);
    let outcome = crate::run(&mut command);
    for (index, step) in steps.iter().enumerate() {
        let output = fs::read_to_string(folder.join(format!("outputs/{index}")));
        let output = output.unwrap_or_else(|_| panic!("{document}: not reached: {}", step.command));
        let is_last = !folder.join(format!("outputs/{}", index + 1)).exists();
        assert!(
            outcome.success || !is_last,
            "{document}: `{}` failed:\n{output}",
            step.command
        );
        let printed: Vec<&str> = output.lines().collect();
        let shown: Vec<&str> = step.shown.iter().map(String::as_str).collect();
        assert!(
            fits(&shown, &printed),
            "{document}: `{}` printed\n{output}\nwhere the document shows\n{}",
            step.command,
            step.shown.join("\n")
        );
    }
}

/// Stops whatever network is left when a tour breaks off.
struct DownAtEnd<'a>(&'a Path);

impl Drop for DownAtEnd<'_> {
    fn drop(&mut self) {
        for entry in walk(&self.0.join("work")) {
            let _ = crate::run(
                Command::new(binary("walrus-localnet"))
                    .arg("--state-dir")
                    .arg(entry)
                    .arg("down"),
            );
        }
    }
}

/// State directories in a folder, two levels deep.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let folders = |folder: &Path| -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect()
    };
    let mut all = folders(folder);
    all.extend(all.clone().iter().flat_map(|folder_| folders(folder_)));
    all.retain(|path| path.ends_with(".walrus-localnet"));
    all
}

fn script(steps: &[Step], outputs: &Path) -> String {
    // What a tour leaves running in the background ends with it.
    let mut script = String::from("set -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for (index, step) in steps.iter().enumerate() {
        let output = outputs.join(index.to_string());
        writeln!(
            script,
            "{{ {}\n}} >'{}' 2>&1 || exit",
            step.command,
            output.display()
        )
        .expect("a string can be written to");
    }
    script
}

/// The commands of a document. A line that ends with a backslash goes on in the next one.
fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    let mut goes_on = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            is_inside = !is_inside && line.trim() == FENCE;
            continue;
        }
        if !is_inside {
            continue;
        }
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) if !goes_on => steps.push(Step {
                command: command.to_owned(),
                shown: Vec::new(),
            }),
            (_, Some(step)) if goes_on => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (_, Some(step)) => step.shown.push(line.to_owned()),
            (_, None) => panic!("output before the first command: {line}"),
        }
        let command = steps.last().filter(|step| step.shown.is_empty());
        goes_on = command.is_some_and(|step| step.command.ends_with('\\'));
    }
    steps
}

/// Whether the lines that were printed fit those that are shown. What shows nothing fits
/// everything.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    fn rest(shown: &[&str], printed: &[&str]) -> bool {
        match (shown, printed) {
            ([], []) => true,
            (["…", more @ ..], _) => {
                (0..=printed.len()).any(|skipped| rest(more, &printed[skipped..]))
            }
            ([first, more @ ..], [line, lines @ ..]) => {
                line_fits(first.trim_end(), line.trim_end()) && rest(more, lines)
            }
            _ => false,
        }
    }
    shown.is_empty() || rest(shown, printed)
}

fn line_fits(shown: &str, line: &str) -> bool {
    let Some((start, end)) = shown.split_once('…') else {
        return shown == line;
    };
    let Some(after) = line.strip_prefix(start) else {
        return false;
    };
    let places = after
        .char_indices()
        .map(|(place, _)| place)
        .chain([after.len()]);
    places
        .into_iter()
        .any(|place| line_fits(end, &after[place..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_outputs_are_told_apart() {
        let text = "Text\n\n```console\n$ one \\\n    --more\nprinted\n$ two\n```\n\n```sh\n$ not this\n```\n";
        let step = |command: &str, shown: &[&str]| Step {
            command: command.to_owned(),
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        };
        assert_eq!(
            steps(text),
            [step("one \\\n    --more", &["printed"]), step("two", &[])]
        );
    }

    #[test]
    fn dots_stand_for_anything() {
        assert!(fits(&[], &["a"]));
        assert!(fits(&["a…c", "…", "z"], &["abc", "d", "e", "z"]));
        assert!(fits(&["…"], &[]));
        assert!(fits(&["a…b…c"], &["a1b2c"]));
        assert!(!fits(&["a…c"], &["abd"]));
        assert!(!fits(&["a"], &["a", "b"]));
        assert!(!fits(&["a", "b"], &["a"]));
    }
}
