//! Read masks: which fields of an answer the client wants.

use super::errors;
use prost_types::FieldMask;
use sui_rpc::field::{FieldMaskTree, FieldMaskUtil, MessageFields};
use tonic::Status;

/// The fields to return of a message of type `M`: those of `mask`, or of `default` when the request
/// has no mask. A path `M` does not have is an error.
pub(crate) fn read_mask<M: MessageFields>(
    mask: Option<FieldMask>,
    default: &str,
) -> Result<FieldMaskTree, Status> {
    let mut mask = mask.unwrap_or_default();
    mask.paths.retain(|path| !path.is_empty());
    if mask.paths.is_empty() {
        mask = <FieldMask as FieldMaskUtil>::from_str(default);
    }
    mask.validate::<M>().map_err(|path| {
        errors::invalid_field("read_mask", format!("invalid read_mask path: {path}"))
    })?;
    Ok(FieldMaskTree::from_field_mask(&mask))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sui_rpc::proto::sui::rpc::v2::{Object, SimulateTransactionResponse};

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask::from_paths(paths)
    }

    #[test]
    fn absent_and_empty_masks_fall_back_to_the_default() {
        for absent in [None, Some(FieldMask::default()), Some(mask(&[""]))] {
            let tree = read_mask::<Object>(absent, "object_id,version").expect("valid");
            assert!(tree.contains("version") && !tree.contains("digest"));
        }
    }

    #[test]
    fn wildcards_and_sub_paths_are_understood() {
        let all = read_mask::<Object>(Some(mask(&["*"])), "object_id").expect("valid");
        assert!(all.contains("contents.value"));
        let nested = mask(&["transaction.effects.status", "command_outputs"]);
        let tree = read_mask::<SimulateTransactionResponse>(Some(nested), "*").expect("valid");
        assert!(tree.contains("transaction.effects") && !tree.contains("suggested_gas_price"));
    }

    #[test]
    fn unknown_paths_are_refused_by_name() {
        let error = read_mask::<Object>(Some(mask(&["object_id.x"])), "").expect_err("unknown");
        assert_eq!(error.message(), "invalid read_mask path: object_id.x");
    }
}
