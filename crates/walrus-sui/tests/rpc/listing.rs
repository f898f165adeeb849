//! Lists of checkpoints, as full nodes answer them.

use sui_rpc::proto::sui::rpc::v2::{self as proto, QueryEndReason};

/// The first checkpoint that is asked for.
pub(crate) fn first_listed(request: &proto::ListCheckpointsRequest) -> u64 {
    let after = request.options.as_ref().and_then(|it| it.after.as_ref());
    let after = after.map(|cursor| {
        let number: [u8; 8] = cursor.as_ref().try_into().unwrap();
        u64::from_be_bytes(number) + 1
    });
    request.start_checkpoint.max(after).unwrap_or_default()
}

/// A checkpoint of a list.
pub(crate) fn listed(number: u64, checkpoint: proto::Checkpoint) -> proto::ListCheckpointsResponse {
    let mut frame = up_to(number);
    frame.checkpoint = Some(checkpoint);
    frame
}

/// The end of a list.
pub(crate) fn end_of_list(last: u64, reason: QueryEndReason) -> proto::ListCheckpointsResponse {
    let mut frame = up_to(last);
    frame.end = Some(end(reason));
    frame
}

/// Why a list ends.
pub(crate) fn end(reason: QueryEndReason) -> proto::QueryEnd {
    let mut end = proto::QueryEnd::default();
    end.set_reason(reason);
    end
}

fn up_to(number: u64) -> proto::ListCheckpointsResponse {
    let mut watermark = proto::Watermark::default();
    watermark.cursor = Some(number.to_be_bytes().to_vec().into());
    watermark.checkpoint = Some(number);
    let mut frame = proto::ListCheckpointsResponse::default();
    frame.watermark = Some(watermark);
    frame
}
