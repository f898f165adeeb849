//! Every index is in range, and instantiations have the right number of arguments.

use super::{Check, broken};
use crate::format::{
    CodeUnit, CompiledModule, FieldDef, FunctionDef, Instruction, SignatureToken, TableIndex,
};

const PASS: &str = "bounds";
/// Locals are named by a byte.
const LOCALS_MAX: usize = 256;

pub(super) fn check(module: &CompiledModule) -> Check {
    let checker = Bounds { module };
    checker.handles()?;
    checker.definitions()?;
    checker.instantiations()?;
    module
        .function_defs
        .iter()
        .try_for_each(|def| checker.function_def(def))
}

struct Bounds<'a> {
    module: &'a CompiledModule,
}

fn within<T>(table: &[T], index: TableIndex, name: &str) -> Result<(), crate::VmError> {
    row(table, index, name).map(|_| ())
}

fn row<'t, T>(table: &'t [T], index: TableIndex, name: &str) -> Result<&'t T, crate::VmError> {
    table.get(usize::from(index)).ok_or_else(|| {
        broken(
            PASS,
            format_args!("index {index} into {name}, which has {} rows", table.len()),
        )
    })
}

impl Bounds<'_> {
    fn handles(&self) -> Check {
        let module = self.module;
        within(&module.module_handles, module.self_handle, "module handles")?;
        for handle in module.module_handles.iter().chain(&module.friends) {
            within(&module.addresses, handle.address, "addresses")?;
            within(&module.identifiers, handle.name, "identifiers")?;
        }
        for handle in &module.datatype_handles {
            within(&module.module_handles, handle.module, "module handles")?;
            within(&module.identifiers, handle.name, "identifiers")?;
        }
        for signature in &module.signatures {
            signature.0.iter().try_for_each(|token| self.token(token))?;
        }
        for constant in &module.constants {
            self.token(&constant.type_)?;
        }
        for handle in &module.function_handles {
            within(&module.module_handles, handle.module, "module handles")?;
            within(&module.identifiers, handle.name, "identifiers")?;
            let parameters = handle.type_parameters.len();
            self.signature_within(handle.parameters, parameters)?;
            self.signature_within(handle.returns, parameters)?;
        }
        Ok(())
    }

    fn definitions(&self) -> Check {
        let module = self.module;
        for def in &module.struct_defs {
            let parameters = self.own_datatype(def.handle)?;
            self.fields(def.fields.as_deref().unwrap_or_default(), parameters)?;
        }
        for def in &module.enum_defs {
            let parameters = self.own_datatype(def.handle)?;
            for variant in &def.variants {
                within(&module.identifiers, variant.name, "identifiers")?;
                self.fields(&variant.fields, parameters)?;
            }
        }
        for handle in &module.field_handles {
            let def = row(&module.struct_defs, handle.owner, "struct definitions")?;
            within(
                def.fields.as_deref().unwrap_or_default(),
                handle.field,
                "fields",
            )?;
        }
        for handle in &module.variant_handles {
            let def = row(&module.enum_defs, handle.owner, "enum definitions")?;
            within(&def.variants, handle.variant, "variants")?;
        }
        Ok(())
    }

    fn instantiations(&self) -> Check {
        let module = self.module;
        for instance in &module.function_instantiations {
            let handle = row(
                &module.function_handles,
                instance.target,
                "function handles",
            )?;
            self.arity(instance.type_arguments, handle.type_parameters.len())?;
        }
        for instance in &module.struct_instantiations {
            let def = row(&module.struct_defs, instance.target, "struct definitions")?;
            self.arity(instance.type_arguments, self.own_datatype(def.handle)?)?;
        }
        for instance in &module.field_instantiations {
            let field = row(&module.field_handles, instance.target, "field handles")?;
            let def = row(&module.struct_defs, field.owner, "struct definitions")?;
            self.arity(instance.type_arguments, self.own_datatype(def.handle)?)?;
        }
        for instance in &module.enum_instantiations {
            let def = row(&module.enum_defs, instance.target, "enum definitions")?;
            self.arity(instance.type_arguments, self.own_datatype(def.handle)?)?;
        }
        for handle in &module.variant_instantiations {
            let instance = row(
                &module.enum_instantiations,
                handle.owner,
                "enum instantiations",
            )?;
            let def = row(&module.enum_defs, instance.target, "enum definitions")?;
            within(&def.variants, handle.variant, "variants")?;
        }
        Ok(())
    }

    /// Number of type parameters of a datatype that must belong to this module.
    fn own_datatype(&self, handle: TableIndex) -> Result<usize, crate::VmError> {
        let handle = row(&self.module.datatype_handles, handle, "datatype handles")?;
        if handle.module != self.module.self_handle {
            return Err(broken(PASS, "definition of a datatype of another module"));
        }
        Ok(handle.type_parameters.len())
    }

    fn arity(&self, signature: TableIndex, expected: usize) -> Check {
        let found = row(&self.module.signatures, signature, "signatures")?
            .0
            .len();
        if found == expected {
            Ok(())
        } else {
            Err(broken(
                PASS,
                format_args!("{expected} type arguments expected, {found} given"),
            ))
        }
    }

    fn token(&self, token: &SignatureToken) -> Check {
        let mut result = Ok(());
        token.visit(&mut |token| {
            let (handle, arguments) = match token {
                SignatureToken::Datatype(handle) => (*handle, 0),
                SignatureToken::DatatypeInstantiation(instance) => (instance.0, instance.1.len()),
                _ => return,
            };
            let check =
                row(&self.module.datatype_handles, handle, "datatype handles").and_then(|handle| {
                    if handle.type_parameters.len() == arguments {
                        Ok(())
                    } else {
                        Err(broken(PASS, "type with a wrong number of type arguments"))
                    }
                });
            if result.is_ok() {
                result = check;
            }
        });
        result
    }

    fn signature_within(&self, signature: TableIndex, parameters: usize) -> Check {
        let signature = row(&self.module.signatures, signature, "signatures")?;
        signature
            .0
            .iter()
            .try_for_each(|token| parameters_within(token, parameters))
    }

    fn fields(&self, fields: &[FieldDef], parameters: usize) -> Check {
        for field in fields {
            within(&self.module.identifiers, field.name, "identifiers")?;
            self.token(&field.type_)?;
            parameters_within(&field.type_, parameters)?;
        }
        Ok(())
    }

    fn function_def(&self, def: &FunctionDef) -> Check {
        let module = self.module;
        let handle = row(&module.function_handles, def.handle, "function handles")?;
        if handle.module != module.self_handle {
            return Err(broken(PASS, "definition of a function of another module"));
        }
        for acquired in &def.acquires {
            within(&module.struct_defs, *acquired, "struct definitions")?;
        }
        let Some(unit) = &def.code else {
            return Ok(());
        };
        let parameters = handle.type_parameters.len();
        self.signature_within(unit.locals, parameters)?;
        let count = |signature| row(&module.signatures, signature, "signatures").map(|s| s.0.len());
        let locals = count(handle.parameters)? + count(unit.locals)?;
        if locals > LOCALS_MAX {
            return Err(broken(PASS, format_args!("{locals} locals")));
        }
        for table in &unit.jump_tables {
            within(&module.enum_defs, table.enum_def, "enum definitions")?;
            for target in &table.targets {
                within(&unit.code, *target, "code")?;
            }
        }
        unit.code
            .iter()
            .try_for_each(|instruction| self.instruction(instruction, unit, locals, parameters))
    }

    fn instruction(
        &self,
        instruction: &Instruction,
        unit: &CodeUnit,
        locals: usize,
        parameters: usize,
    ) -> Check {
        use Instruction as I;
        let module = self.module;
        let generic = |signature| self.signature_within(signature, parameters);
        match instruction {
            I::BrTrue(target) | I::BrFalse(target) | I::Branch(target) => {
                within(&unit.code, *target, "code")
            }
            I::LdConst(index) => within(&module.constants, *index, "constants"),
            I::CopyLoc(index)
            | I::MoveLoc(index)
            | I::StLoc(index)
            | I::MutBorrowLoc(index)
            | I::ImmBorrowLoc(index) => {
                if usize::from(*index) < locals {
                    Ok(())
                } else {
                    Err(broken(PASS, format_args!("local {index} of {locals}")))
                }
            }
            I::MutBorrowField(index) | I::ImmBorrowField(index) => {
                within(&module.field_handles, *index, "field handles")
            }
            I::MutBorrowFieldGeneric(index) | I::ImmBorrowFieldGeneric(index) => generic(
                row(&module.field_instantiations, *index, "field instantiations")?.type_arguments,
            ),
            I::Call(index) => within(&module.function_handles, *index, "function handles"),
            I::CallGeneric(index) => generic(
                row(
                    &module.function_instantiations,
                    *index,
                    "function instantiations",
                )?
                .type_arguments,
            ),
            I::Pack(index) | I::Unpack(index) => {
                let def = row(&module.struct_defs, *index, "struct definitions")?;
                has_fields(def.fields.is_some())
            }
            I::PackGeneric(index) | I::UnpackGeneric(index) => {
                let instance = row(
                    &module.struct_instantiations,
                    *index,
                    "struct instantiations",
                )?;
                let def = row(&module.struct_defs, instance.target, "struct definitions")?;
                has_fields(def.fields.is_some())?;
                generic(instance.type_arguments)
            }
            I::VecPack(signature, _)
            | I::VecLen(signature)
            | I::VecImmBorrow(signature)
            | I::VecMutBorrow(signature)
            | I::VecPushBack(signature)
            | I::VecPopBack(signature)
            | I::VecUnpack(signature, _)
            | I::VecSwap(signature) => {
                self.arity(*signature, 1)?;
                generic(*signature)
            }
            I::PackVariant(index)
            | I::UnpackVariant(index)
            | I::UnpackVariantImmRef(index)
            | I::UnpackVariantMutRef(index) => {
                within(&module.variant_handles, *index, "variant handles")
            }
            I::PackVariantGeneric(index)
            | I::UnpackVariantGeneric(index)
            | I::UnpackVariantImmRefGeneric(index)
            | I::UnpackVariantMutRefGeneric(index) => {
                let handle = row(
                    &module.variant_instantiations,
                    *index,
                    "variant instantiations",
                )?;
                let owner = row(
                    &module.enum_instantiations,
                    handle.owner,
                    "enum instantiations",
                )?;
                generic(owner.type_arguments)
            }
            I::VariantSwitch(index) => within(&unit.jump_tables, *index, "jump tables"),
            I::GlobalStorage(..) => Err(broken(PASS, "global storage instruction")),
            _ => Ok(()),
        }
    }
}

fn has_fields(has: bool) -> Check {
    if has {
        Ok(())
    } else {
        Err(broken(PASS, "native struct packed or unpacked"))
    }
}

/// Type parameters in the token are among the first `parameters`.
fn parameters_within(token: &SignatureToken, parameters: usize) -> Check {
    let mut ok = true;
    token.visit(&mut |token| {
        if let SignatureToken::TypeParameter(index) = token {
            ok &= usize::from(*index) < parameters;
        }
    });
    if ok {
        Ok(())
    } else {
        Err(broken(PASS, "type parameter out of range"))
    }
}
