//! Instructions.

use crate::{format::TableIndex, u256::U256};

/// One instruction. Operands are table indexes, local indexes or instruction indexes; the comments
/// show the operand stack before and after, top on the right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "names are the format's own; the comments give the stack effect"
)]
pub enum Instruction {
    Pop,                                    // x ->
    Ret,                                    // results stay
    BrTrue(u16),                            // bool ->
    BrFalse(u16),                           // bool ->
    Branch(u16),                            //
    LdU8(u8),                               // -> u8
    LdU16(u16),                             // -> u16
    LdU32(u32),                             // -> u32
    LdU64(u64),                             // -> u64
    LdU128(Box<u128>),                      // -> u128
    LdU256(Box<U256>),                      // -> u256
    LdConst(TableIndex),                    // -> constant
    LdTrue,                                 // -> bool
    LdFalse,                                // -> bool
    CopyLoc(u8),                            // -> copy
    MoveLoc(u8),                            // -> value
    StLoc(u8),                              // x ->
    MutBorrowLoc(u8),                       // -> &mut
    ImmBorrowLoc(u8),                       // -> &
    MutBorrowField(TableIndex),             // &mut struct -> &mut field
    ImmBorrowField(TableIndex),             // &struct -> &field
    MutBorrowFieldGeneric(TableIndex),      // &mut struct -> &mut field
    ImmBorrowFieldGeneric(TableIndex),      // &struct -> &field
    Call(TableIndex),                       // arguments -> results
    CallGeneric(TableIndex),                // arguments -> results
    Pack(TableIndex),                       // fields -> struct
    PackGeneric(TableIndex),                // fields -> struct
    Unpack(TableIndex),                     // struct -> fields
    UnpackGeneric(TableIndex),              // struct -> fields
    ReadRef,                                // & -> copy
    WriteRef,                               // value, &mut ->
    Add,                                    // l, r -> l + r
    Sub,                                    // l, r -> l - r
    Mul,                                    // l, r -> l * r
    Mod,                                    // l, r -> l % r
    Div,                                    // l, r -> l / r
    BitOr,                                  // l, r -> l | r
    BitAnd,                                 // l, r -> l & r
    Xor,                                    // l, r -> l ^ r
    Shl,                                    // l, r: u8 -> l << r
    Shr,                                    // l, r: u8 -> l >> r
    Or,                                     // bool, bool -> bool
    And,                                    // bool, bool -> bool
    Not,                                    // bool -> bool
    Eq,                                     // a, b -> bool
    Neq,                                    // a, b -> bool
    Lt,                                     // l, r -> bool
    Gt,                                     // l, r -> bool
    Le,                                     // l, r -> bool
    Ge,                                     // l, r -> bool
    Abort,                                  // u64 ->
    Nop,                                    //
    FreezeRef,                              // &mut -> &
    CastU8,                                 // integer -> u8
    CastU16,                                // integer -> u16
    CastU32,                                // integer -> u32
    CastU64,                                // integer -> u64
    CastU128,                               // integer -> u128
    CastU256,                               // integer -> u256
    VecPack(TableIndex, u64),               // elements -> vector
    VecLen(TableIndex),                     // &vector -> u64
    VecImmBorrow(TableIndex),               // &vector, u64 -> &element
    VecMutBorrow(TableIndex),               // &mut vector, u64 -> &mut element
    VecPushBack(TableIndex),                // &mut vector, element ->
    VecPopBack(TableIndex),                 // &mut vector -> element
    VecUnpack(TableIndex, u64),             // vector -> elements
    VecSwap(TableIndex),                    // &mut vector, u64, u64 ->
    PackVariant(TableIndex),                // fields -> enum
    PackVariantGeneric(TableIndex),         // fields -> enum
    UnpackVariant(TableIndex),              // enum -> fields
    UnpackVariantGeneric(TableIndex),       // enum -> fields
    UnpackVariantImmRef(TableIndex),        // &enum -> &fields
    UnpackVariantImmRefGeneric(TableIndex), // &enum -> &fields
    UnpackVariantMutRef(TableIndex),        // &mut enum -> &mut fields
    UnpackVariantMutRefGeneric(TableIndex), // &mut enum -> &mut fields
    VariantSwitch(TableIndex),              // &enum ->
    /// One of the obsolete global-storage instructions: opcode and index. Never executable.
    GlobalStorage(u8, TableIndex),
}

impl Instruction {
    /// Whether control never continues with the next instruction.
    pub const fn is_unconditional_jump(&self) -> bool {
        matches!(
            self,
            Self::Ret | Self::Abort | Self::Branch(_) | Self::VariantSwitch(_)
        )
    }

    /// The target of a branch.
    pub const fn branch_target(&self) -> Option<u16> {
        match self {
            Self::Branch(target) | Self::BrTrue(target) | Self::BrFalse(target) => Some(*target),
            _ => None,
        }
    }
}
