//! Input objects: loading and checking them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sui_sdk_types::{
    Address, Command, Digest, Input, MoveStruct, Object, ObjectData, ObjectReference, Owner,
    ProgrammableTransaction, SharedInput, StructTag, Transaction, TypeTag, Version,
};

use super::{
    InputError, Mode, ObjectSource,
    limits::MOCK_GAS_BALANCE,
    packages::{Package, Packages},
};

/// Object 0x6: the Clock, which transactions only read.
pub(crate) const CLOCK: Address = Address::from_static("0x6");
/// Object 0x7: sign-in state, which transactions never see.
const AUTHENTICATOR_STATE: Address = Address::from_static("0x7");
/// Version of the coin made up for simulations.
const MOCK_GAS_VERSION: Version = 1;

/// How commands may use an input object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Owned by the sender: any use.
    Owned,
    /// Immutable: read only.
    Immutable,
    /// Shared and declared mutable: any use.
    SharedMutable,
    /// Shared and declared immutable: read only.
    SharedReadOnly,
}

impl Access {
    /// Whether the object is written by the transaction in any case.
    pub(crate) fn is_mutable(self) -> bool {
        matches!(self, Self::Owned | Self::SharedMutable)
    }
}

/// An input of the programmable transaction, checked.
#[derive(Clone, Debug)]
pub(crate) enum CheckedInput {
    Pure(Vec<u8>),
    Object(Object, Access),
    Receiving(Object),
    /// An object version that was received before: there is nothing to receive any more.
    Received(Address, Version),
}

/// Everything the transaction loads before it executes.
pub(crate) struct Inputs {
    /// By position, as in the transaction.
    pub(crate) arguments: Vec<CheckedInput>,
    /// Gas coins; the first one pays, the others are merged into it.
    pub(crate) gas: Vec<Object>,
    /// Packages that commands name.
    pub(crate) packages: BTreeMap<Address, Arc<Package>>,
}

impl Inputs {
    /// All loaded objects: arguments and gas.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        let arguments = self.arguments.iter().filter_map(|input| match input {
            CheckedInput::Object(object, _) | CheckedInput::Receiving(object) => Some(object),
            CheckedInput::Pure(_) | CheckedInput::Received(..) => None,
        });
        arguments.chain(&self.gas)
    }

    /// Ids and versions of tickets for what was received before.
    fn received(&self) -> impl Iterator<Item = (Address, Version)> {
        self.arguments.iter().filter_map(|input| match input {
            CheckedInput::Received(id, version) => Some((*id, *version)),
            _ => None,
        })
    }

    /// The version that everything written gets.
    pub(crate) fn lamport_version(&self) -> Version {
        let objects = self.objects().map(Object::version);
        let received = self.received().map(|(_, version)| version);
        1 + objects.chain(received).max().unwrap_or(0)
    }
}

/// Loads and checks the inputs of a transaction.
pub(crate) fn load(
    store: &dyn ObjectSource,
    packages: &Packages<'_>,
    transaction: &Transaction,
    programmable: &ProgrammableTransaction,
    mode: Mode,
) -> Result<Inputs, InputError> {
    let loader = Loader {
        store,
        enforced: !matches!(mode, Mode::Simulate { checks: false, .. }),
    };
    let arguments = programmable
        .inputs
        .iter()
        .map(|input| loader.argument(input, transaction.sender))
        .collect::<Result<Vec<_>, _>>()?;
    let gas = loader.gas(transaction, mode)?;
    let inputs = Inputs {
        arguments,
        gas,
        packages: named_packages(packages, programmable)?,
    };
    let mut seen = BTreeSet::new();
    let objects = inputs.objects().map(Object::object_id);
    for id in objects.chain(inputs.received().map(|(id, _)| id)) {
        if !seen.insert(id) {
            return Err(InputError::DuplicateInput { id });
        }
    }
    Ok(inputs)
}

struct Loader<'a> {
    store: &'a dyn ObjectSource,
    enforced: bool,
}

impl Loader<'_> {
    fn argument(&self, input: &Input, sender: Address) -> Result<CheckedInput, InputError> {
        match input {
            Input::Pure(bytes) => Ok(CheckedInput::Pure(bytes.clone())),
            Input::ImmutableOrOwned(reference) => self.owned(reference, sender),
            Input::Shared(shared) => self.shared(shared, sender),
            Input::Receiving(reference) => self.receiving(reference),
            _ => Err(InputError::Unsupported("this kind of input")),
        }
    }

    fn receiving(&self, reference: &ObjectReference) -> Result<CheckedInput, InputError> {
        let (id, version) = (*reference.object_id(), reference.version());
        let found = self
            .live(reference)
            .and_then(|object| match object.owner() {
                Owner::Address(_) => Ok(CheckedInput::Receiving(object)),
                Owner::Object(parent) => Err(InputError::ChildObject {
                    id,
                    parent: *parent,
                }),
                owner => Err(wrong_kind(&object, kind_of(owner), "an object to receive")),
            });
        found.or_else(|error| {
            if self.store.was_received(&id, version) {
                Ok(CheckedInput::Received(id, version))
            } else {
                Err(error)
            }
        })
    }

    /// The live object, which must be the version named.
    fn live(&self, reference: &ObjectReference) -> Result<Object, InputError> {
        let id = *reference.object_id();
        let version = reference.version();
        let object = self.store.object(&id).ok_or(InputError::ObjectNotFound {
            id,
            version: Some(version),
        })?;
        if matches!(object.data(), ObjectData::Package(_)) {
            return Err(InputError::PackageAsObject { id });
        }
        let current = object.version();
        if current != version {
            return Err(InputError::VersionUnavailable {
                id,
                version,
                current,
            });
        }
        let (actual, given) = (object.digest(), *reference.digest());
        if actual != given {
            return Err(InputError::DigestMismatch { id, actual, given });
        }
        Ok(object)
    }

    fn owned(
        &self,
        reference: &ObjectReference,
        signer: Address,
    ) -> Result<CheckedInput, InputError> {
        let object = self.live(reference)?;
        let access = match object.owner() {
            Owner::Immutable => Access::Immutable,
            Owner::Address(owner) => {
                self.check_owner(&object, *owner, signer)?;
                Access::Owned
            }
            Owner::Object(parent) => {
                return Err(InputError::ChildObject {
                    id: object.object_id(),
                    parent: *parent,
                });
            }
            owner => return Err(wrong_kind(&object, kind_of(owner), "an owned object")),
        };
        Ok(CheckedInput::Object(object, access))
    }

    fn check_owner(
        &self,
        object: &Object,
        owner: Address,
        signer: Address,
    ) -> Result<(), InputError> {
        if self.enforced && owner != signer {
            return Err(InputError::WrongOwner {
                id: object.object_id(),
                owner,
                signer,
            });
        }
        Ok(())
    }

    fn shared(&self, shared: &SharedInput, sender: Address) -> Result<CheckedInput, InputError> {
        let id = shared.object_id();
        if id == AUTHENTICATOR_STATE {
            return Err(InputError::InaccessibleSystemObject { id });
        }
        if id == CLOCK && shared.mutability().is_mutable() {
            return Err(InputError::ImmutableSystemObject { id });
        }
        let object = self
            .store
            .object(&id)
            .ok_or(InputError::ObjectNotFound { id, version: None })?;
        if matches!(object.data(), ObjectData::Package(_)) {
            return Err(InputError::PackageAsObject { id });
        }
        let actual = match object.owner() {
            Owner::Shared(version) => *version,
            Owner::ConsensusAddress {
                start_version,
                owner,
            } => {
                self.check_owner(&object, *owner, sender)?;
                *start_version
            }
            owner => return Err(wrong_kind(&object, kind_of(owner), "a shared object")),
        };
        if actual != shared.version() {
            return Err(InputError::WrongInitialVersion {
                id,
                actual,
                given: shared.version(),
            });
        }
        let access = if shared.mutability().is_mutable() {
            Access::SharedMutable
        } else {
            Access::SharedReadOnly
        };
        Ok(CheckedInput::Object(object, access))
    }

    fn gas(&self, transaction: &Transaction, mode: Mode) -> Result<Vec<Object>, InputError> {
        let payment = &transaction.gas_payment;
        if payment.objects.is_empty() {
            return match mode {
                Mode::Simulate { mock_gas: true, .. } => Ok(vec![mock_coin(transaction)]),
                _ => Err(InputError::MissingGasPayment),
            };
        }
        let coins = payment
            .objects
            .iter()
            .map(|reference| self.gas_coin(reference, payment.owner))
            .collect::<Result<Vec<_>, _>>()?;
        let balance = coins.iter().filter_map(coin_balance).map(u128::from).sum();
        let needed = u128::from(payment.budget);
        if self.enforced && balance < needed {
            return Err(InputError::GasBalanceTooLow { balance, needed });
        }
        Ok(coins)
    }

    fn gas_coin(&self, reference: &ObjectReference, payer: Address) -> Result<Object, InputError> {
        let object = self.live(reference)?;
        let invalid = InputError::InvalidGasObject {
            id: object.object_id(),
        };
        let Owner::Address(owner) = object.owner() else {
            return Err(invalid);
        };
        self.check_owner(&object, *owner, payer)?;
        coin_balance(&object).ok_or(invalid)?;
        Ok(object)
    }
}

/// The coin that pays for a simulation without payment.
fn mock_coin(transaction: &Transaction) -> Object {
    let id = Address::derive_id(transaction.digest(), u64::MAX);
    let contents = coin_contents(id, MOCK_GAS_BALANCE);
    let coin = MoveStruct::new(StructTag::gas_coin(), true, MOCK_GAS_VERSION, contents)
        .expect("contents of a coin begin with its id");
    let owner = Owner::Address(transaction.gas_payment.owner);
    Object::new(ObjectData::Struct(coin), owner, Digest::ZERO, 0)
}

/// Contents of a coin: id and balance.
pub(crate) fn coin_contents(id: Address, balance: u64) -> Vec<u8> {
    [id.as_bytes(), &balance.to_le_bytes()].concat()
}

/// Balance of a coin of SUI; `None` for every other object.
pub(crate) fn coin_balance(object: &Object) -> Option<u64> {
    let coin = object
        .as_struct()
        .filter(|coin| *coin.object_type() == StructTag::gas_coin())?;
    let balance = coin.contents().get(Address::LENGTH..)?;
    Some(u64::from_le_bytes(balance.try_into().ok()?))
}

fn kind_of(owner: &Owner) -> &'static str {
    match owner {
        Owner::Address(_) => "owned by an address",
        Owner::Object(_) => "owned by an object",
        Owner::Shared(_) => "shared",
        Owner::Immutable => "immutable",
        _ => "owned through consensus",
    }
}

fn wrong_kind(object: &Object, actual: &'static str, used: &'static str) -> InputError {
    InputError::WrongKind {
        id: object.object_id(),
        actual,
        used,
    }
}

/// The packages that commands call, publish against or take types from. All must exist, except
/// those the transaction could only learn of by executing.
fn named_packages(
    packages: &Packages<'_>,
    programmable: &ProgrammableTransaction,
) -> Result<BTreeMap<Address, Arc<Package>>, InputError> {
    let mut required = BTreeSet::new();
    let mut types = BTreeSet::new();
    for command in &programmable.commands {
        match command {
            Command::MoveCall(call) => {
                required.insert(call.package);
                call.type_arguments
                    .iter()
                    .for_each(|tag| type_packages(tag, &mut types));
            }
            Command::Publish(publish) => required.extend(&publish.dependencies),
            Command::Upgrade(upgrade) => {
                required.extend(&upgrade.dependencies);
                required.insert(upgrade.package);
            }
            Command::MakeMoveVector(make) => {
                make.type_
                    .iter()
                    .for_each(|tag| type_packages(tag, &mut types));
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    for id in required {
        let package = packages.find(id).ok_or_else(|| packages.missing(id))?;
        found.insert(id, package);
    }
    // Whether a type exists is found out by the command that names it.
    for id in types {
        if let Some(package) = packages.find(id) {
            found.insert(id, package);
        }
    }
    Ok(found)
}

fn type_packages(tag: &TypeTag, found: &mut BTreeSet<Address>) {
    match tag {
        TypeTag::Vector(element) => type_packages(element, found),
        TypeTag::Struct(tag) => {
            found.insert(*tag.address());
            tag.type_params()
                .iter()
                .for_each(|tag| type_packages(tag, found));
        }
        _ => {}
    }
}
