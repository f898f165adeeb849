//! `walrus info committee --commission-receivers`: who gets the commission of each node, as CSV.

use std::{borrow::Cow, fmt::Write as _};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_contracts::types::Authorized;
use walrus_core::{Epoch, ObjectId, SuiAddress, text::printable};
use walrus_sui::{Committee, CommitteeMember, Committees, ObjectOwner, SuiReader};

use super::CONCURRENT_POOL_READS;

/// Names of the columns.
const HEADER: &str = "committee,epoch,node_id,node_name,receiver_type,receiver,receiver_owner";

/// Who gets the commission of a node.
#[serde_as]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    committee: &'static str,
    epoch: Epoch,
    #[serde_as(as = "DisplayFromStr")]
    node_id: ObjectId,
    node_name: String,
    /// `address`, or `object`: then whoever owns it.
    receiver_type: &'static str,
    receiver: String,
    /// The account that owns the object, if one does.
    receiver_owner: Option<String>,
}

/// Reads the receivers of the committees that there are.
pub(super) async fn read(reader: &SuiReader, committees: &Committees) -> anyhow::Result<Vec<Row>> {
    let known = [
        ("current", Some(&committees.current)),
        ("previous", committees.previous.as_ref()),
        ("next", committees.next.as_ref()),
    ];
    let mut receivers = Vec::new();
    for (name, committee) in known {
        if let Some(committee) = committee {
            receivers.extend(of_committee(reader, name, committee).await?);
        }
    }
    Ok(receivers)
}

async fn of_committee(
    reader: &SuiReader,
    name: &'static str,
    committee: &Committee,
) -> anyhow::Result<Vec<Row>> {
    stream::iter(committee.members.clone())
        .map(|member| of_member(reader, name, committee.epoch, member))
        .buffered(CONCURRENT_POOL_READS)
        .try_collect()
        .await
}

async fn of_member(
    reader: &SuiReader,
    committee: &'static str,
    epoch: Epoch,
    member: CommitteeMember,
) -> anyhow::Result<Row> {
    let pool = reader.staking_pool(member.node_id).await?;
    let (receiver_type, receiver, receiver_owner) = match pool.commission_receiver {
        Authorized::Address(address) => ("address", address.to_string(), None),
        Authorized::ObjectId(id) => {
            let object = reader.rpc().try_objects(&[id]).await?.pop().flatten();
            let owner = object.and_then(|object| account(&object.owner));
            (
                "object",
                id.to_string(),
                owner.map(|owner| owner.to_string()),
            )
        }
    };
    Ok(Row {
        committee,
        epoch,
        node_id: member.node_id,
        node_name: member.name,
        receiver_type,
        receiver,
        receiver_owner,
    })
}

fn account(owner: &ObjectOwner) -> Option<SuiAddress> {
    match owner {
        ObjectOwner::Address(owner) | ObjectOwner::ConsensusAddress { owner, .. } => Some(*owner),
        _ => None,
    }
}

/// The table, with a comment before each committee.
pub(super) fn csv(receivers: &[Row]) -> String {
    let mut text = HEADER.to_owned();
    let mut last = None;
    for receiver in receivers {
        let committee = (receiver.committee, receiver.epoch);
        if last != Some(committee) {
            last = Some(committee);
            let (name, epoch) = committee;
            write!(text, "\n# {name} committee (epoch {epoch})").expect(WRITING);
        }
        write!(
            text,
            "\n{},{},{},{},{},{},{}",
            receiver.committee,
            receiver.epoch,
            receiver.node_id,
            field(&receiver.node_name),
            receiver.receiver_type,
            receiver.receiver,
            receiver.receiver_owner.as_deref().unwrap_or_default()
        )
        .expect(WRITING);
    }
    text
}

/// Why writing text always works.
const WRITING: &str = "writing to a string cannot fail";

/// A name that somebody has chosen as one field.
fn field(name: &str) -> Cow<'_, str> {
    let name = printable(name);
    if name.contains([',', '"', '#']) {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_field_whatever_they_hold() {
        let receiver = |committee, node_name: &str| Row {
            committee,
            epoch: 7,
            node_id: ObjectId([1; 32]),
            node_name: node_name.to_owned(),
            receiver_type: "address",
            receiver: "0x2".to_owned(),
            receiver_owner: None,
        };
        let text = csv(&[
            receiver("current", "harbour"),
            receiver("current", "a, \"b\"\n# fake"),
            receiver("next", "lake"),
        ]);
        let id = ObjectId([1; 32]);
        let expected = [
            HEADER.to_owned(),
            "# current committee (epoch 7)".to_owned(),
            format!("current,7,{id},harbour,address,0x2,"),
            format!("current,7,{id},\"a, \"\"b\"\"\\n# fake\",address,0x2,"),
            "# next committee (epoch 7)".to_owned(),
            format!("next,7,{id},lake,address,0x2,"),
        ];
        assert_eq!(text, expected.join("\n"));
    }
}
