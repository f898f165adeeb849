//! Layouts and descriptions of datatypes.

use std::sync::Arc;

use crate::{
    error::{StatusCode, VmError},
    identifier::{Address, Identifier, ModuleId},
    layout::{EnumLayout, FieldLayout, Layout, StructLayout, VariantLayout},
    loader::{
        DatatypeDescription, DatatypeShape, Session,
        module::{DatatypeIndex, LoadedModule, row},
        program::CachedLayout,
        resolve::own_parameters,
    },
    type_tag::{StructTag, TypeTag},
    types::{Datatype, Declaration, Type},
    value::VALUE_DEPTH_MAX,
};

/// Most nodes of a layout.
const LAYOUT_NODES_MAX: usize = 512;

impl Session<'_> {
    /// The layout of a type without type parameters and references.
    ///
    /// # Errors
    /// [`StatusCode::MaxTypeNodesReached`] or [`StatusCode::MaxValueDepthReached`] for types that
    /// are too large to describe, [`StatusCode::InvariantViolation`] for references.
    pub fn layout(&self, type_: &Type) -> Result<Arc<Layout>, VmError> {
        self.cached_layout(type_, 0).map(|cached| cached.layout)
    }

    fn cached_layout(&self, type_: &Type, depth: usize) -> Result<CachedLayout, VmError> {
        if depth > VALUE_DEPTH_MAX {
            return Err(VmError::new(StatusCode::MaxValueDepthReached));
        }
        let primitive = |layout| {
            Ok(CachedLayout {
                layout: Arc::new(layout),
                nodes: 1,
            })
        };
        let cached = match type_ {
            Type::Bool => return primitive(Layout::Bool),
            Type::U8 => return primitive(Layout::U8),
            Type::U16 => return primitive(Layout::U16),
            Type::U32 => return primitive(Layout::U32),
            Type::U64 => return primitive(Layout::U64),
            Type::U128 => return primitive(Layout::U128),
            Type::U256 => return primitive(Layout::U256),
            Type::Address => return primitive(Layout::Address),
            Type::Signer => return primitive(Layout::Signer),
            Type::Vector(element) => {
                let element = self.cached_layout(element, depth + 1)?;
                let layout = Arc::new(Layout::Vector(element.layout));
                CachedLayout {
                    layout,
                    nodes: element.nodes + 1,
                }
            }
            Type::Datatype(datatype) => {
                if let Some(cached) = self.program.layout(type_) {
                    cached
                } else {
                    let cached = self.datatype_layout(type_, datatype, depth)?;
                    self.program.add_layout(type_, &cached);
                    cached
                }
            }
            Type::Reference(_) | Type::MutableReference(_) | Type::TypeParameter(_) => {
                return Err(VmError::invariant("type has no layout"));
            }
        };
        if cached.nodes > LAYOUT_NODES_MAX {
            return Err(VmError::new(StatusCode::MaxTypeNodesReached));
        }
        Ok(cached)
    }

    fn datatype_layout(
        &self,
        type_: &Type,
        datatype: &Datatype,
        depth: usize,
    ) -> Result<CachedLayout, VmError> {
        let Some(TypeTag::Struct(tag)) = type_.to_tag() else {
            return Err(VmError::invariant("type has no tag"));
        };
        let tag: StructTag = *tag;
        let mut nodes = 1;
        let shape = self.shape(&datatype.declaration, &datatype.type_arguments)?;
        let layout = match shape {
            DatatypeShape::Struct(fields) => Layout::Struct(Arc::new(StructLayout {
                tag,
                fields: self.field_layouts(fields, depth, &mut nodes)?,
            })),
            DatatypeShape::Enum(variants) => Layout::Enum(Arc::new(EnumLayout {
                tag,
                variants: variants
                    .into_iter()
                    .map(|(name, fields)| {
                        let fields = self.field_layouts(fields, depth, &mut nodes)?;
                        Ok(VariantLayout { name, fields })
                    })
                    .collect::<Result<_, VmError>>()?,
            })),
        };
        Ok(CachedLayout {
            layout: Arc::new(layout),
            nodes,
        })
    }

    fn field_layouts(
        &self,
        fields: Vec<(Identifier, Type)>,
        depth: usize,
        nodes: &mut usize,
    ) -> Result<Vec<FieldLayout>, VmError> {
        let layout_of = |(name, type_): (Identifier, Type)| {
            let cached = self.cached_layout(&type_, depth + 1)?;
            *nodes += cached.nodes;
            if *nodes > LAYOUT_NODES_MAX {
                return Err(VmError::new(StatusCode::MaxTypeNodesReached));
            }
            Ok(FieldLayout {
                name,
                layout: (*cached.layout).clone(),
            })
        };
        fields.into_iter().map(layout_of).collect()
    }

    /// Fields or variants of a datatype, with its type arguments substituted.
    pub fn describe(&self, type_: &Type) -> Result<DatatypeDescription, VmError> {
        let datatype = type_
            .as_datatype()
            .ok_or_else(|| VmError::invariant("type is not a datatype"))?;
        Ok(DatatypeDescription {
            declaration: Arc::clone(&datatype.declaration),
            shape: self.shape(&datatype.declaration, &datatype.type_arguments)?,
        })
    }

    /// Fields or variants of the datatype `name` as declared, in the package with this storage id.
    ///
    /// # Errors
    /// [`StatusCode::LinkageMissing`], [`StatusCode::ModuleNotFound`],
    /// [`StatusCode::TypeNotFound`].
    pub fn datatype(
        &self,
        storage_id: &Address,
        module: &str,
        name: &str,
    ) -> Result<DatatypeDescription, VmError> {
        let id = self.module_id_in(storage_id, module)?;
        let name = Identifier::new(name).map_err(|error| {
            VmError::new(StatusCode::TypeNotFound).with_message(error.to_string())
        })?;
        let declaration = self.declaration(id, &name)?;
        let parameters = own_parameters(&declaration.type_parameters);
        Ok(DatatypeDescription {
            shape: self.shape(&declaration, &parameters)?,
            declaration,
        })
    }

    /// The runtime module id of a module of the package with this storage id, which must be linked.
    pub(crate) fn module_id_in(
        &self,
        storage_id: &Address,
        module: &str,
    ) -> Result<ModuleId, VmError> {
        let missing = || {
            VmError::new(StatusCode::LinkageMissing)
                .with_message(format!("package {storage_id} is not linked"))
        };
        let address = self.source.runtime_id(storage_id).ok_or_else(missing)?;
        let linked = self.linkage.get(&address).ok_or_else(missing)?;
        if linked.storage_id != *storage_id {
            return Err(missing());
        }
        let name = Identifier::new(module).map_err(|error| {
            VmError::new(StatusCode::ModuleNotFound).with_message(error.to_string())
        })?;
        Ok(ModuleId { address, name })
    }

    fn shape(
        &self,
        declaration: &Declaration,
        arguments: &[Type],
    ) -> Result<DatatypeShape, VmError> {
        let module = self.module(&declaration.module)?;
        let index = module.datatype_by_name.get(&declaration.name).copied();
        match index.ok_or_else(|| VmError::new(StatusCode::TypeNotFound))? {
            DatatypeIndex::Struct(index) => {
                let fields = module.struct_fields(index)?;
                Ok(DatatypeShape::Struct(
                    self.field_types(&module, fields, arguments)?,
                ))
            }
            DatatypeIndex::Enum(index) => self.enum_shape(&module, index, arguments),
        }
    }

    fn enum_shape(
        &self,
        module: &LoadedModule,
        index: u16,
        arguments: &[Type],
    ) -> Result<DatatypeShape, VmError> {
        let variants = row(&module.compiled.enum_defs, index)?
            .variants
            .iter()
            .map(|variant| {
                let name = row(&module.compiled.identifiers, variant.name)?.clone();
                Ok((name, self.field_types(module, &variant.fields, arguments)?))
            })
            .collect::<Result<_, VmError>>()?;
        Ok(DatatypeShape::Enum(variants))
    }
}
