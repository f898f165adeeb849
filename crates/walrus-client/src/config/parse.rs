//! The YAML text of a configuration: one file or several contexts, keys that mean nothing, and what
//! a known network fills in.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    ClientConfig, ConfigError, KnownNetwork,
    file::ConfigFile,
    keys::{Keys, Sections, unknown},
};

/// The result of reading a configuration text.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The configuration with every default filled in.
    pub config: ClientConfig,
    /// Dotted paths of keys that mean nothing to this client, for a warning.
    pub unknown_keys: Vec<String>,
    /// The known network the file belongs to, if any.
    pub network: Option<&'static KnownNetwork>,
}

/// Reads a configuration text of either shape; `context` chooses one of a file with `contexts`.
pub fn parse(text: &str, context: Option<&str>) -> Result<Parsed, ConfigError> {
    let keys: Keys = yaml(text)?;
    let (file, unknown_keys) = if keys.contains("contexts") {
        parse_contexts(text, &keys, context)?
    } else if let Some(name) = context {
        return Err(ConfigError::NoContexts(name.to_owned()));
    } else {
        let sections: Sections = yaml(text)?;
        (yaml(text)?, unknown("", &keys, &sections))
    };
    let network = KnownNetwork::of_config(&file);
    let file = match network {
        Some(network) => file.over(network.config_file()),
        None => file,
    };
    Ok(Parsed {
        config: file.resolve()?,
        unknown_keys,
        network,
    })
}

/// The first error of a YAML text as one line.
fn yaml<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        ConfigError::Syntax(line.unwrap_or("not valid YAML").to_owned())
    })
}

fn parse_contexts(
    text: &str,
    keys: &Keys,
    context: Option<&str>,
) -> Result<(ConfigFile, Vec<String>), ConfigError> {
    #[derive(Deserialize)]
    struct MultiFile {
        contexts: BTreeMap<String, ConfigFile>,
        default_context: Option<String>,
    }
    #[derive(Deserialize)]
    struct MultiKeys {
        contexts: BTreeMap<String, Keys>,
    }
    #[derive(Deserialize)]
    struct MultiSections {
        contexts: BTreeMap<String, Sections>,
    }
    let mut multi: MultiFile = yaml(text)?;
    let names = multi
        .contexts
        .keys()
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let Some(name) = context.map(str::to_owned).or(multi.default_context) else {
        return Err(ConfigError::NoContextChosen(names));
    };
    let Some(file) = multi.contexts.remove(&name) else {
        return Err(ConfigError::UnknownContext { name, known: names });
    };
    let all_keys: MultiKeys = yaml(text)?;
    let sections: MultiSections = yaml(text)?;
    let mut unknown_keys: Vec<String> = keys
        .except(&["contexts", "default_context"])
        .cloned()
        .collect();
    if let (Some(keys), Some(sections)) =
        (all_keys.contexts.get(&name), sections.contexts.get(&name))
    {
        unknown_keys.extend(unknown(&format!("contexts.{name}."), keys, sections));
    }
    Ok((file, unknown_keys))
}
