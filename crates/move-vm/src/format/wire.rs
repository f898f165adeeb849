//! Numbers of the file format that parser and writer share.

/// First bytes of every module.
pub(super) const MAGIC: [u8; 4] = [0xA1, 0x1C, 0xEB, 0x0B];
/// From this version on, the version word carries a flavor in its top byte.
pub(super) const VERSION_WITH_FLAVOR: u32 = 7;
/// From this version on there are enums and jump tables.
pub(super) const VERSION_WITH_ENUMS: u32 = 7;
/// The flavor of Sui.
pub(super) const FLAVOR_SUI: u32 = 5;
/// Position of the flavor in the version word.
pub(super) const FLAVOR_SHIFT: u32 = 24;
/// Bytes, and so entries, of most lists are counted in a byte.
pub(super) const LIST_MAX: u16 = 255;
/// Most variants of an enum, and most jump tables of a function.
pub(super) const VARIANTS_MAX: u16 = 127;
/// Most variant handles that an instruction can name.
pub(super) const VARIANT_HANDLES_MAX: u16 = 1024;
/// Deepest nesting of a type in a signature.
pub(super) const TOKEN_DEPTH_MAX: usize = 256;

/// Struct definition without fields.
pub(super) const STRUCT_NATIVE: u8 = 1;
/// Struct or enum definition with fields.
pub(super) const STRUCT_DECLARED: u8 = 2;
/// Function flag: native.
pub(super) const NATIVE_FLAG: u8 = 2;
/// Function flag: entry.
pub(super) const ENTRY_FLAG: u8 = 4;
/// The only kind of jump table: one target per variant.
pub(super) const JUMP_TABLE_FULL: u8 = 1;

/// Kinds of tables, in the order of the writer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum TableKind {
    ModuleHandles = 0x01,
    DatatypeHandles = 0x02,
    FunctionHandles = 0x03,
    FunctionInstantiations = 0x04,
    Signatures = 0x05,
    Identifiers = 0x07,
    Addresses = 0x08,
    Constants = 0x06,
    StructDefs = 0x0A,
    StructInstantiations = 0x0B,
    FunctionDefs = 0x0C,
    FieldHandles = 0x0D,
    FieldInstantiations = 0x0E,
    Friends = 0x0F,
    EnumDefs = 0x11,
    EnumInstantiations = 0x12,
    VariantHandles = 0x13,
    VariantInstantiations = 0x14,
}

impl TableKind {
    /// All kinds in the order in which the compiler writes them.
    pub(super) const WRITE_ORDER: [Self; 18] = [
        Self::ModuleHandles,
        Self::DatatypeHandles,
        Self::FunctionHandles,
        Self::FunctionInstantiations,
        Self::Signatures,
        Self::Identifiers,
        Self::Addresses,
        Self::Constants,
        Self::StructDefs,
        Self::StructInstantiations,
        Self::FunctionDefs,
        Self::FieldHandles,
        Self::FieldInstantiations,
        Self::Friends,
        Self::EnumDefs,
        Self::EnumInstantiations,
        Self::VariantHandles,
        Self::VariantInstantiations,
    ];

    /// The kind with this number. Metadata (0x10) is not accepted on chain.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::WRITE_ORDER
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }

    pub(super) const fn needs_enums(self) -> bool {
        matches!(
            self,
            Self::EnumDefs
                | Self::EnumInstantiations
                | Self::VariantHandles
                | Self::VariantInstantiations
        )
    }
}
