//! Reference safety: what must be refused, and that its neighbours are accepted.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use common::assemble::Assembler;
use move_vm::{
    AbilitySet,
    format::{
        DatatypeHandle, EnumDef, FieldDef, FieldHandle, Instruction as I, SignatureToken as T,
        StructDef, VariantDef, VariantHandle,
    },
    verifier::verify_module,
};

fn imm(inner: T) -> T {
    T::Reference(Box::new(inner))
}

fn mutable(inner: T) -> T {
    T::MutableReference(Box::new(inner))
}

fn numbers() -> T {
    T::Vector(Box::new(T::U64))
}

/// A module with `struct S { left: u64, right: u64 }`, its fields as field handles 0 and 1, the
/// functions `pick(&mut S): &mut u64` and `look(&S): &u64` as function handles 0 and 1.
fn assembler() -> Assembler {
    let mut assembler = Assembler::new();
    let name = assembler.identifier("S");
    let names = [assembler.identifier("left"), assembler.identifier("right")];
    assembler.module.datatype_handles.push(DatatypeHandle {
        module: 0,
        name,
        abilities: AbilitySet::PRIMITIVES,
        type_parameters: Vec::new(),
    });
    let fields = names
        .map(|name| FieldDef {
            name,
            type_: T::U64,
        })
        .to_vec();
    assembler.module.struct_defs.push(StructDef {
        handle: 0,
        fields: Some(fields),
    });
    assembler.module.field_handles = vec![
        FieldHandle { owner: 0, field: 0 },
        FieldHandle { owner: 0, field: 1 },
    ];
    let s = T::Datatype(0);
    let code = vec![I::MoveLoc(0), I::MutBorrowField(0), I::Ret];
    assembler.function("pick", &[mutable(s.clone())], &[mutable(T::U64)], &[], code);
    let code = vec![I::MoveLoc(0), I::ImmBorrowField(1), I::Ret];
    assembler.function("look", &[imm(s)], &[imm(T::U64)], &[], code);
    assembler
}

/// The message of the reference check, or `None` when the function is accepted. Signature 0 of the
/// vector instructions in `code` is replaced by that of `u64`.
fn check(parameters: &[T], returns: &[T], locals: &[T], code: Vec<I>) -> Option<String> {
    let mut assembler = assembler();
    let element = assembler.signature(&[T::U64]);
    let code = code
        .into_iter()
        .map(|instruction| match instruction {
            I::VecMutBorrow(_) => I::VecMutBorrow(element),
            I::VecImmBorrow(_) => I::VecImmBorrow(element),
            I::VecPopBack(_) => I::VecPopBack(element),
            I::VecPushBack(_) => I::VecPushBack(element),
            other => other,
        })
        .collect();
    assembler.function("f", parameters, returns, locals, code);
    let error = verify_module(&assembler.finish()).err()?;
    let message = error.message.unwrap().to_string();
    assert!(message.starts_with("references:"), "{message}");
    Some(message)
}

#[track_caller]
fn accepted(parameters: &[T], returns: &[T], locals: &[T], code: Vec<I>) {
    assert_eq!(check(parameters, returns, locals, code), None);
}

#[track_caller]
fn refused(parameters: &[T], returns: &[T], locals: &[T], code: Vec<I>, problem: &str) {
    let message = check(parameters, returns, locals, code).expect("should be refused");
    assert!(message.contains(problem), "{message}");
}

#[test]
fn references_to_locals_do_not_leave_the_function() {
    let code = |borrow| vec![borrow, I::Ret];
    refused(
        &[T::U64],
        &[imm(T::U64)],
        &[],
        code(I::ImmBorrowLoc(0)),
        "local is returned",
    );
    refused(
        &[T::U64],
        &[mutable(T::U64)],
        &[],
        code(I::MutBorrowLoc(0)),
        "local is returned",
    );
    accepted(&[imm(T::U64)], &[imm(T::U64)], &[], code(I::MoveLoc(0)));
    // Nor through a call.
    let through_call = vec![I::ImmBorrowLoc(0), I::Call(1), I::Ret];
    refused(
        &[T::Datatype(0)],
        &[imm(T::U64)],
        &[],
        through_call,
        "local is returned",
    );
    let parameter = vec![I::MoveLoc(0), I::Call(1), I::Ret];
    accepted(&[imm(T::Datatype(0))], &[imm(T::U64)], &[], parameter);
}

#[test]
fn borrowed_locals_are_neither_moved_nor_overwritten() {
    let locals = [mutable(T::U64)];
    let with_borrow = |then: Vec<I>| {
        let mut code = vec![I::MutBorrowLoc(0), I::StLoc(1)];
        code.extend(then);
        code.extend([I::MoveLoc(1), I::ReadRef, I::Pop, I::Ret]);
        code
    };
    let parameters = [T::U64];
    let moved = with_borrow(vec![I::MoveLoc(0), I::Pop]);
    refused(&parameters, &[], &locals, moved, "move of a local");
    let stored = with_borrow(vec![I::LdU64(1), I::StLoc(0)]);
    refused(&parameters, &[], &locals, stored, "store to a local");
    let copied = with_borrow(vec![I::CopyLoc(0), I::Pop]);
    refused(&parameters, &[], &locals, copied, "copy of a local");
    let read = with_borrow(vec![I::ImmBorrowLoc(0), I::ReadRef, I::Pop]);
    refused(&parameters, &[], &locals, read, "borrow of a local");
    accepted(&parameters, &[], &locals, with_borrow(vec![]));
}

#[test]
fn elements_keep_their_vector_from_changing() {
    let element = [
        I::MutBorrowLoc(0),
        I::LdU64(0),
        I::VecMutBorrow(0),
        I::StLoc(1),
    ];
    let use_element = [I::LdU64(7), I::MoveLoc(1), I::WriteRef, I::Ret];
    let pop = [I::MutBorrowLoc(0), I::VecPopBack(0), I::Pop];
    let locals = [mutable(T::U64)];
    let dangling = [&element[..], &pop, &use_element].concat();
    refused(
        &[numbers()],
        &[],
        &locals,
        dangling,
        "vector that is borrowed",
    );
    let in_order = [&element[..], &use_element[..3], &pop, &[I::Ret]].concat();
    accepted(&[numbers()], &[], &locals, in_order);
    let second = [
        &element[..],
        &[I::MutBorrowLoc(0), I::LdU64(1), I::VecMutBorrow(0), I::Pop],
        &use_element,
    ]
    .concat();
    refused(&[numbers()], &[], &locals, second, "element of a vector");
}

#[test]
fn fields_are_borrowed_independently() {
    let locals = [mutable(T::U64), mutable(T::U64)];
    let borrow = |field, local| [I::CopyLoc(0), I::MutBorrowField(field), I::StLoc(local)];
    let write = |local| [I::LdU64(1), I::MoveLoc(local), I::WriteRef];
    let two_fields = [
        &borrow(0, 1)[..],
        &borrow(1, 2),
        &write(1),
        &write(2),
        &[I::Ret],
    ]
    .concat();
    accepted(&[mutable(T::Datatype(0))], &[], &locals, two_fields);
    // The second borrow of the same field waits for the first.
    let same_field = [
        &borrow(0, 1)[..],
        &borrow(0, 2),
        &write(2),
        &write(1),
        &[I::Ret],
    ]
    .concat();
    refused(
        &[mutable(T::Datatype(0))],
        &[],
        &locals,
        same_field,
        "write to what is borrowed",
    );
    let in_order = [
        &borrow(0, 1)[..],
        &borrow(0, 2),
        &write(1),
        &write(2),
        &[I::Ret],
    ]
    .concat();
    accepted(&[mutable(T::Datatype(0))], &[], &locals, in_order);
}

#[test]
fn results_of_calls_borrow_from_mutable_arguments() {
    let locals = [mutable(T::U64)];
    let pick = [I::CopyLoc(0), I::Call(0), I::StLoc(1)];
    let replace = [
        I::LdU64(1),
        I::LdU64(2),
        I::Pack(0),
        I::CopyLoc(0),
        I::WriteRef,
    ];
    let write = [I::LdU64(1), I::MoveLoc(1), I::WriteRef, I::Ret];
    let overlap = [&pick[..], &replace, &write].concat();
    refused(
        &[mutable(T::Datatype(0))],
        &[],
        &locals,
        overlap,
        "write to what is borrowed",
    );
    let in_order = [&pick[..], &write[..3], &replace, &[I::Ret]].concat();
    accepted(&[mutable(T::Datatype(0))], &[], &locals, in_order);
    let twice = [&pick[..], &[I::CopyLoc(0), I::Call(0), I::Pop], &write].concat();
    refused(
        &[mutable(T::Datatype(0))],
        &[],
        &locals,
        twice,
        "mutable argument",
    );
}

#[test]
fn frozen_references_keep_others_from_writing() {
    let locals = [imm(T::Datatype(0))];
    let freeze = [I::CopyLoc(0), I::FreezeRef, I::StLoc(1)];
    let write = [
        I::LdU64(1),
        I::CopyLoc(0),
        I::MutBorrowField(0),
        I::WriteRef,
    ];
    let read = [I::MoveLoc(1), I::ReadRef, I::Pop, I::Ret];
    let overlap = [&freeze[..], &write, &read].concat();
    refused(
        &[mutable(T::Datatype(0))],
        &[],
        &locals,
        overlap,
        "field that is borrowed",
    );
    let in_order = [&freeze[..], &read[..3], &write, &[I::Ret]].concat();
    accepted(&[mutable(T::Datatype(0))], &[], &locals, in_order);
}

#[test]
fn paths_are_joined() {
    // One branch borrows an element, the other does not; then the vector changes while the
    // reference may still be used.
    let code = |use_after: bool| {
        let mut code = vec![
            I::MutBorrowLoc(0),
            I::LdU64(0),
            I::VecMutBorrow(0),
            I::StLoc(2),
            I::MoveLoc(1),
            I::BrTrue(10),
            I::MutBorrowLoc(3), // 6: refer to something else instead
            I::StLoc(2),
            I::Nop,
            I::Branch(10),
            I::MutBorrowLoc(0), // 10
            I::VecPopBack(0),
            I::Pop,
        ];
        if use_after {
            code.extend([I::LdU64(7), I::MoveLoc(2), I::WriteRef]);
        }
        code.push(I::Ret);
        code
    };
    let parameters = [numbers(), T::Bool, mutable(T::U64), T::U64];
    refused(&parameters, &[], &[], code(true), "vector that is borrowed");
    // The check does not see that a reference is never used again: it must be gone.
    refused(
        &parameters,
        &[],
        &[],
        code(false),
        "vector that is borrowed",
    );
}

#[test]
fn loops_reach_a_fixed_point() {
    // The reference of one round is still held when the next changes the vector.
    let code = vec![
        I::MutBorrowLoc(0), // 0
        I::VecPopBack(0),
        I::Pop,
        I::MutBorrowLoc(0),
        I::LdU64(0),
        I::VecMutBorrow(0),
        I::StLoc(1),
        I::LdTrue,
        I::BrTrue(0),
        I::Ret,
    ];
    refused(
        &[numbers(), mutable(T::U64)],
        &[],
        &[],
        code,
        "vector that is borrowed",
    );
}

/// `while (i < n) { if (i == 3) { *r = 1; break }; i = i + 1 }; x`, where `r` borrows `x`: after
/// the loop `r` is gone on one path and held on the other, so it is forgotten before `x` is read.
#[test]
fn what_follows_a_loop_waits_for_every_way_out() {
    let code = vec![
        I::LdU64(0), // 0
        I::StLoc(1),
        I::LdU64(0),
        I::StLoc(2),
        I::MutBorrowLoc(1),
        I::StLoc(3),
        I::CopyLoc(2), // 6: while
        I::CopyLoc(0),
        I::Lt,
        I::BrFalse(23),
        I::CopyLoc(2), // 10: if
        I::LdU64(3),
        I::Eq,
        I::BrFalse(18),
        I::LdU64(1), // 14: *r = 1; break
        I::MoveLoc(3),
        I::WriteRef,
        I::Branch(23),
        I::MoveLoc(2), // 18: i = i + 1
        I::LdU64(1),
        I::Add,
        I::StLoc(2),
        I::Branch(6),
        I::MoveLoc(1), // 23: x
        I::Ret,
    ];
    let locals = [T::U64, T::U64, mutable(T::U64)];
    accepted(&[T::U64], &[T::U64], &locals, code.clone());
    // Without the write every way out still holds `r`.
    let held = code.iter().enumerate().map(|(at, instruction)| match at {
        14..17 => I::Nop,
        _ => instruction.clone(),
    });
    refused(
        &[T::U64],
        &[T::U64],
        &locals,
        held.collect(),
        "move of a local",
    );
}

#[test]
fn what_a_loop_learns_is_checked_again() {
    // The first round enters with a reference to a parameter, the others with one to the vector.
    let code = vec![
        I::MutBorrowLoc(2), // 0
        I::StLoc(1),
        I::MutBorrowLoc(0), // 2: loop
        I::VecPopBack(0),
        I::Pop,
        I::CopyLoc(3),
        I::BrFalse(12),
        I::MutBorrowLoc(0), // 7
        I::LdU64(0),
        I::VecMutBorrow(0),
        I::StLoc(1),
        I::Branch(2),
        I::Ret, // 12
    ];
    let parameters = [numbers(), mutable(T::U64), T::U64, T::Bool];
    refused(
        &parameters,
        &[],
        &[],
        code.clone(),
        "vector that is borrowed",
    );
    let mut once = code;
    once[11] = I::Branch(12);
    accepted(&parameters, &[], &[], once);
}

/// Adds `enum E { A(u64), B }` as datatype handle 1, its variants as variant handles 0 and 1.
fn add_enum(assembler: &mut Assembler) {
    let [name, a, b, field] = ["E", "A", "B", "pos0"].map(|name| assembler.identifier(name));
    let module = &mut assembler.module;
    module.datatype_handles.push(DatatypeHandle {
        module: 0,
        name,
        abilities: AbilitySet::PRIMITIVES,
        type_parameters: Vec::new(),
    });
    let field = FieldDef {
        name: field,
        type_: T::U64,
    };
    let variants = [(a, vec![field]), (b, Vec::new())];
    module.enum_defs.push(EnumDef {
        handle: 1,
        variants: variants
            .map(|(name, fields)| VariantDef { name, fields })
            .to_vec(),
    });
    module.variant_handles = (0..2)
        .map(|variant| VariantHandle { owner: 0, variant })
        .collect();
}

#[test]
fn variants_are_unpacked_by_reference_only_while_nobody_else_can_change_them() {
    let refusal = |copy_first: bool, unpack: &[I]| {
        let mut assembler = assembler();
        add_enum(&mut assembler);
        // The copy is the newest reference: the original waits for it.
        let (unpacked, left) = if copy_first { (1, 0) } else { (0, 1) };
        let code = [
            &[I::CopyLoc(0), I::StLoc(1), I::MoveLoc(unpacked)],
            unpack,
            &[I::MoveLoc(left), I::Pop, I::Ret],
        ]
        .concat();
        let e = mutable(T::Datatype(1));
        assembler.function(
            "f",
            std::slice::from_ref(&e),
            &[],
            std::slice::from_ref(&e),
            code,
        );
        let error = verify_module(&assembler.finish()).err()?;
        Some(error.message.unwrap().to_string())
    };
    for unpack in [
        &[I::UnpackVariantMutRef(1)][..],
        &[I::UnpackVariantMutRef(0), I::Pop],
    ] {
        let message = refusal(false, unpack).expect("the copy lives");
        assert!(message.contains("unpacking of a variant"), "{message}");
        assert_eq!(refusal(true, unpack), None);
    }
}
