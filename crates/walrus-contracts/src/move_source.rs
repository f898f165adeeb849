//! Reads our Move sources, so that tests can compare them with the Rust mirror.
//!
//! Understands what our sources contain: declarations of structs, enums and error constants, one
//! module per file.

pub(crate) mod layout;

use std::path::{Path, PathBuf};

/// Our packages.
pub(crate) const PACKAGES: &[&str] = &[
    "wal",
    "wal_exchange",
    "walrus",
    "subsidies",
    "walrus_subsidies",
    "blob_bucket",
    "walrus_governance",
];

/// One source file that is part of a published package.
pub(crate) struct SourceFile {
    pub(crate) package: String,
    pub(crate) module: String,
    text: String,
}

/// An error constant.
pub(crate) struct ErrorConstant {
    pub(crate) name: String,
    pub(crate) code: u64,
}

/// A struct or enum declaration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declaration {
    pub(crate) package: String,
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) abilities: Vec<String>,
    pub(crate) shape: Shape,
}

impl Declaration {
    /// `package::module::Name`.
    pub(crate) fn path(&self) -> String {
        format!("{}::{}::{}", self.package, self.module, self.name)
    }

    /// Whether values of the type can be in objects or are events.
    pub(crate) fn is_on_chain(&self) -> bool {
        let lives = |ability: &String| ability == "key" || ability == "store";
        self.abilities.iter().any(lives) || self.module == "events"
    }
}

/// What a declared type is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Struct(Fields),
    Enum(Vec<(String, Fields)>),
}

/// Fields of a struct or variant; positional ones have empty names.
pub(crate) type Fields = Vec<(String, Type)>;

/// A type as written: its last path segment and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Type>,
}

fn move_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../move")
}

/// All source files of our packages, except modules that exist for tests only.
pub(crate) fn files() -> Vec<SourceFile> {
    let mut found = Vec::new();
    for package in PACKAGES {
        collect(
            &move_dir().join(package).join("sources"),
            package,
            &mut found,
        );
    }
    found
}

fn collect(directory: &Path, package: &str, found: &mut Vec<SourceFile>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, package, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = format!("\n{text}");
        let (attributes, rest) = lines
            .split_once("\nmodule ")
            .expect("a source file declares a module");
        if attributes.contains("#[test_only]") {
            continue;
        }
        let label = rest.split(';').next().unwrap();
        let module = label.rsplit("::").next().unwrap().trim().to_owned();
        found.push(SourceFile {
            package: package.to_owned(),
            module,
            text,
        });
    }
}

/// The constants `E…` of type u64.
pub(crate) fn error_constants(file: &SourceFile) -> Vec<ErrorConstant> {
    let constant = |statement: &str| {
        let (name, value) = statement.trim().split_once(": u64 = ")?;
        let is_error = name.starts_with('E') && name.contains(char::is_lowercase);
        let code = value.split(';').next()?.parse().ok()?;
        is_error.then(|| ErrorConstant {
            name: name.to_owned(),
            code,
        })
    };
    file.text
        .split("const ")
        .skip(1)
        .filter_map(constant)
        .collect()
}

/// All structs and enums of our packages that exist outside tests.
pub(crate) fn declarations() -> Vec<Declaration> {
    files().iter().flat_map(declarations_of).collect()
}

fn declarations_of(file: &SourceFile) -> Vec<Declaration> {
    let tokens = tokens(&file.text);
    let mut found = Vec::new();
    let mut position = 0;
    while position + 2 < tokens.len() {
        let kind = tokens[position + 1].as_str();
        let declares = tokens[position] == "public" && (kind == "struct" || kind == "enum");
        if !declares {
            position += 1;
            continue;
        }
        let test_only =
            position >= 4 && tokens[position - 4..position] == ["#", "[", "test_only", "]"];
        let mut parser = Parser {
            tokens: &tokens,
            position: position + 2,
        };
        let (name, abilities, shape) = parser.declaration(kind == "enum");
        position = parser.position;
        if !test_only {
            found.push(Declaration {
                package: file.package.clone(),
                module: file.module.clone(),
                name,
                abilities,
                shape,
            });
        }
    }
    found
}

/// Identifiers, `::` and punctuation, without comments.
fn tokens(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let mut tokens: Vec<String> = Vec::new();
    let code = code.join("\n");
    let mut rest = code.as_str();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [String],
    position: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &str {
        &self.tokens[self.position]
    }

    fn next(&mut self) -> String {
        self.position += 1;
        self.tokens[self.position - 1].clone()
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.position += usize::from(found);
        found
    }

    #[track_caller]
    fn expect(&mut self, token: &str) {
        assert!(self.accept(token), "{} instead of {token}", self.peek());
    }

    /// Name, abilities and shape, after the keyword.
    fn declaration(&mut self, is_enum: bool) -> (String, Vec<String>, Shape) {
        let name = self.next();
        self.type_parameters();
        let mut abilities = self.abilities();
        let shape = if is_enum {
            Shape::Enum(self.variants())
        } else {
            Shape::Struct(self.fields())
        };
        // Positional structs have their abilities after the fields.
        abilities.extend(self.abilities());
        (name, abilities, shape)
    }

    fn type_parameters(&mut self) {
        if self.accept("<") {
            while self.next() != ">" {}
        }
    }

    fn abilities(&mut self) -> Vec<String> {
        let mut abilities = Vec::new();
        if self.accept("has") {
            while !["{", ";"].contains(&self.peek()) {
                let token = self.next();
                if token != "," {
                    abilities.push(token);
                }
            }
        }
        abilities
    }

    fn variants(&mut self) -> Vec<(String, Fields)> {
        let mut variants = Vec::new();
        self.expect("{");
        while !self.accept("}") {
            let name = self.next();
            let fields = if [",", "}"].contains(&self.peek()) {
                Vec::new()
            } else {
                self.fields()
            };
            variants.push((name, fields));
            self.accept(",");
        }
        variants
    }

    fn fields(&mut self) -> Fields {
        let mut fields = Vec::new();
        if self.accept("(") {
            while !self.accept(")") {
                fields.push((String::new(), self.type_()));
                self.accept(",");
            }
        } else {
            self.expect("{");
            while !self.accept("}") {
                let name = self.next();
                self.expect(":");
                fields.push((name, self.type_()));
                self.accept(",");
            }
        }
        fields
    }

    fn type_(&mut self) -> Type {
        self.accept("phantom");
        let mut name = self.next();
        while self.accept("::") {
            name = self.next();
        }
        let mut arguments = Vec::new();
        if self.accept("<") {
            while !self.accept(">") {
                arguments.push(self.type_());
                self.accept(",");
            }
        }
        Type { name, arguments }
    }
}
