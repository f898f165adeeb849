//! The programs that clients send to key servers: nothing but calls of `seal_approve` functions of
//! one package.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sui_sdk_types::{Argument, Command, Input, MoveCall, ProgrammableTransaction};
use thiserror::Error;
use walrus_core::ObjectId;

use crate::wire::Reader;

/// Calls in one program.
pub const COMMANDS_MAX: usize = 100;
/// What the names of functions that approve begin with.
pub const APPROVE_PREFIX: &str = "seal_approve";

/// Why a program is refused. The texts are part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidProgram {
    /// The text is not base64.
    #[error("Invalid Base64")]
    Base64,
    /// The bytes are no programmable transaction.
    #[error("Invalid BCS")]
    Bcs,
    /// There are too many commands.
    #[error("Too many commands in PTB (more than {COMMANDS_MAX})")]
    TooManyCommands,
    /// There are no inputs, or no commands.
    #[error("Empty PTB input or command")]
    Empty,
    /// The first command is no call.
    #[error("Invalid first command")]
    FirstCommand,
    /// Another command is no call.
    #[error("Non MoveCall command")]
    NotACall,
    /// An argument is not an input.
    #[error("Only pure inputs are allowed")]
    NotAnInput,
    /// A call has no arguments.
    #[error("Empty args")]
    NoArguments,
    /// The first argument of a call is not an identity.
    #[error("Invalid first parameter for seal_approve")]
    FirstParameter,
    /// The first argument of a call is no vector of bytes.
    #[error("Invalid BCS for first parameter for seal_approve")]
    Identity,
    /// A function does not approve, or is of another package.
    #[error("Invalid function or package id")]
    FunctionOrPackage,
}

/// A program that only asks a package for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalProgram {
    transaction: ProgrammableTransaction,
    package: ObjectId,
    inner_ids: Vec<Vec<u8>>,
}

impl ApprovalProgram {
    /// Decodes the `ptb` of a request. Also returns its bytes.
    pub fn from_base64(text: &str) -> Result<(Self, Vec<u8>), InvalidProgram> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidProgram::Base64)?;
        Ok((Self::from_bytes(&bytes)?, bytes))
    }

    /// Decodes a programmable transaction.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidProgram> {
        let transaction = bcs::from_bytes(bytes).map_err(|_| InvalidProgram::Bcs)?;
        Self::new(transaction)
    }

    /// Checks a programmable transaction.
    pub fn new(transaction: ProgrammableTransaction) -> Result<Self, InvalidProgram> {
        let ProgrammableTransaction { inputs, commands } = &transaction;
        if commands.len() > COMMANDS_MAX {
            return Err(InvalidProgram::TooManyCommands);
        }
        let (false, Some(first)) = (inputs.is_empty(), commands.first()) else {
            return Err(InvalidProgram::Empty);
        };
        let Command::MoveCall(MoveCall { package, .. }) = first else {
            return Err(InvalidProgram::FirstCommand);
        };
        let package = *package;
        let inner_ids = commands
            .iter()
            .map(|command| {
                let Command::MoveCall(call) = command else {
                    return Err(InvalidProgram::NotACall);
                };
                let id = inner_id(call, inputs)?;
                let approves = call.function.as_str().starts_with(APPROVE_PREFIX);
                if !approves || call.package != package {
                    return Err(InvalidProgram::FunctionOrPackage);
                }
                Ok(id)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            transaction,
            package: ObjectId(package.into_inner()),
            inner_ids,
        })
    }

    /// The version of the policy package that it calls.
    pub fn package(&self) -> ObjectId {
        self.package
    }

    /// The identities without their package: one for each command.
    pub fn inner_ids(&self) -> &[Vec<u8>] {
        &self.inner_ids
    }

    /// The commands.
    pub fn transaction(&self) -> &ProgrammableTransaction {
        &self.transaction
    }

    /// The form in which it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        bcs::to_bytes(&self.transaction).expect("encoding into memory does not fail")
    }
}

/// What a call asks about.
fn inner_id(call: &MoveCall, inputs: &[Input]) -> Result<Vec<u8>, InvalidProgram> {
    let mut arguments = call.arguments.iter().map(|argument| match argument {
        Argument::Input(index) => Ok(usize::from(*index)),
        _ => Err(InvalidProgram::NotAnInput),
    });
    // All of them, before the first is looked at.
    let first = arguments.next().transpose()?;
    arguments.try_for_each(|argument| argument.map(drop))?;
    let index = first.ok_or(InvalidProgram::NoArguments)?;
    let Some(Input::Pure(value)) = inputs.get(index) else {
        return Err(InvalidProgram::FirstParameter);
    };
    let mut reader = Reader::new(value);
    let id = reader.bytes().map_err(|_| InvalidProgram::Identity)?;
    let id = id.to_vec();
    reader.end().map_err(|_| InvalidProgram::Identity)?;
    Ok(id)
}
