//! `walrus json`: a command as a JSON object, for programs.
//!
//! The object is turned into the words that a person would type, and parsed like these: what is
//! valid, and what is said of what is not, is the same. Names are in camelCase: `{"store":
//! {"files": ["a"], "epochs": 5}}`.

use std::io::Read as _;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, CommandFactory as _, Parser as _};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Cli;

/// Largest object that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 16 << 20;
/// Nanoseconds in one second.
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Options of `json`.
#[derive(Debug, Args)]
pub(crate) struct JsonArgs {
    /// The command; read from stdin if it is not given
    #[arg(value_name = "OBJECT")]
    pub command_string: Option<String>,
}

/// The object. Options on the command line do not count.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    config: Option<String>,
    context: Option<String>,
    wallet: Option<String>,
    account: Option<String>,
    gas_budget: Option<u64>,
    command: Map<String, Value>,
}

/// The command that an object stands for. Its result is JSON.
pub(crate) fn command(args: JsonArgs) -> anyhow::Result<Cli> {
    let text = args.command_string.map_or_else(read_stdin, Ok)?;
    let words = words(&text)?;
    // The message of the parser has the usage behind it, which is about words.
    Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        anyhow::anyhow!("{}", first.trim_start_matches("error: "))
    })
}

fn read_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .context("cannot read the command from stdin")?;
    Ok(text)
}

/// The words of a command.
fn words(text: &str) -> anyhow::Result<Vec<String>> {
    let request: Request = serde_json::from_str(text).context("this is no command in JSON")?;
    let mut words = vec!["walrus".to_owned(), "--json".to_owned()];
    let options = [
        ("--config", request.config),
        ("--context", request.context),
        ("--wallet", request.wallet),
        ("--account", request.account),
        (
            "--gas-budget",
            request.gas_budget.map(|mist| mist.to_string()),
        ),
    ];
    for (option, value) in options {
        words.extend(value.map(|value| format!("{option}={value}")));
    }
    add_command(&Cli::command(), &request.command, &mut words)?;
    Ok(words)
}

/// Adds the words of the one command in `command`.
fn add_command(
    parser: &clap::Command,
    command: &Map<String, Value>,
    words: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut entries = command.iter();
    let (Some((name, fields)), None) = (entries.next(), entries.next()) else {
        bail!("`command` has to hold exactly one command, such as {{\"info\": {{}}}}");
    };
    let known = parser
        .find_subcommand(kebab(name))
        .with_context(|| format!("there is no command `{name}`"))?;
    ensure!(
        known.get_name() != "json",
        "`json` cannot be inside of itself"
    );
    words.push(known.get_name().to_owned());
    let empty = Map::new();
    let fields = match fields {
        Value::Object(fields) => fields,
        Value::Null => &empty,
        _ => bail!("`{name}` has to be an object"),
    };
    let mut positionals: Vec<(usize, Vec<String>)> = Vec::new();
    let mut nested = None;
    for (field, value) in fields {
        if field == "command" && known.has_subcommands() {
            nested = Some(value);
        } else if field == "objectOrAddress" {
            let Value::Object(inner) = value else {
                bail!("`{field}` has to be an object");
            };
            for (field, value) in inner {
                add_field(known, field, value, words, &mut positionals)?;
            }
        } else {
            add_field(known, field, value, words, &mut positionals)?;
        }
    }
    match nested {
        None | Some(Value::Null) => {}
        // A part without options is a bare word.
        Some(Value::String(part)) => {
            let part = Map::from_iter([(part.clone(), Value::Null)]);
            add_command(known, &part, words)?;
        }
        Some(Value::Object(part)) => add_command(known, part, words)?,
        Some(_) => bail!("`{name}.command` has to be a name or an object"),
    }
    positionals.sort();
    let positionals: Vec<String> = positionals
        .into_iter()
        .flat_map(|(_, values)| values)
        .collect();
    if !positionals.is_empty() {
        // Whatever they begin with, they are no options.
        words.push("--".to_owned());
        words.extend(positionals);
    }
    Ok(())
}

fn add_field(
    command: &clap::Command,
    field: &str,
    value: &Value,
    words: &mut Vec<String>,
    positionals: &mut Vec<(usize, Vec<String>)>,
) -> anyhow::Result<()> {
    let place = || format!("`{field}` of `{}`", command.get_name());
    let argument = argument(command, field).with_context(|| format!("there is no {}", place()))?;
    let values = match value {
        Value::Null => return Ok(()),
        Value::Bool(false) if !argument.get_action().takes_values() => return Ok(()),
        Value::Bool(true) if !argument.get_action().takes_values() => {
            words.push(option(argument)?);
            return Ok(());
        }
        Value::Array(values) => values.iter().map(word).collect::<Option<Vec<_>>>(),
        value => word(value).map(|word| vec![word]),
    };
    let values = values.with_context(|| format!("{} cannot be read", place()))?;
    if values.is_empty() {
        return Ok(());
    }
    if argument.is_positional() {
        let index = argument.get_index().unwrap_or(usize::MAX);
        positionals.push((index, values));
        return Ok(());
    }
    let takes_several = argument
        .get_num_args()
        .is_some_and(|range| range.max_values() > 1);
    let option = option(argument)?;
    if !takes_several {
        words.extend(values.into_iter().map(|value| format!("{option}={value}")));
        return Ok(());
    }
    // Pairs are repeated; lists are given at once.
    let count = argument
        .get_num_args()
        .map_or(1, |range| range.max_values());
    for chunk in values.chunks(count) {
        words.push(option.clone());
        words.extend_from_slice(chunk);
    }
    Ok(())
}

/// The argument with this name in camelCase: its own name, the one of its option, or another name
/// of that.
fn argument<'a>(command: &'a clap::Command, field: &str) -> Option<&'a clap::Arg> {
    let name = kebab(field);
    let is_meant = |argument: &&clap::Arg| {
        let is_id = argument.get_id().as_str().replace('_', "-") == name;
        let aliases = argument.get_all_aliases().unwrap_or_default();
        is_id || argument.get_long() == Some(&name) || aliases.contains(&name.as_str())
    };
    command.get_arguments().find(is_meant)
}

fn option(argument: &clap::Arg) -> anyhow::Result<String> {
    let long = argument.get_long().context("it is no option")?;
    Ok(format!("--{long}"))
}

/// A value as a word.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        // A file of a quilt is described in JSON on the command line, too.
        Value::Object(fields) => duration(fields)
            .or_else(|| time(fields))
            .or_else(|| Some(value.to_string())),
        Value::Null | Value::Array(_) => None,
    }
}

/// `{"secs": 1, "nanos": 0}`.
fn duration(fields: &Map<String, Value>) -> Option<String> {
    let (secs, nanos) = (
        fields.get("secs")?.as_u64()?,
        fields.get("nanos")?.as_u64()?,
    );
    (fields.len() == 2).then(|| format!("{secs}s {nanos}ns"))
}

/// `{"secs_since_epoch": 1, "nanos_since_epoch": 0}`.
fn time(fields: &Map<String, Value>) -> Option<String> {
    let secs = fields.get("secs_since_epoch")?.as_i64()?;
    let nanos = fields.get("nanos_since_epoch")?.as_u64()?;
    if nanos >= NANOS_PER_SECOND {
        return None;
    }
    let time = jiff::Timestamp::new(secs, i32::try_from(nanos).ok()?).ok()?;
    Some(time.to_string())
}

/// `storeQuilt` as `store-quilt`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    for char in name.chars() {
        if char.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(char.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Command;

    fn parsed(text: &str) -> anyhow::Result<Cli> {
        command(JsonArgs {
            command_string: Some(text.to_owned()),
        })
    }

    fn typed(text: &str) -> String {
        words(text).unwrap()[2..].join(" ")
    }

    #[test]
    fn commands_are_what_people_would_type() {
        let object = format!("0x{}", "01".repeat(32));
        let id = format!("-{}A", "A".repeat(41));
        for (json, line) in [
            (
                r#"{"config":"/p.yaml","gasBudget":500000000,"command":{"store":{"files":["-a","b"],"epochs":5,"permanent":true}}}"#.to_owned(),
                "--config=/p.yaml --gas-budget=500000000 store --epochs=5 --permanent -- -a b".to_owned(),
            ),
            (
                r#"{"command":{"store":{"files":["a"],"epochs":"max","dryRun":false,"encodingType":"RS2"}}}"#.to_owned(),
                "store --encoding-type=RS2 --epochs=max -- a".to_owned(),
            ),
            (
                r#"{"command":{"store":{"files":["a"],"earliestExpiryTime":{"secs_since_epoch":1700000000,"nanos_since_epoch":0}}}}"#.to_owned(),
                "store --earliest-expiry-time=2023-11-14T22:13:20Z -- a".to_owned(),
            ),
            (
                r#"{"command":{"storeQuilt":{"blobs":[{"path":"a","tags":{"k":"v"}}],"epochs":1}}}"#.to_owned(),
                r#"store-quilt --blobs {"path":"a","tags":{"k":"v"}} --epochs=1"#.to_owned(),
            ),
            (format!(r#"{{"command":{{"read":{{"blobId":"{id}"}}}}}}"#), format!("read -- {id}")),
            (
                format!(r#"{{"command":{{"blobStatus":{{"blobId":"{id}","timeout":{{"secs":1,"nanos":0}}}}}}}}"#),
                format!("blob-status --blob-id={id} --timeout=1s 0ns"),
            ),
            (r#"{"command":{"info":{}}}"#.to_owned(), "info".to_owned()),
            (r#"{"command":{"info":{"command":"epoch"}}}"#.to_owned(), "info epoch".to_owned()),
            (
                r#"{"command":{"info":{"command":{"committee":{"sortBy":"name","desc":true}}}}}"#.to_owned(),
                "info committee --desc --sort-by=name".to_owned(),
            ),
            (
                format!(r#"{{"command":{{"readQuilt":{{"quiltId":"{id}","tag":["k","v"]}}}}}}"#),
                format!("read-quilt --quilt-id={id} --tag k v"),
            ),
            (
                format!(r#"{{"command":{{"setBlobAttribute":{{"objectId":"{object}","attributes":["a","1","b","2"]}}}}}}"#),
                format!("set-blob-attribute --attr a 1 --attr b 2 -- {object}"),
            ),
            (
                r#"{"command":{"burnBlobs":{"objectIds":[],"all":true}}}"#.to_owned(),
                "burn-blobs --all".to_owned(),
            ),
            (
                format!(r#"{{"command":{{"extend":{{"blobObjId":"{object}","epochsExtended":3,"shared":true}}}}}}"#),
                format!("extend --blob-obj-id={object} --epochs-extended=3 --shared"),
            ),
            (
                format!(r#"{{"command":{{"stake":{{"nodeIds":["{object}"],"amounts":[5]}}}}}}"#),
                format!("stake --amounts 5 --node-ids {object}"),
            ),
        ] {
            assert_eq!(typed(&json), line);
            assert!(parsed(&json).unwrap().global.json, "{json}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_name() {
        for (json, reason) in [
            ("", "no command in JSON"),
            (r#"{"command":{}}"#, "exactly one command"),
            (
                r#"{"command":{"info":{},"health":{}}}"#,
                "exactly one command",
            ),
            (r#"{"command":{"fly":{}}}"#, "no command `fly`"),
            (r#"{"command":{"info":5}}"#, "`info` has to be an object"),
            (r#"{"command":{"json":{}}}"#, "inside of itself"),
            (r#"{"comand":{"info":{}}}"#, "unknown field `comand`"),
            (
                r#"{"command":{"store":{"files":["a"],"epoch":5}}}"#,
                "no `epoch` of `store`",
            ),
            (
                r#"{"command":{"store":{"files":["a"],"epochs":0}}}"#,
                "at least one epoch",
            ),
            (
                r#"{"command":{"store":{"files":["a"],"epochs":1,"encodingType":"RS"}}}"#,
                "RS2",
            ),
            (
                r#"{"command":{"store":{"files":[null],"epochs":1}}}"#,
                "`files` of `store` cannot be read",
            ),
            (r#"{"command":{"store":{"epochs":1}}}"#, "required"),
        ] {
            let error = format!("{:#}", parsed(json).unwrap_err());
            assert!(error.contains(reason), "{json}: {error}");
        }
    }

    #[test]
    fn every_command_can_be_said_in_json() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let mut camel = String::new();
            for (position, part) in name.split('-').enumerate() {
                let (first, rest) = part.split_at(1);
                camel.push_str(&if position == 0 {
                    first.to_owned()
                } else {
                    first.to_uppercase()
                });
                camel.push_str(rest);
            }
            assert_eq!(kebab(&camel), name);
        }
        let info = parsed(r#"{"command":{"info":{}}}"#).unwrap();
        assert!(matches!(info.command, Command::Info(_)));
    }
}
