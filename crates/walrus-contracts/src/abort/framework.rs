//! Abort codes of the Sui framework: those that calls of our contracts can end in, in words that
//! fit our contracts, and all others, in the words of the framework's own sources.

use super::AbortCode;

const fn sui(
    module: &'static str,
    code: u64,
    name: &'static str,
    sentence: &'static str,
) -> AbortCode {
    AbortCode {
        package: "sui",
        module,
        code,
        name,
        sentence,
    }
}

const fn std(
    module: &'static str,
    code: u64,
    name: &'static str,
    sentence: &'static str,
) -> AbortCode {
    AbortCode {
        package: "std",
        module,
        code,
        name,
        sentence,
    }
}

/// What the embedded chain aborts with where it does not have a native function of the framework.
pub(super) const NATIVE_MISSING: u64 = 0x4E41_5449;

/// The entry for [`NATIVE_MISSING`], which any module of the framework may report.
pub(super) static NATIVE_MISSING_ENTRY: AbortCode = sui(
    "native",
    NATIVE_MISSING,
    "ENativeMissing",
    "The chain does not have a native function that the call needs.",
);

/// All error constants of the framework with a number, from `move/framework-errors.txt`.
#[expect(clippy::unreadable_literal, reason = "a program writes them")]
static SOURCES: &[AbortCode] = include!(concat!(env!("OUT_DIR"), "/framework_errors.rs"));

/// What abort `code` of a module of the framework means.
pub(super) fn describe(package: &str, module: &str, code: u64) -> Option<&'static AbortCode> {
    if code == NATIVE_MISSING && ["std", "sui"].contains(&package) {
        return Some(&NATIVE_MISSING_ENTRY);
    }
    all().find(|entry| entry.package == package && entry.module == module && entry.code == code)
}

/// Our words where there are some, those of the framework elsewhere.
pub(super) fn all() -> impl Iterator<Item = &'static AbortCode> {
    let others = SOURCES.iter().filter(|entry| {
        let same = |ours: &&AbortCode| {
            (ours.package, ours.module, ours.code) == (entry.package, entry.module, entry.code)
        };
        !TABLE.iter().any(|ours| same(&ours))
    });
    TABLE.iter().chain(others)
}

/// Names and codes are those of the framework; the sentences say what they mean in calls of our
/// contracts.
static TABLE: &[AbortCode] = &[
    sui(
        "balance",
        0,
        "ENonZero",
        "A coin that must be used up still holds something.",
    ),
    sui(
        "balance",
        1,
        "EOverflow",
        "The sum of all coins of a kind would exceed what a number can hold.",
    ),
    sui(
        "balance",
        2,
        "ENotEnough",
        "The coin or fund holds less than the call takes from it.",
    ),
    sui(
        "coin",
        0,
        "EBadWitness",
        "A currency can only be created when its package is published.",
    ),
    sui(
        "coin",
        1,
        "EInvalidArg",
        "An amount or a number of parts is not valid.",
    ),
    sui(
        "coin",
        2,
        "ENotEnough",
        "The coin holds less than the call takes from it.",
    ),
    sui(
        "dynamic_field",
        0,
        "EFieldAlreadyExists",
        "An entry with this name exists already.",
    ),
    sui(
        "dynamic_field",
        1,
        "EFieldDoesNotExist",
        "There is no entry with this name.",
    ),
    sui(
        "dynamic_field",
        2,
        "EFieldTypeMismatch",
        "The entry with this name is of another type.",
    ),
    sui(
        "dynamic_field",
        4,
        "ESharedObjectOperationNotSupported",
        "A shared object cannot become part of another object.",
    ),
    sui(
        "vec_map",
        0,
        "EKeyAlreadyExists",
        "The map has an entry with this key already.",
    ),
    sui(
        "vec_map",
        1,
        "EKeyDoesNotExist",
        "The map has no entry with this key.",
    ),
    sui("vec_map", 2, "EMapNotEmpty", "The map is not empty."),
    sui(
        "vec_map",
        3,
        "EIndexOutOfBounds",
        "The map has fewer entries than that.",
    ),
    sui(
        "vec_map",
        5,
        "EUnequalLengths",
        "There must be as many values as keys.",
    ),
    sui(
        "vec_set",
        0,
        "EKeyAlreadyExists",
        "The set has this member already.",
    ),
    sui(
        "vec_set",
        1,
        "EKeyDoesNotExist",
        "The set does not have this member.",
    ),
    sui("table", 0, "ETableNotEmpty", "The table is not empty."),
    sui(
        "object_table",
        0,
        "ETableNotEmpty",
        "The table is not empty.",
    ),
    sui("bag", 0, "EBagNotEmpty", "The bag is not empty."),
    sui("object_bag", 0, "EBagNotEmpty", "The bag is not empty."),
    sui(
        "transfer",
        0,
        "ESharedNonNewObject",
        "Only an object that was created in the same transaction can be shared.",
    ),
    sui(
        "transfer",
        2,
        "EReceivingObjectTypeMismatch",
        "The object to receive is of another type.",
    ),
    sui(
        "transfer",
        3,
        "EUnableToReceiveObject",
        "The object to receive does not exist or was not sent there.",
    ),
    sui(
        "transfer",
        4,
        "ESharedObjectOperationNotSupported",
        "A shared object cannot be frozen, wrapped or owned.",
    ),
    sui(
        "package",
        0,
        "ENotOneTimeWitness",
        "A publisher can only be claimed when its package is published.",
    ),
    sui(
        "package",
        1,
        "ETooPermissive",
        "The policy of a package can only become stricter.",
    ),
    sui(
        "package",
        2,
        "EAlreadyAuthorized",
        "An upgrade of this package is authorized already in this transaction.",
    ),
    sui(
        "package",
        3,
        "ENotAuthorized",
        "No upgrade of this package is authorized.",
    ),
    sui(
        "package",
        4,
        "EWrongUpgradeCap",
        "The upgrade was authorized by another capability.",
    ),
    sui("bcs", 0, "EOutOfRange", "The message is too short."),
    sui(
        "bcs",
        1,
        "ENotBool",
        "The message holds a truth value that is neither 0 nor 1.",
    ),
    sui(
        "bcs",
        2,
        "ELenOutOfRange",
        "The message holds a length that is not valid.",
    ),
    sui(
        "group_ops",
        1,
        "EInvalidInput",
        "The bytes are no valid point of the curve.",
    ),
    std("string", 1, "EInvalidUTF8", "A text is not valid UTF-8."),
    std(
        "string",
        2,
        "EInvalidIndex",
        "A position is outside the text.",
    ),
    std(
        "vector",
        0x20000,
        "EINDEX_OUT_OF_BOUNDS",
        "A position is outside the list.",
    ),
    std(
        "option",
        0x40000,
        "EOPTION_IS_SET",
        "A value is there where none may be.",
    ),
    std("option", 0x40001, "EOPTION_NOT_SET", "A value is missing."),
];
