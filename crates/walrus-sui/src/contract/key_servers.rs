//! Registering key servers of private data.

use walrus_core::{ObjectId, SuiAddress};

use crate::{
    ptb::transfer,
    transaction::{Argument, Function, Program},
};

/// The only type of key: Boneh-Franklin encryption over BLS12-381.
const KEY_TYPE: u8 = 0;
const MODULE: &str = "key_server";

/// A member of a committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitteeMemberEntry {
    /// What it is called.
    pub name: String,
    /// Where it is reached.
    pub url: String,
    /// Public key of its share.
    pub partial_public_key: Vec<u8>,
}

/// A transaction that registers a server on its own with `package` (`seal`); whoever sends it gets
/// the object.
pub fn key_server_registration(
    package: ObjectId,
    name: &str,
    url: &str,
    public_key: &[u8],
) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.pure(name),
        program.pure(url),
        program.pure(&KEY_TYPE),
        program.pure(&public_key.to_vec()),
    ];
    let function = "create_and_transfer_v2_independent_server";
    program.move_call(Function::new(package, MODULE, function), arguments);
    program
}

/// A transaction that registers a committee with `package` (`seal`); `owner` gets the object.
pub fn committee_registration(
    package: ObjectId,
    name: &str,
    threshold: u16,
    public_key: &[u8],
    members: &[CommitteeMemberEntry],
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let members = member_vector(&mut program, package, members);
    let arguments = vec![
        program.pure(name),
        program.pure(&threshold),
        program.pure(&public_key.to_vec()),
        members,
    ];
    let function = Function::new(package, MODULE, "create_committee_v2");
    let server = program.move_call(function, arguments);
    transfer(&mut program, vec![server], owner);
    program
}

/// A transaction that gives a committee members with new shares of the same key.
pub fn committee_rotation(
    package: ObjectId,
    server: ObjectId,
    threshold: u16,
    members: &[CommitteeMemberEntry],
) -> Program {
    let mut program = Program::new();
    let members = member_vector(&mut program, package, members);
    let arguments = vec![program.owned(server), program.pure(&threshold), members];
    let function = Function::new(package, MODULE, "update_partial_key_servers");
    program.move_call(function, arguments);
    program
}

/// Members in the order of their numbers.
fn member_vector(
    program: &mut Program,
    package: ObjectId,
    members: &[CommitteeMemberEntry],
) -> Argument {
    let made = (0u16..).zip(members).map(|(party_id, member)| {
        let arguments = vec![
            program.pure(&member.name),
            program.pure(&member.url),
            program.pure(&member.partial_public_key),
            program.pure(&party_id),
        ];
        let function = Function::new(package, MODULE, "create_partial_key_server");
        program.move_call(function, arguments)
    });
    let made: Vec<_> = made.collect();
    let type_ = crate::deployment::ContractRefs::tag_of(package, MODULE, "PartialKeyServer");
    program.make_vector(&type_, made)
}
