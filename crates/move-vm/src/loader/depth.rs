//! How deep values nest.
//!
//! A type whose values nest deeper than [`VALUE_DEPTH_MAX`] cannot be built, so that everything
//! that walks values may recurse.

use crate::{
    error::{StatusCode, VmError},
    format::{FieldDef, TableIndex},
    loader::{
        Session,
        module::{DatatypeIndex, LoadedModule, row},
    },
    types::{Datatype, Declaration, DepthFormula, Type},
    value::VALUE_DEPTH_MAX,
};

/// Bounds the recursion below: a few calls per level of a type, and types of fields within types.
const RECURSION_MAX: usize = 8 * VALUE_DEPTH_MAX;

impl Session<'_> {
    /// Fails when vectors of the element type, after substituting `arguments`, nest too deep.
    pub(crate) fn check_vector_depth(
        &self,
        element: &Type,
        arguments: &[Type],
    ) -> Result<(), VmError> {
        check(1 + self.depth_of(element, arguments, 0)?)
    }

    /// Fails when values of this datatype of `module`, which has no type parameters, nest too deep.
    pub(crate) fn check_plain_depth(
        &self,
        module: &LoadedModule,
        index: DatatypeIndex,
    ) -> Result<(), VmError> {
        let cell = match index {
            DatatypeIndex::Struct(index) => row(&module.struct_checked, index)?,
            DatatypeIndex::Enum(index) => row(&module.enum_checked, index)?,
        };
        let ok = if let Some(ok) = cell.get() {
            *ok
        } else {
            let depth = self.formula_of(module, index, 0, 0)?.constant;
            *cell.get_or_init(|| depth <= VALUE_DEPTH_MAX)
        };
        if ok { Ok(()) } else { Err(too_deep()) }
    }

    /// Fails when values of a generic datatype, by its handle in `module`, instantiated with
    /// `open_arguments` that mention the type parameters `arguments` stand for, nest too deep.
    pub(crate) fn check_instance_depth(
        &self,
        module: &LoadedModule,
        handle: TableIndex,
        open_arguments: &[Type],
        arguments: &[Type],
    ) -> Result<(), VmError> {
        let declaration = self.declaration_of_handle(module, handle)?;
        let formula = self.declaration_formula(&declaration, 0)?;
        check(self.apply(formula, open_arguments, arguments, 0)?)
    }

    fn depth_of(
        &self,
        type_: &Type,
        arguments: &[Type],
        recursion: usize,
    ) -> Result<usize, VmError> {
        check_recursion(recursion)?;
        Ok(match type_ {
            Type::Vector(element) => 1 + self.depth_of(element, arguments, recursion + 1)?,
            Type::Datatype(datatype) => self.datatype_depth(datatype, arguments, recursion + 1)?,
            Type::TypeParameter(index) => match arguments.get(usize::from(*index)) {
                Some(argument) => self.depth_of(argument, &[], recursion + 1)?,
                None => 1,
            },
            _ => 1,
        })
    }

    fn datatype_depth(
        &self,
        datatype: &Datatype,
        arguments: &[Type],
        recursion: usize,
    ) -> Result<usize, VmError> {
        let formula = self.declaration_formula(&datatype.declaration, recursion)?;
        self.apply(formula, &datatype.type_arguments, arguments, recursion)
    }

    fn apply(
        &self,
        formula: &DepthFormula,
        open_arguments: &[Type],
        arguments: &[Type],
        recursion: usize,
    ) -> Result<usize, VmError> {
        let mut depth = formula.constant;
        for (offset, argument) in formula.offsets.iter().zip(open_arguments) {
            if let Some(offset) = offset {
                depth = depth.max(offset + self.depth_of(argument, arguments, recursion + 1)?);
            }
        }
        Ok(depth)
    }

    fn declaration_formula<'d>(
        &self,
        declaration: &'d Declaration,
        recursion: usize,
    ) -> Result<&'d DepthFormula, VmError> {
        if let Some(formula) = declaration.depth.get() {
            return Ok(formula);
        }
        let module = self.module(&declaration.module)?;
        let index = module
            .datatype_by_name
            .get(&declaration.name)
            .copied()
            .ok_or_else(|| VmError::new(StatusCode::TypeNotFound))?;
        let parameters = declaration.type_parameters.len();
        let formula = self.formula_of(&module, index, parameters, recursion)?;
        Ok(declaration.depth.get_or_init(|| formula))
    }

    fn formula_of(
        &self,
        module: &LoadedModule,
        index: DatatypeIndex,
        parameters: usize,
        recursion: usize,
    ) -> Result<DepthFormula, VmError> {
        check_recursion(recursion)?;
        let mut formula = DepthFormula {
            constant: 1,
            offsets: vec![None; parameters],
        };
        match index {
            DatatypeIndex::Struct(index) => {
                let fields = module.struct_fields(index)?;
                self.add_fields(module, fields, &mut formula, recursion)?;
            }
            DatatypeIndex::Enum(index) => {
                for variant in &row(&module.compiled.enum_defs, index)?.variants {
                    self.add_fields(module, &variant.fields, &mut formula, recursion)?;
                }
            }
        }
        Ok(formula)
    }

    fn add_fields(
        &self,
        module: &LoadedModule,
        fields: &[FieldDef],
        formula: &mut DepthFormula,
        recursion: usize,
    ) -> Result<(), VmError> {
        for field in fields {
            let type_ = self.token(module, &field.type_)?;
            self.add_type(&type_, 1, formula, recursion + 1)?;
        }
        Ok(())
    }

    /// Raises the formula by a type that sits `offset` levels below its top.
    fn add_type(
        &self,
        type_: &Type,
        offset: usize,
        formula: &mut DepthFormula,
        recursion: usize,
    ) -> Result<(), VmError> {
        check_recursion(recursion)?;
        check(offset)?;
        match type_ {
            Type::Vector(element) => {
                formula.constant = formula.constant.max(offset + 1);
                self.add_type(element, offset + 1, formula, recursion + 1)
            }
            Type::TypeParameter(index) => {
                if let Some(slot) = formula.offsets.get_mut(usize::from(*index)) {
                    *slot = Some(slot.map_or(offset, |old| old.max(offset)));
                }
                Ok(())
            }
            Type::Datatype(datatype) => {
                let inner = self.declaration_formula(&datatype.declaration, recursion + 1)?;
                formula.constant = formula.constant.max(offset + inner.constant);
                for (inner_offset, argument) in inner.offsets.iter().zip(&datatype.type_arguments) {
                    if let Some(inner_offset) = inner_offset {
                        self.add_type(argument, offset + inner_offset, formula, recursion + 1)?;
                    }
                }
                Ok(())
            }
            _ => {
                formula.constant = formula.constant.max(offset + 1);
                Ok(())
            }
        }
    }
}

fn check_recursion(recursion: usize) -> Result<(), VmError> {
    if recursion <= RECURSION_MAX {
        Ok(())
    } else {
        Err(too_deep())
    }
}

fn check(depth: usize) -> Result<(), VmError> {
    if depth <= VALUE_DEPTH_MAX {
        Ok(())
    } else {
        Err(too_deep())
    }
}

fn too_deep() -> VmError {
    VmError::new(StatusCode::MaxValueDepthReached)
}
