//! Encodings of types as the Move sources declare them: the rules of BCS and the framework's types,
//! applied to the declarations, without any type of the mirror.

use super::{Declaration, Fields, Shape, Type};

/// Writes values of declared types. All numbers, texts and addresses differ, so that fields that
/// were swapped show.
pub(crate) struct Layouts {
    declarations: Vec<Declaration>,
}

/// How much a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Nothing optional, empty collections, first variants.
    Sparse,
    /// Everything optional, two entries in each collection, last variants.
    Full,
}

impl Layouts {
    pub(crate) fn new(declarations: Vec<Declaration>) -> Self {
        Self { declarations }
    }

    /// Encodings of values of a declared type: sparse and full, or each variant.
    pub(crate) fn examples(&self, declaration: &Declaration) -> Vec<Vec<u8>> {
        let mut examples = Vec::new();
        match &declaration.shape {
            Shape::Struct(fields) => {
                for fill in [Fill::Sparse, Fill::Full] {
                    let mut writer = self.writer(fill);
                    writer.fields(declaration, fields);
                    examples.push(writer.out);
                }
            }
            Shape::Enum(variants) => {
                for (index, (_, fields)) in (0..).zip(variants) {
                    let mut writer = self.writer(Fill::Full);
                    writer.out.push(index);
                    if !fields.is_empty() {
                        writer.fields(declaration, fields);
                    }
                    examples.push(writer.out);
                }
            }
        }
        examples.dedup();
        examples
    }

    fn writer(&self, fill: Fill) -> Writer<'_> {
        Writer {
            layouts: self,
            fill,
            counter: 0,
            out: Vec::new(),
        }
    }

    /// The declaration a name means inside `user`: of the same module, package, or any.
    fn resolve(&self, user: &Declaration, name: &str) -> &Declaration {
        let closeness = |found: &Declaration| {
            let same_package = found.package == user.package;
            (same_package && found.module == user.module, same_package)
        };
        self.declarations
            .iter()
            .filter(|declaration| declaration.name == name)
            .max_by_key(|declaration| closeness(declaration))
            .unwrap_or_else(|| panic!("{}: unknown type {name}", user.path()))
    }
}

struct Writer<'a> {
    layouts: &'a Layouts,
    fill: Fill,
    /// Grows with every value.
    counter: u8,
    out: Vec<u8>,
}

/// Length of addresses and IDs.
const ADDRESS_LEN: usize = 32;

impl Writer<'_> {
    fn fields(&mut self, owner: &Declaration, fields: &Fields) {
        if fields.is_empty() {
            // The compiler gives an empty struct a field that is false.
            self.out.push(0);
        }
        for (_, type_) in fields {
            self.value(owner, type_);
        }
    }

    fn value(&mut self, owner: &Declaration, type_: &Type) {
        let arguments = &type_.arguments;
        match type_.name.as_str() {
            "bool" => self.out.push(u8::from(self.fill == Fill::Full)),
            "u8" => self.bytes(1),
            "u16" => self.bytes(2),
            "u32" => self.bytes(4),
            "u64" | "Balance" | "Supply" => self.bytes(8),
            "u128" => self.bytes(16),
            "u256" | "address" | "ID" | "UID" => self.bytes(ADDRESS_LEN),
            "String" | "TypeName" => self.text(),
            "vector" | "VecSet" | "VecMap" => self.entries(owner, arguments),
            "Option" => {
                let count = usize::from(self.fill == Fill::Full);
                self.length(count);
                (0..count).for_each(|_| self.value(owner, &arguments[0]));
            }
            "Coin" | "TreasuryCap" | "Table" | "ObjectTable" | "Bag" | "ObjectBag" => {
                self.bytes(ADDRESS_LEN);
                self.bytes(8);
            }
            "Element" => {
                let length = match arguments[0].name.as_str() {
                    "G1" => 48,
                    "UncompressedG1" => 96,
                    other => panic!("{}: unknown group {other}", owner.path()),
                };
                self.length(length);
                self.bytes(length);
            }
            "Publisher" => {
                self.bytes(ADDRESS_LEN);
                self.text();
                self.text();
            }
            "UpgradeCap" => {
                self.bytes(ADDRESS_LEN);
                self.bytes(ADDRESS_LEN);
                self.bytes(8);
                self.bytes(1);
            }
            name => self.declared(owner, name),
        }
    }

    fn declared(&mut self, owner: &Declaration, name: &str) {
        let layouts = self.layouts;
        let declaration = layouts.resolve(owner, name);
        match &declaration.shape {
            Shape::Struct(fields) => self.fields(declaration, fields),
            Shape::Enum(variants) => {
                let index = match self.fill {
                    Fill::Sparse => 0,
                    Fill::Full => variants.len() - 1,
                };
                self.length(index);
                if !variants[index].1.is_empty() {
                    self.fields(declaration, &variants[index].1);
                }
            }
        }
    }

    fn entries(&mut self, owner: &Declaration, types: &[Type]) {
        let count = match self.fill {
            Fill::Sparse => 0,
            Fill::Full => 2,
        };
        self.length(count);
        for _ in 0..count {
            for type_ in types {
                self.value(owner, type_);
            }
        }
    }

    fn text(&mut self) {
        self.counter += 1;
        let text = format!("text {}", self.counter);
        self.length(text.len());
        self.out.extend(text.as_bytes());
    }

    /// A ULEB128 number of one byte.
    fn length(&mut self, length: usize) {
        let length = u8::try_from(length).unwrap();
        assert!(length < 0x80);
        self.out.push(length);
    }

    fn bytes(&mut self, count: usize) {
        self.counter += 1;
        let byte =
            |index: usize| u8::try_from((usize::from(self.counter) * 7 + index) % 251).unwrap();
        self.out.extend((0..count).map(byte));
    }
}
