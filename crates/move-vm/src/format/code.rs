//! Instructions as bytes.

use crate::{
    format::{
        FormatError, Instruction,
        reader::Reader,
        wire::{VARIANT_HANDLES_MAX, VARIANTS_MAX, VERSION_WITH_ENUMS},
    },
    u256::U256,
    uleb::write_uleb,
};

/// First opcode of enum instructions.
const FIRST_ENUM_OPCODE: u8 = 0x4E;
const OP_LD_U128: u8 = 0x32;
const OP_LD_U256: u8 = 0x4A;
const OP_VARIANT_SWITCH: u8 = 0x56;

/// Reads one instruction.
pub(super) fn read_instruction(
    reader: &mut Reader<'_>,
    version: u32,
) -> Result<Instruction, FormatError> {
    let opcode = reader.u8()?;
    if opcode >= FIRST_ENUM_OPCODE && version < VERSION_WITH_ENUMS {
        return Err(reader.malformed("instruction of a later version"));
    }
    let local = |reader: &mut Reader<'_>| {
        let start = reader.offset();
        u8::try_from(reader.uleb()?).map_err(|_| FormatError::BadInteger(start))
    };
    let variant = |reader: &mut Reader<'_>| reader.uleb_u16(VARIANT_HANDLES_MAX);
    Ok(match opcode {
        0x01 => Instruction::Pop,
        0x02 => Instruction::Ret,
        0x03 => Instruction::BrTrue(reader.index()?),
        0x04 => Instruction::BrFalse(reader.index()?),
        0x05 => Instruction::Branch(reader.index()?),
        0x06 => Instruction::LdU64(u64::from_le_bytes(reader.array()?)),
        0x07 => Instruction::LdConst(reader.index()?),
        0x08 => Instruction::LdTrue,
        0x09 => Instruction::LdFalse,
        0x0a => Instruction::CopyLoc(local(reader)?),
        0x0b => Instruction::MoveLoc(local(reader)?),
        0x0c => Instruction::StLoc(local(reader)?),
        0x0d => Instruction::MutBorrowLoc(local(reader)?),
        0x0e => Instruction::ImmBorrowLoc(local(reader)?),
        0x0f => Instruction::MutBorrowField(reader.index()?),
        0x10 => Instruction::ImmBorrowField(reader.index()?),
        0x11 => Instruction::Call(reader.index()?),
        0x12 => Instruction::Pack(reader.index()?),
        0x13 => Instruction::Unpack(reader.index()?),
        0x14 => Instruction::ReadRef,
        0x15 => Instruction::WriteRef,
        0x16 => Instruction::Add,
        0x17 => Instruction::Sub,
        0x18 => Instruction::Mul,
        0x19 => Instruction::Mod,
        0x1a => Instruction::Div,
        0x1b => Instruction::BitOr,
        0x1c => Instruction::BitAnd,
        0x1d => Instruction::Xor,
        0x1e => Instruction::Or,
        0x1f => Instruction::And,
        0x20 => Instruction::Not,
        0x21 => Instruction::Eq,
        0x22 => Instruction::Neq,
        0x23 => Instruction::Lt,
        0x24 => Instruction::Gt,
        0x25 => Instruction::Le,
        0x26 => Instruction::Ge,
        0x27 => Instruction::Abort,
        0x28 => Instruction::Nop,
        0x2e => Instruction::FreezeRef,
        0x2f => Instruction::Shl,
        0x30 => Instruction::Shr,
        0x31 => Instruction::LdU8(u8::from_le_bytes(reader.array()?)),
        0x33 => Instruction::CastU8,
        0x34 => Instruction::CastU64,
        0x35 => Instruction::CastU128,
        0x36 => Instruction::MutBorrowFieldGeneric(reader.index()?),
        0x37 => Instruction::ImmBorrowFieldGeneric(reader.index()?),
        0x38 => Instruction::CallGeneric(reader.index()?),
        0x39 => Instruction::PackGeneric(reader.index()?),
        0x3a => Instruction::UnpackGeneric(reader.index()?),
        0x40 => Instruction::VecPack(reader.index()?, u64::from_le_bytes(reader.array()?)),
        0x41 => Instruction::VecLen(reader.index()?),
        0x42 => Instruction::VecImmBorrow(reader.index()?),
        0x43 => Instruction::VecMutBorrow(reader.index()?),
        0x44 => Instruction::VecPushBack(reader.index()?),
        0x45 => Instruction::VecPopBack(reader.index()?),
        0x46 => Instruction::VecUnpack(reader.index()?, u64::from_le_bytes(reader.array()?)),
        0x47 => Instruction::VecSwap(reader.index()?),
        0x48 => Instruction::LdU16(u16::from_le_bytes(reader.array()?)),
        0x49 => Instruction::LdU32(u32::from_le_bytes(reader.array()?)),
        0x4b => Instruction::CastU16,
        0x4c => Instruction::CastU32,
        0x4d => Instruction::CastU256,
        0x4e => Instruction::PackVariant(variant(reader)?),
        0x4f => Instruction::PackVariantGeneric(variant(reader)?),
        0x50 => Instruction::UnpackVariant(variant(reader)?),
        0x51 => Instruction::UnpackVariantImmRef(variant(reader)?),
        0x52 => Instruction::UnpackVariantMutRef(variant(reader)?),
        0x53 => Instruction::UnpackVariantGeneric(variant(reader)?),
        0x54 => Instruction::UnpackVariantImmRefGeneric(variant(reader)?),
        0x55 => Instruction::UnpackVariantMutRefGeneric(variant(reader)?),
        OP_LD_U128 => Instruction::LdU128(Box::new(u128::from_le_bytes(reader.array()?))),
        OP_LD_U256 => Instruction::LdU256(Box::new(U256::from_le_bytes(&reader.array()?))),
        OP_VARIANT_SWITCH => Instruction::VariantSwitch(reader.uleb_u16(VARIANTS_MAX)?),
        0x29..=0x2d | 0x3b..=0x3f => Instruction::GlobalStorage(opcode, reader.index()?),
        _ => return Err(reader.malformed("instruction")),
    })
}

/// Appends one instruction.
pub(super) fn write_instruction(instruction: &Instruction, out: &mut Vec<u8>) {
    let mut indexed = |opcode: u8, index: u16| {
        out.push(opcode);
        write_uleb(u64::from(index), out);
    };
    match instruction {
        Instruction::Pop => out.push(0x01),
        Instruction::Ret => out.push(0x02),
        Instruction::BrTrue(index) => indexed(0x03, *index),
        Instruction::BrFalse(index) => indexed(0x04, *index),
        Instruction::Branch(index) => indexed(0x05, *index),
        Instruction::LdU64(value) => write_immediate(0x06, &value.to_le_bytes(), out),
        Instruction::LdConst(index) => indexed(0x07, *index),
        Instruction::LdTrue => out.push(0x08),
        Instruction::LdFalse => out.push(0x09),
        Instruction::CopyLoc(index) => indexed(0x0a, u16::from(*index)),
        Instruction::MoveLoc(index) => indexed(0x0b, u16::from(*index)),
        Instruction::StLoc(index) => indexed(0x0c, u16::from(*index)),
        Instruction::MutBorrowLoc(index) => indexed(0x0d, u16::from(*index)),
        Instruction::ImmBorrowLoc(index) => indexed(0x0e, u16::from(*index)),
        Instruction::MutBorrowField(index) => indexed(0x0f, *index),
        Instruction::ImmBorrowField(index) => indexed(0x10, *index),
        Instruction::Call(index) => indexed(0x11, *index),
        Instruction::Pack(index) => indexed(0x12, *index),
        Instruction::Unpack(index) => indexed(0x13, *index),
        Instruction::ReadRef => out.push(0x14),
        Instruction::WriteRef => out.push(0x15),
        Instruction::Add => out.push(0x16),
        Instruction::Sub => out.push(0x17),
        Instruction::Mul => out.push(0x18),
        Instruction::Mod => out.push(0x19),
        Instruction::Div => out.push(0x1a),
        Instruction::BitOr => out.push(0x1b),
        Instruction::BitAnd => out.push(0x1c),
        Instruction::Xor => out.push(0x1d),
        Instruction::Or => out.push(0x1e),
        Instruction::And => out.push(0x1f),
        Instruction::Not => out.push(0x20),
        Instruction::Eq => out.push(0x21),
        Instruction::Neq => out.push(0x22),
        Instruction::Lt => out.push(0x23),
        Instruction::Gt => out.push(0x24),
        Instruction::Le => out.push(0x25),
        Instruction::Ge => out.push(0x26),
        Instruction::Abort => out.push(0x27),
        Instruction::Nop => out.push(0x28),
        Instruction::FreezeRef => out.push(0x2e),
        Instruction::Shl => out.push(0x2f),
        Instruction::Shr => out.push(0x30),
        Instruction::LdU8(value) => write_immediate(0x31, &value.to_le_bytes(), out),
        Instruction::CastU8 => out.push(0x33),
        Instruction::CastU64 => out.push(0x34),
        Instruction::CastU128 => out.push(0x35),
        Instruction::MutBorrowFieldGeneric(index) => indexed(0x36, *index),
        Instruction::ImmBorrowFieldGeneric(index) => indexed(0x37, *index),
        Instruction::CallGeneric(index) => indexed(0x38, *index),
        Instruction::PackGeneric(index) => indexed(0x39, *index),
        Instruction::UnpackGeneric(index) => indexed(0x3a, *index),
        Instruction::VecPack(index, count) => {
            indexed(0x40, *index);
            out.extend_from_slice(&count.to_le_bytes());
        }
        Instruction::VecLen(index) => indexed(0x41, *index),
        Instruction::VecImmBorrow(index) => indexed(0x42, *index),
        Instruction::VecMutBorrow(index) => indexed(0x43, *index),
        Instruction::VecPushBack(index) => indexed(0x44, *index),
        Instruction::VecPopBack(index) => indexed(0x45, *index),
        Instruction::VecUnpack(index, count) => {
            indexed(0x46, *index);
            out.extend_from_slice(&count.to_le_bytes());
        }
        Instruction::VecSwap(index) => indexed(0x47, *index),
        Instruction::LdU16(value) => write_immediate(0x48, &value.to_le_bytes(), out),
        Instruction::LdU32(value) => write_immediate(0x49, &value.to_le_bytes(), out),
        Instruction::CastU16 => out.push(0x4b),
        Instruction::CastU32 => out.push(0x4c),
        Instruction::CastU256 => out.push(0x4d),
        Instruction::PackVariant(index) => indexed(0x4e, *index),
        Instruction::PackVariantGeneric(index) => indexed(0x4f, *index),
        Instruction::UnpackVariant(index) => indexed(0x50, *index),
        Instruction::UnpackVariantImmRef(index) => indexed(0x51, *index),
        Instruction::UnpackVariantMutRef(index) => indexed(0x52, *index),
        Instruction::UnpackVariantGeneric(index) => indexed(0x53, *index),
        Instruction::UnpackVariantImmRefGeneric(index) => indexed(0x54, *index),
        Instruction::UnpackVariantMutRefGeneric(index) => indexed(0x55, *index),
        Instruction::LdU128(value) => write_immediate(OP_LD_U128, &value.to_le_bytes(), out),
        Instruction::LdU256(value) => write_immediate(OP_LD_U256, &value.to_le_bytes(), out),
        Instruction::VariantSwitch(index) => indexed(OP_VARIANT_SWITCH, *index),
        Instruction::GlobalStorage(opcode, index) => indexed(*opcode, *index),
    }
}

fn write_immediate(opcode: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(opcode);
    out.extend_from_slice(bytes);
}
