//! Abilities of types.

use std::fmt;

/// One ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ability {
    /// Values may be copied.
    Copy = 1,
    /// Values may be dropped.
    Drop = 2,
    /// Values may be stored inside objects.
    Store = 4,
    /// Values are objects.
    Key = 8,
}

impl Ability {
    /// All abilities, lowest bit first.
    pub const ALL: [Self; 4] = [Self::Copy, Self::Drop, Self::Store, Self::Key];

    /// What the fields of a datatype need so that the datatype can have this ability.
    #[must_use]
    pub const fn required_of_fields(self) -> Self {
        match self {
            Self::Copy => Self::Copy,
            Self::Drop => Self::Drop,
            Self::Store | Self::Key => Self::Store,
        }
    }
}

/// A set of abilities; the bits are those of the file format.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AbilitySet(u8);

impl AbilitySet {
    /// No ability.
    pub const EMPTY: Self = Self(0);
    /// Abilities of integers, booleans, addresses and (before element types are considered)
    /// vectors.
    pub const PRIMITIVES: Self = Self(1 | 2 | 4);
    /// Abilities of references.
    pub const REFERENCES: Self = Self(1 | 2);
    /// Abilities of `signer`.
    pub const SIGNER: Self = Self(2);
    /// Every ability.
    pub const ALL: Self = Self(15);

    /// From the bits of the file format; `None` when unknown bits are set.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits <= 15 { Some(Self(bits)) } else { None }
    }

    /// The bits of the file format.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether `ability` is in the set.
    pub const fn has(self, ability: Ability) -> bool {
        self.0 & ability as u8 != 0
    }

    /// The set with `ability` added.
    #[must_use]
    pub const fn with(self, ability: Ability) -> Self {
        Self(self.0 | ability as u8)
    }

    /// The set without `ability`.
    #[must_use]
    pub const fn without(self, ability: Ability) -> Self {
        Self(self.0 & !(ability as u8))
    }

    /// Abilities in both sets.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every ability of `self` is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Abilities of a datatype declared with `self`, given the abilities of its non-phantom type
    /// arguments: an ability stays only if every argument has what its fields need.
    #[must_use]
    pub fn instantiated(self, arguments: impl IntoIterator<Item = Self>) -> Self {
        arguments.into_iter().fold(self, |set, argument| {
            Ability::ALL.into_iter().fold(set, |set, ability| {
                if argument.has(ability.required_of_fields()) {
                    set
                } else {
                    set.without(ability)
                }
            })
        })
    }
}

impl fmt::Debug for AbilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(
                Ability::ALL
                    .into_iter()
                    .filter(|ability| self.has(*ability)),
            )
            .finish()
    }
}
