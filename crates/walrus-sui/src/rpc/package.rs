//! Packages as full nodes answer them.

use std::collections::BTreeMap;

use sui_rpc::proto::sui::rpc::v2 as proto;
use walrus_core::ObjectId;

use super::SuiRpc;
use crate::{error::SuiError, ids::object_address};

/// One version of a published package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageData {
    /// Its ID.
    pub id: ObjectId,
    /// ID of the first version: the address of its modules.
    pub original_id: ObjectId,
    /// 1 for the first version.
    pub version: u64,
    /// Bytecode of the modules by name.
    pub modules: BTreeMap<String, Vec<u8>>,
    /// IDs of the packages it is linked to.
    pub dependencies: Vec<ObjectId>,
    /// The version that introduced each struct and enum, by module and name.
    pub type_origins: BTreeMap<(String, String), ObjectId>,
}

impl SuiRpc {
    /// Reads one version of a package.
    pub async fn package(&self, id: ObjectId) -> Result<PackageData, SuiError> {
        let request = proto::GetPackageRequest::new(&object_address(id));
        let response = self
            .call("GetPackage", |mut client| {
                let request = request.clone();
                async move { client.package_client().get_package(request).await }
            })
            .await
            .map_err(|error| match error {
                SuiError::Rpc { status, .. } if status.code() == tonic::Code::NotFound => {
                    SuiError::ObjectNotFound(id)
                }
                error => error,
            })?;
        package_data(id, response.get_ref().package())
    }
}

fn package_data(id: ObjectId, package: &proto::Package) -> Result<PackageData, SuiError> {
    let parse = |text: &str| -> Result<ObjectId, SuiError> {
        text.parse()
            .map_err(|error| SuiError::decode(format!("package {id}"), error))
    };
    let modules = package
        .modules
        .iter()
        .map(|module| (module.name().to_owned(), module.contents().to_vec()))
        .collect();
    let dependencies = package
        .linkage
        .iter()
        .map(|linkage| parse(linkage.upgraded_id()))
        .collect::<Result<_, _>>()?;
    let type_origins = package
        .type_origins
        .iter()
        .map(|origin| {
            let name = (
                origin.module_name().to_owned(),
                origin.datatype_name().to_owned(),
            );
            Ok((name, parse(origin.package_id())?))
        })
        .collect::<Result<_, SuiError>>()?;
    Ok(PackageData {
        id,
        original_id: parse(package.original_id())?,
        version: package.version(),
        modules,
        dependencies,
        type_origins,
    })
}
