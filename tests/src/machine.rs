//! Single functions of the contracts' bytecode on the virtual machine, private ones included:
//! thousands of calls in a second, for comparisons with a model.
//!
//! ```
//! use walrus_tests::machine::{Machine, bcs};
//!
//! let mut machine = Machine::new();
//! let arguments = [bcs(&10u16), bcs(&vec![7u64, 5, 3, 1])];
//! let counts: Vec<u16> = machine.get("walrus::apportionment::apportion", arguments).unwrap();
//! assert_eq!(counts, [5, 3, 2, 0]);
//! ```

mod host;
mod packages;

use std::sync::LazyLock;

use move_vm::{Meter, Session, Slot, Type, Value, Vm, VmError};
use serde::{Serialize, de::DeserializeOwned};

use self::{host::Memory, packages::Packages};

static PACKAGES: LazyLock<Packages> = LazyLock::new(Packages::load);

/// The virtual machine with the framework and the packages `wal` and `walrus`, and a memory for
/// dynamic fields.
pub struct Machine {
    vm: Vm,
    memory: Memory,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            vm: Vm::with_natives(host::NATIVES),
            memory: Memory::default(),
        }
    }
}

/// A Move value that the test keeps between calls.
pub struct Held {
    slot: Slot,
    type_: Type,
}

/// An argument of a function.
pub enum Arg<'a> {
    /// BCS of the value, or of what the reference refers to.
    Bcs(Vec<u8>),
    /// A kept value, by reference.
    Ref(&'a Held),
    /// A kept value, moved into the function.
    Own(Held),
}

/// A call that Move code aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// Module that aborted; empty when the virtual machine did.
    pub module: String,
    /// Its code; `None` for an arithmetic error or the like.
    pub code: Option<u64>,
    /// For people.
    pub text: String,
}

/// The argument with this value.
///
/// # Panics
///
/// When the value cannot be encoded.
pub fn bcs<T: Serialize + ?Sized>(value: &T) -> Arg<'static> {
    Arg::Bcs(::bcs::to_bytes(value).expect("values of tests can be encoded"))
}

/// A transaction context, as functions take it that create objects.
pub fn context() -> Arg<'static> {
    // Sender, digest, epoch, time of its start, ids created.
    bcs(&([0u8; 32], vec![0u8; 32], 0u64, 0u64, 0u64))
}

impl Machine {
    /// A machine with an empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all dynamic fields.
    pub fn forget(&mut self) {
        self.memory = Memory::default();
    }

    /// Calls `package::module::function`; returns its results.
    ///
    /// # Errors
    ///
    /// When it aborts.
    ///
    /// # Panics
    ///
    /// When there is no such function, or an argument is not what it takes.
    pub fn call<'a>(
        &mut self,
        function: &str,
        arguments: impl IntoIterator<Item = Arg<'a>>,
    ) -> Result<Vec<Held>, Abort> {
        self.call_generic(function, &[], arguments)
    }

    /// Calls a function with type arguments.
    ///
    /// # Errors
    ///
    /// When it aborts.
    ///
    /// # Panics
    ///
    /// When there is no such function, or an argument is not what it takes.
    pub fn call_generic<'a>(
        &mut self,
        function: &str,
        type_arguments: &[&str],
        arguments: impl IntoIterator<Item = Arg<'a>>,
    ) -> Result<Vec<Held>, Abort> {
        let type_arguments: Vec<_> = type_arguments
            .iter()
            .map(|type_| Packages::type_tag(type_))
            .collect();
        let session = self.vm.session(&*PACKAGES, PACKAGES.linkage());
        let mut path = function.split("::");
        let mut next = || path.next().unwrap_or_else(|| panic!("no path: {function}"));
        let (package, module, name) = (Packages::address(next()), next(), next());
        let loaded = session
            .load_function(&package, module, name, &type_arguments)
            .unwrap_or_else(|error| panic!("{function}: {error}"));
        let arguments: Vec<_> = arguments.into_iter().collect();
        // Slots of referents live as long as the call.
        let mut slots = Vec::new();
        let values = arguments.into_iter().zip(&loaded.parameters);
        let values = values.map(|(argument, type_)| {
            argument
                .into_value(&session, type_, &mut slots)
                .unwrap_or_else(|error| panic!("argument of {function}: {error}"))
        });
        let values = values.collect();
        let mut meter = Meter::unlimited();
        let results = session
            .call(&loaded, values, &mut self.memory, &mut meter)
            .map_err(|error| Abort::new(&error))?;
        let results = results.into_iter().zip(&loaded.returns);
        let held = results.map(|(value, type_)| Held {
            slot: Slot::new(value),
            type_: type_.clone(),
        });
        Ok(held.collect())
    }

    /// Calls a function and reads its only result.
    ///
    /// # Errors
    ///
    /// When it aborts.
    ///
    /// # Panics
    ///
    /// As [`Self::call`], and when the result is not a `T`.
    pub fn get<'a, T: DeserializeOwned>(
        &mut self,
        function: &str,
        arguments: impl IntoIterator<Item = Arg<'a>>,
    ) -> Result<T, Abort> {
        let mut results = self.call(function, arguments)?;
        let result = results.pop().expect("the function returns something");
        assert!(results.is_empty(), "{function} returns several values");
        Ok(self.read(&result))
    }

    /// Calls a function and keeps its only result.
    ///
    /// # Errors
    ///
    /// When it aborts.
    ///
    /// # Panics
    ///
    /// As [`Self::call`].
    pub fn make<'a>(
        &mut self,
        function: &str,
        arguments: impl IntoIterator<Item = Arg<'a>>,
    ) -> Result<Held, Abort> {
        let mut results = self.call(function, arguments)?;
        let result = results.pop().expect("the function returns something");
        assert!(results.is_empty(), "{function} returns several values");
        Ok(result)
    }

    /// Keeps a value of a type, such as `sui::coin::Coin<wal::wal::WAL>`, given by its mirror in
    /// Rust.
    ///
    /// # Panics
    ///
    /// When the value is not of the type.
    pub fn hold<T: Serialize>(&self, type_: &str, value: &T) -> Held {
        let session = self.vm.session(&*PACKAGES, PACKAGES.linkage());
        let tag = Packages::type_tag(type_);
        let type_ = session.load_type(&tag).expect("the type exists");
        let layout = session.layout(&type_).expect("values have layouts");
        let bytes = ::bcs::to_bytes(value).expect("values of tests can be encoded");
        let value = Value::from_bcs(&bytes, &layout).expect("the value is of the type");
        Held {
            slot: Slot::new(value),
            type_,
        }
    }

    /// Keeps a `Balance<WAL>`.
    pub fn wal(&self, frost: u64) -> Held {
        self.hold("sui::balance::Balance<wal::wal::WAL>", &frost)
    }

    /// A copy of a kept value. Both share the dynamic fields.
    ///
    /// # Panics
    ///
    /// When the value is gone.
    pub fn copy(&self, held: &Held) -> Held {
        let value = held.slot.get().expect("the value was not moved");
        Held {
            slot: Slot::new(value),
            type_: held.type_.clone(),
        }
    }

    /// Reads a kept value.
    ///
    /// # Panics
    ///
    /// When it is not a `T`.
    pub fn read<T: DeserializeOwned>(&self, held: &Held) -> T {
        let session = self.vm.session(&*PACKAGES, PACKAGES.linkage());
        let type_ = held
            .type_
            .as_reference()
            .map_or(&held.type_, |(type_, _)| type_);
        let layout = session.layout(type_).expect("values have layouts");
        let bytes = held.slot.with(|value| value.to_bcs(&layout));
        let bytes = bytes.expect("values have the layout of their type");
        ::bcs::from_bytes(&bytes).expect("the test names the type that is returned")
    }
}

impl Held {
    /// Replaces field `index` of a struct by the value with this BCS-encodable mirror in Rust.
    ///
    /// # Panics
    ///
    /// When it is not a struct with such a field.
    pub fn set_field<T: Serialize>(&self, machine: &Machine, index: usize, value: &T) {
        let session = machine.vm.session(&*PACKAGES, PACKAGES.linkage());
        let layout = session.layout(&self.type_).expect("values have layouts");
        let move_vm::Layout::Struct(layout) = &*layout else {
            panic!("only structs have fields");
        };
        let bytes = ::bcs::to_bytes(value).expect("values of tests can be encoded");
        let value = Value::from_bcs(&bytes, &layout.fields[index].layout)
            .expect("the value is of the field's type");
        let reference = self.slot.borrow().into_reference().expect("a reference");
        let field = reference.field(index).expect("the field exists");
        field.write(value).expect("the field can be written");
    }
}

impl Arg<'_> {
    fn into_value(
        self,
        session: &Session<'_>,
        type_: &Type,
        slots: &mut Vec<Slot>,
    ) -> Result<Value, VmError> {
        match self {
            Self::Bcs(bytes) => {
                let (inner, is_reference) = match type_.as_reference() {
                    Some((inner, _)) => (inner, true),
                    None => (type_, false),
                };
                let value = Value::from_bcs(&bytes, &*session.layout(inner)?)?;
                if !is_reference {
                    return Ok(value);
                }
                let slot = Slot::new(value);
                let reference = slot.borrow();
                slots.push(slot);
                Ok(reference)
            }
            Self::Ref(held) => Ok(held.slot.borrow()),
            Self::Own(held) => held.slot.take(),
        }
    }
}

impl Abort {
    fn new(error: &VmError) -> Self {
        Self {
            module: error
                .location
                .as_ref()
                .map(|location| location.module.name.to_string())
                .unwrap_or_default(),
            code: error.abort_code(),
            text: error.to_string(),
        }
    }

    /// Whether Move code of `module` aborted with `code`.
    pub fn is(&self, module: &str, code: u64) -> bool {
        self.module == module && self.code == Some(code)
    }
}
