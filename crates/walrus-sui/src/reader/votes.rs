//! The votes of stake on proposals.

use futures::{StreamExt as _, TryStreamExt as _};
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use walrus_contracts::types::voting::{Proposal, StakeVote};
use walrus_core::ObjectId;

use super::{SuiReader, governance::id_type, state::dynamic_field_id};
use crate::{error::SuiError, ids::object_address};

/// Votes of stake read at most: a vote has as many as there are delegators who take part.
const STAKE_VOTES_MAX: usize = 1_000;
/// Entries of a table on one page.
const PAGE_MAX: u32 = 500;

/// The vote of a stake, apart from that of its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StakeVoteView {
    /// The stake.
    pub stake: ObjectId,
    /// Its vote.
    pub vote: StakeVote,
    /// Why, in the words of its owner.
    pub reason: Option<String>,
}

impl SuiReader {
    /// The votes of stake on a proposal, the largest first; at most 1000 are looked at.
    pub async fn stake_votes(&self, proposal: &Proposal) -> Result<Vec<StakeVoteView>, SuiError> {
        let Some(ballot) = &proposal.ballot else {
            return Ok(Vec::new());
        };
        let stakes = self.voting_stakes(ballot.stake_votes.id).await?;
        let votes = self.entries_by_id::<StakeVote>(ballot.stake_votes.id, &stakes, "StakeVote");
        let reasons = self.vote_reasons(proposal, &stakes);
        let (votes, mut reasons) = futures::try_join!(votes, reasons)?;
        let mut views: Vec<StakeVoteView> = votes
            .into_iter()
            .map(|(stake, vote)| StakeVoteView {
                reason: reasons.remove(&stake),
                stake,
                vote,
            })
            .collect();
        views.sort_by_key(|view| (std::cmp::Reverse(view.vote.value), view.stake));
        Ok(views)
    }

    /// Keys of the table of votes.
    async fn voting_stakes(&self, table: ObjectId) -> Result<Vec<ObjectId>, SuiError> {
        let request = proto::ListDynamicFieldsRequest::default()
            .with_parent(object_address(table).to_string())
            .with_page_size(PAGE_MAX)
            .with_read_mask(FieldMask::from_str("field_id,name"));
        let fields: Vec<proto::DynamicField> = self
            .rpc()
            .call("ListDynamicFields", |client| {
                client
                    .list_dynamic_fields(request.clone())
                    .take(STAKE_VOTES_MAX)
                    .boxed()
                    .try_collect()
            })
            .await?;
        fields
            .iter()
            .map(|field| {
                let name = field.name().value();
                let stake: ObjectId = bcs::from_bytes(name)
                    .map_err(|error| SuiError::decode("the key of a vote", error))?;
                // The name is told by the full node; the field it stands for is not.
                let id = dynamic_field_id(table, &id_type(), &stake);
                if field.field_id() == id.to_string() {
                    Ok(stake)
                } else {
                    Err(SuiError::decode("the key of a vote", "it is another field"))
                }
            })
            .collect()
    }
}
