//! MovePackageService: what packages declare.

use move_vm::{
    Ability, AbilitySet, DatatypeDescription, DatatypeShape, FunctionSignature, Type, Visibility,
    format::CompiledModule,
};
use sui_rpc::proto::sui::rpc::{
    v2 as proto,
    v2::{
        datatype_descriptor::DatatypeKind, function_descriptor,
        move_package_service_server::MovePackageService, open_signature::Reference,
        open_signature_body::Type as BodyType,
    },
};
use sui_sdk_types::{Address, MovePackage, Object, ObjectData};
use tonic::{Request, Response, Status};

use super::{Rpc, errors, paging, parse};
use crate::ledger::{View, original_id};

/// Page sizes of ListPackageVersions.
const VERSIONS_DEFAULT: u32 = 1000;
const VERSIONS_MAX: u32 = 10_000;

impl Rpc {
    fn package(&self, id: Option<&str>) -> Result<MovePackage, Status> {
        let id: Address = parse::required("package_id", id)?;
        let object: Object = self
            .ledger()
            .object(&id)?
            .ok_or_else(|| errors::not_found(String::new()))?;
        match object.data() {
            ObjectData::Package(package) => Ok(package.clone()),
            ObjectData::Struct(_) => Err(errors::invalid("object is not a package")),
        }
    }

    fn function(
        &self,
        package: &MovePackage,
        module: &str,
        name: &str,
    ) -> Option<proto::FunctionDescriptor> {
        let view = View::new(self.ledger());
        let signature = self
            .chain()
            .engine()
            .function(&view, &package.id, module, name)?;
        Some(describe_function(&signature))
    }

    fn datatype(
        &self,
        package: &MovePackage,
        module: &str,
        name: &str,
    ) -> Option<proto::DatatypeDescriptor> {
        let view = View::new(self.ledger());
        let description = self
            .chain()
            .engine()
            .datatype(&view, &package.id, module, name)?;
        Some(describe_datatype(&description))
    }

    /// A package with descriptors of everything its modules declare.
    fn describe_package(&self, package: &MovePackage) -> proto::Package {
        let mut message = proto::Package::default();
        message.storage_id = Some(package.id.to_string());
        message.original_id = Some(original_id(package).to_string());
        message.version = Some(package.version);
        message.type_origins = package
            .type_origin_table
            .iter()
            .cloned()
            .map(Into::into)
            .collect();
        for (original, upgrade) in &package.linkage_table {
            let mut linkage = proto::Linkage::default();
            linkage.original_id = Some(original.to_string());
            linkage.upgraded_id = Some(upgrade.upgraded_id.to_string());
            linkage.upgraded_version = Some(upgrade.upgraded_version);
            message.linkage.push(linkage);
        }
        for (name, contents) in &package.modules {
            let mut module = proto::Module::default();
            module.name = Some(name.to_string());
            module.contents = Some(contents.clone().into());
            if let Ok(compiled) = CompiledModule::deserialize(contents) {
                module.datatypes = compiled
                    .datatype_names()
                    .filter_map(|datatype| self.datatype(package, name.as_str(), datatype.as_str()))
                    .collect();
                module.functions = compiled
                    .function_defs
                    .iter()
                    .filter_map(|def| compiled.function_def_name(def))
                    .filter_map(|function| self.function(package, name.as_str(), function.as_str()))
                    .collect();
            }
            message.modules.push(module);
        }
        message
    }
}

#[tonic::async_trait]
impl MovePackageService for Rpc {
    async fn get_package(
        &self,
        request: Request<proto::GetPackageRequest>,
    ) -> Result<Response<proto::GetPackageResponse>, Status> {
        self.answer(move |rpc| {
            let package = rpc.package(request.get_ref().package_id.as_deref())?;
            let mut response = proto::GetPackageResponse::default();
            response.package = Some(rpc.describe_package(&package));
            Ok(response)
        })
        .await
    }

    async fn get_datatype(
        &self,
        request: Request<proto::GetDatatypeRequest>,
    ) -> Result<Response<proto::GetDatatypeResponse>, Status> {
        let request = request.into_inner();
        let package = self.package(request.package_id.as_deref())?;
        let module: String = parse::required("module_name", request.module_name.as_deref())?;
        let name: String = parse::required("name", request.name.as_deref())?;
        let datatype = self.datatype(&package, &module, &name).ok_or_else(|| {
            errors::not_found(format!(
                "Datatype not found: {}::{module}::{name}",
                package.id
            ))
        })?;
        let mut response = proto::GetDatatypeResponse::default();
        response.datatype = Some(datatype);
        Ok(Response::new(response))
    }

    async fn get_function(
        &self,
        request: Request<proto::GetFunctionRequest>,
    ) -> Result<Response<proto::GetFunctionResponse>, Status> {
        let request = request.into_inner();
        let package = self.package(request.package_id.as_deref())?;
        let module: String = parse::required("module_name", request.module_name.as_deref())?;
        let name: String = parse::required("name", request.name.as_deref())?;
        let function = self.function(&package, &module, &name).ok_or_else(|| {
            errors::not_found(format!(
                "Function not found: {}::{module}::{name}",
                package.id
            ))
        })?;
        let mut response = proto::GetFunctionResponse::default();
        response.function = Some(function);
        Ok(Response::new(response))
    }

    async fn list_package_versions(
        &self,
        request: Request<proto::ListPackageVersionsRequest>,
    ) -> Result<Response<proto::ListPackageVersionsResponse>, Status> {
        let request = request.into_inner();
        let package = self.package(request.package_id.as_deref())?;
        let original = original_id(&package);
        let query = ["versions".to_owned(), original.to_string()];
        let after = paging::cursor(&query, request.page_token.as_deref())?
            .map(|cursor| {
                <[u8; 8]>::try_from(cursor)
                    .map(u64::from_be_bytes)
                    .map_err(|_| errors::invalid_field("page_token", "invalid page_token"))
            })
            .transpose()?;
        let limit = paging::size(request.page_size, VERSIONS_DEFAULT, VERSIONS_MAX);
        let page = self.ledger().package_versions(&original, after, limit)?;
        let mut response = proto::ListPackageVersionsResponse::default();
        if page.more {
            response.next_page_token = page
                .entries
                .last()
                .map(|(version, _)| paging::token(&query, &version.to_be_bytes()));
        }
        for (version, id) in page.entries {
            let mut entry = proto::PackageVersion::default();
            entry.package_id = Some(id.to_string());
            entry.version = Some(version);
            response.versions.push(entry);
        }
        Ok(Response::new(response))
    }
}

fn describe_function(signature: &FunctionSignature) -> proto::FunctionDescriptor {
    let mut message = proto::FunctionDescriptor::default();
    message.name = Some(signature.name.to_string());
    message.set_visibility(match signature.visibility {
        Visibility::Private => function_descriptor::Visibility::Private,
        Visibility::Public => function_descriptor::Visibility::Public,
        Visibility::Friend => function_descriptor::Visibility::Friend,
    });
    message.is_entry = Some(signature.is_entry);
    message.type_parameters = signature
        .type_parameters
        .iter()
        .map(|constraints| type_parameter(*constraints, false))
        .collect();
    message.parameters = signature.parameters.iter().map(open_signature).collect();
    message.returns = signature.returns.iter().map(open_signature).collect();
    message
}

fn describe_datatype(description: &DatatypeDescription) -> proto::DatatypeDescriptor {
    let declaration = &description.declaration;
    let defining_id = Address::new(declaration.defining_id.0);
    let (module, name) = (&declaration.module.name, &declaration.name);
    let mut message = proto::DatatypeDescriptor::default();
    message.type_name = Some(format!("{defining_id}::{module}::{name}"));
    message.defining_id = Some(defining_id.to_string());
    message.module = Some(module.to_string());
    message.name = Some(name.to_string());
    message.abilities = abilities(declaration.abilities);
    message.type_parameters = declaration
        .type_parameters
        .iter()
        .map(|parameter| type_parameter(parameter.constraints, parameter.is_phantom))
        .collect();
    match &description.shape {
        DatatypeShape::Struct(fields) => {
            message.set_kind(DatatypeKind::Struct);
            message.fields = describe_fields(fields);
        }
        DatatypeShape::Enum(variants) => {
            message.set_kind(DatatypeKind::Enum);
            for (position, (name, fields)) in (0u32..).zip(variants) {
                let mut variant = proto::VariantDescriptor::default();
                variant.name = Some(name.to_string());
                variant.position = Some(position);
                variant.fields = describe_fields(fields);
                message.variants.push(variant);
            }
        }
    }
    message
}

fn describe_fields(fields: &[(move_vm::Identifier, Type)]) -> Vec<proto::FieldDescriptor> {
    (0u32..)
        .zip(fields)
        .map(|(position, (name, ty))| {
            let mut field = proto::FieldDescriptor::default();
            field.name = Some(name.to_string());
            field.position = Some(position);
            field.r#type = Some(signature_body(ty));
            field
        })
        .collect()
}

fn type_parameter(constraints: AbilitySet, is_phantom: bool) -> proto::TypeParameter {
    let mut message = proto::TypeParameter::default();
    message.constraints = abilities(constraints);
    message.is_phantom = Some(is_phantom);
    message
}

fn abilities(set: AbilitySet) -> Vec<i32> {
    [
        (Ability::Copy, proto::Ability::Copy),
        (Ability::Drop, proto::Ability::Drop),
        (Ability::Store, proto::Ability::Store),
        (Ability::Key, proto::Ability::Key),
    ]
    .into_iter()
    .filter(|(ability, _)| set.has(*ability))
    .map(|(_, message)| message.into())
    .collect()
}

fn open_signature(ty: &Type) -> proto::OpenSignature {
    let mut message = proto::OpenSignature::default();
    let body = match ty.as_reference() {
        Some((inner, mutable)) => {
            message.set_reference(if mutable {
                Reference::Mutable
            } else {
                Reference::Immutable
            });
            inner
        }
        None => ty,
    };
    message.body = Some(signature_body(body));
    message
}

fn signature_body(ty: &Type) -> proto::OpenSignatureBody {
    let mut message = proto::OpenSignatureBody::default();
    let kind = match ty {
        Type::Bool => BodyType::Bool,
        Type::U8 => BodyType::U8,
        Type::U16 => BodyType::U16,
        Type::U32 => BodyType::U32,
        Type::U64 => BodyType::U64,
        Type::U128 => BodyType::U128,
        Type::U256 => BodyType::U256,
        Type::Address | Type::Signer => BodyType::Address,
        Type::Vector(element) => {
            message
                .type_parameter_instantiation
                .push(signature_body(element));
            BodyType::Vector
        }
        Type::Datatype(datatype) => {
            let declaration = &datatype.declaration;
            message.type_name = Some(format!(
                "{}::{}::{}",
                Address::new(declaration.defining_id.0),
                declaration.module.name,
                declaration.name
            ));
            message.type_parameter_instantiation =
                datatype.type_arguments.iter().map(signature_body).collect();
            BodyType::Datatype
        }
        Type::TypeParameter(index) => {
            message.type_parameter = Some(u32::from(*index));
            BodyType::Parameter
        }
        // References nest in no valid signature.
        Type::Reference(inner) | Type::MutableReference(inner) => return signature_body(inner),
    };
    message.set_type(kind);
    message
}
