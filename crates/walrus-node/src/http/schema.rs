//! Bodies, paths and queries as the API document shows them.

use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, SchemaFormat, Type},
    },
};

use super::path::{AxisPath, BlobPath, ObjectPath, SliverPath};

/// A body in BCS.
pub(super) struct Bcs;

impl PartialSchema for Bcs {
    fn schema() -> RefOr<Schema> {
        string(Some("binary")).into()
    }
}

impl ToSchema for Bcs {}

/// Query of the recovery symbols, as the document shows it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape of the query")]
pub(super) struct RecoverySymbolsParameters {
    /// A symbol as `<primary sliver index>-<secondary sliver index>`; can be repeated.
    id: Option<Vec<String>>,
    /// All symbols of this sliver.
    target_sliver: Option<u16>,
    /// `primary` or `secondary`.
    target_type: Option<String>,
    /// The axis of the slivers the symbols are taken from: `primary` or `secondary`.
    proof_axis: Option<String>,
}

/// Query of the decoding symbols, as the document shows it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape of the query")]
pub(super) struct DecodingSymbolsParameters {
    /// A sliver; can be repeated.
    target_slivers: Vec<u16>,
    /// `primary` or `secondary`.
    target_type: String,
}

fn string(format: Option<&str>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(format.map(|format| SchemaFormat::Custom(format.to_owned())))
}

fn in_path(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn blob_id() -> Parameter {
    in_path(
        "blob_id",
        "The blob ID: 32 bytes in URL-safe base64 without padding",
        string(None),
    )
}

fn axis() -> Parameter {
    let schema = string(None).enum_values(Some(["primary", "secondary"]));
    in_path("sliver_type", "The axis of the sliver", schema)
}

/// Declares what an extractor of path parameters takes from the path.
macro_rules! path_parameters {
    ($($extractor:ty => [$($parameter:expr),*];)*) => {$(
        impl IntoParams for $extractor {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter),*]
            }
        }
    )*};
}

path_parameters! {
    BlobPath => [blob_id()];
    ObjectPath => [
        blob_id(),
        in_path("object_id", "The blob object on Sui, in hexadecimal", string(None))
    ];
    AxisPath => [blob_id(), axis()];
    SliverPath => [
        blob_id(),
        in_path(
            "pair",
            "The index of the sliver pair",
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0))
        ),
        axis()
    ];
}
