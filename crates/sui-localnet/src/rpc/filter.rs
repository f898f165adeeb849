//! Transaction and event filters: any of some terms, each all of some possibly negated predicates.

use super::errors;
use crate::ledger::{TransactionRecord, TypeFilter};
use std::collections::BTreeSet;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{
    Address, Command, Event, ObjectIn, ObjectOut, Owner, TransactionEffects, TransactionKind,
};
use tonic::Status;

/// Most predicates of one filter.
const LITERALS_MAX: usize = 10;

/// Selects transactions; `None` inside an `Option` selects all.
#[derive(Debug)]
pub(crate) struct TransactionFilter(Vec<Vec<Literal>>);

/// Selects events.
#[derive(Debug)]
pub(crate) struct EventFilter(Vec<Vec<Literal>>);

#[derive(Debug)]
struct Literal {
    negated: bool,
    predicate: Predicate,
}

#[derive(Debug)]
enum Predicate {
    Sender(Address),
    AffectedAddress(Address),
    AffectedObject(Address),
    MoveCall(Vec<String>),
    EmitModule(Vec<String>),
    EventType(TypeFilter),
    PackageWrite,
}

impl TransactionFilter {
    /// Understands a filter of a request.
    pub(crate) fn parse(filter: proto::TransactionFilter) -> Result<Self, Status> {
        use proto::transaction_literal::Predicate as P;
        let terms = filter.terms.into_iter().map(|term| {
            term.literals.into_iter().map(|literal| {
                let predicate = match literal.predicate.as_ref() {
                    Some(P::Sender(sender)) => sender_predicate(sender)?,
                    Some(P::AffectedAddress(affected)) => {
                        Predicate::AffectedAddress(address(affected.address_opt())?)
                    }
                    Some(P::AffectedObject(affected)) => {
                        Predicate::AffectedObject(address(affected.object_id_opt())?)
                    }
                    Some(P::MoveCall(call)) => Predicate::MoveCall(path(call.function_opt(), 3)?),
                    Some(P::EmitModule(emit)) => emit_predicate(emit)?,
                    Some(P::EventType(event)) => type_predicate(event)?,
                    Some(P::PackageWrite(_)) => Predicate::PackageWrite,
                    Some(P::EventStreamHead(_)) => return Err(no_stream_heads()),
                    _ => {
                        return Err(errors::invalid_field(
                            "filter",
                            "a literal has no predicate",
                        ));
                    }
                };
                Ok(Literal {
                    negated: literal.negated,
                    predicate,
                })
            })
        });
        collect(terms).map(Self)
    }

    /// Whether a transaction passes.
    pub(crate) fn matches(&self, record: &TransactionRecord) -> bool {
        any_term(&self.0, |predicate| predicate.matches_transaction(record))
    }
}

impl EventFilter {
    /// Understands a filter of a request.
    pub(crate) fn parse(filter: proto::EventFilter) -> Result<Self, Status> {
        use proto::event_literal::Predicate as P;
        let terms = filter.terms.into_iter().map(|term| {
            term.literals.into_iter().map(|literal| {
                let predicate = match literal.predicate.as_ref() {
                    Some(P::Sender(sender)) => sender_predicate(sender)?,
                    Some(P::EmitModule(emit)) => emit_predicate(emit)?,
                    Some(P::EventType(event)) => type_predicate(event)?,
                    Some(P::EventStreamHead(_)) => return Err(no_stream_heads()),
                    _ => {
                        return Err(errors::invalid_field(
                            "filter",
                            "a literal has no predicate",
                        ));
                    }
                };
                Ok(Literal {
                    negated: literal.negated,
                    predicate,
                })
            })
        });
        collect(terms).map(Self)
    }

    /// Whether an event passes.
    pub(crate) fn matches(&self, event: &Event) -> bool {
        any_term(&self.0, |predicate| predicate.matches_event(event))
    }
}

fn any_term(terms: &[Vec<Literal>], holds: impl Fn(&Predicate) -> bool) -> bool {
    terms.iter().any(|literals| {
        literals
            .iter()
            .all(|literal| holds(&literal.predicate) != literal.negated)
    })
}

/// Checks the limits while collecting: at least one term, at least one literal per term, few
/// literals in all.
fn collect<T>(terms: impl Iterator<Item = T>) -> Result<Vec<Vec<Literal>>, Status>
where
    T: Iterator<Item = Result<Literal, Status>>,
{
    let terms = terms
        .map(Iterator::collect)
        .collect::<Result<Vec<Vec<Literal>>, Status>>()?;
    if terms.is_empty() || terms.iter().any(Vec::is_empty) {
        return Err(errors::invalid_field(
            "filter",
            "a filter needs at least one term and every term at least one literal",
        ));
    }
    if terms.iter().map(Vec::len).sum::<usize>() > LITERALS_MAX {
        return Err(errors::invalid_field(
            "filter",
            format!("a filter has at most {LITERALS_MAX} literals"),
        ));
    }
    Ok(terms)
}

fn sender_predicate(filter: &proto::SenderFilter) -> Result<Predicate, Status> {
    address(filter.address_opt()).map(Predicate::Sender)
}

fn emit_predicate(filter: &proto::EmitModuleFilter) -> Result<Predicate, Status> {
    path(filter.module_opt(), 2).map(Predicate::EmitModule)
}

fn type_predicate(filter: &proto::EventTypeFilter) -> Result<Predicate, Status> {
    super::parse::required("filter.event_type", filter.event_type_opt()).map(Predicate::EventType)
}

fn no_stream_heads() -> Status {
    errors::unimplemented("event_stream_head filters are not supported by this chain")
}

fn address(text: Option<&str>) -> Result<Address, Status> {
    super::parse::required("filter", text)
}

/// A `::`-separated path that starts with an address, in canonical form, of at most `parts_max`
/// parts.
fn path(text: Option<&str>, parts_max: usize) -> Result<Vec<String>, Status> {
    let text = text.unwrap_or_default();
    let invalid = || errors::invalid_field("filter", format!("invalid Move path: {text}"));
    let mut parts: Vec<String> = text.split("::").map(str::to_owned).collect();
    let package: Address = parts[0].parse().map_err(|_| invalid())?;
    if parts.len() > parts_max || parts.iter().any(String::is_empty) {
        return Err(invalid());
    }
    parts[0] = package.to_string();
    Ok(parts)
}

fn path_matches(pattern: &[String], actual: &[&str]) -> bool {
    pattern.len() <= actual.len() && pattern.iter().zip(actual).all(|(p, a)| p == a)
}

impl Predicate {
    fn matches_transaction(&self, record: &TransactionRecord) -> bool {
        match self {
            Self::Sender(sender) => record.transaction.sender == *sender,
            Self::AffectedAddress(address) => affected_addresses(record).contains(address),
            Self::AffectedObject(id) => changes(record).iter().any(|c| c.object_id == *id),
            Self::MoveCall(pattern) => calls(record, pattern),
            Self::PackageWrite => changes(record)
                .iter()
                .any(|change| matches!(change.output_state, ObjectOut::PackageWrite { .. })),
            Self::EmitModule(_) | Self::EventType(_) => record
                .events
                .iter()
                .flat_map(|events| &events.0)
                .any(|event| self.matches_event(event)),
        }
    }

    fn matches_event(&self, event: &Event) -> bool {
        match self {
            Self::Sender(sender) => event.sender == *sender,
            Self::EmitModule(pattern) => {
                let package = event.package_id.to_string();
                path_matches(pattern, &[&package, event.module.as_str()])
            }
            Self::EventType(filter) => filter.accepts(&event.type_),
            _ => false,
        }
    }
}

fn changes(record: &TransactionRecord) -> &[sui_sdk_types::ChangedObject] {
    match &record.effects {
        TransactionEffects::V2(effects) => &effects.changed_objects,
        TransactionEffects::V1(_) => &[],
    }
}

fn affected_addresses(record: &TransactionRecord) -> BTreeSet<Address> {
    let mut addresses = BTreeSet::new();
    let mut add = |owner: &Owner| match owner {
        Owner::Address(address) | Owner::ConsensusAddress { owner: address, .. } => {
            addresses.insert(*address);
        }
        _ => {}
    };
    for change in changes(record) {
        if let ObjectIn::Exist { owner, .. } = &change.input_state {
            add(owner);
        }
        if let ObjectOut::ObjectWrite { owner, .. } = &change.output_state {
            add(owner);
        }
    }
    addresses
}

fn calls(record: &TransactionRecord, pattern: &[String]) -> bool {
    let TransactionKind::ProgrammableTransaction(transaction) = &record.transaction.kind else {
        return false;
    };
    transaction.commands.iter().any(|command| match command {
        Command::MoveCall(call) => {
            let package = call.package.to_string();
            path_matches(
                pattern,
                &[&package, call.module.as_str(), call.function.as_str()],
            )
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sui_rpc::proto::sui::rpc::v2::filter::event as by;
    use sui_sdk_types::Identifier;

    fn event() -> Event {
        Event {
            package_id: Address::TWO,
            module: Identifier::from_static("system"),
            sender: Address::THREE,
            type_: "0x2::events::Certified<u8>".parse().expect("type"),
            contents: Vec::new(),
        }
    }

    fn matches(filter: proto::EventFilter) -> bool {
        EventFilter::parse(filter)
            .expect("valid filter")
            .matches(&event())
    }

    #[test]
    fn predicates_match_at_every_specificity() {
        for text in [
            "0x2",
            "0x2::events",
            "0x2::events::Certified",
            "0x2::events::Certified<u8>",
        ] {
            assert!(
                matches(proto::EventFilter::matching(by::event_type(text))),
                "{text}"
            );
        }
        for text in [
            "0x3",
            "0x2::event",
            "0x2::events::Cert",
            "0x2::events::Certified<u16>",
        ] {
            assert!(
                !matches(proto::EventFilter::matching(by::event_type(text))),
                "{text}"
            );
        }
        assert!(matches(proto::EventFilter::matching(by::emit_module(
            "0x2::system"
        ))));
        assert!(!matches(proto::EventFilter::matching(by::emit_module(
            "0x2::sys"
        ))));
    }

    #[test]
    fn terms_are_ored_and_literals_anded() {
        let both = proto::EventFilter::all([by::sender(Address::THREE), by::emit_module("0x3")]);
        assert!(!matches(both));
        let negated =
            proto::EventFilter::all([by::sender(Address::THREE), by::emit_module("0x3").negate()]);
        assert!(matches(negated));
    }

    #[test]
    fn empty_long_and_malformed_filters_are_refused() {
        assert!(EventFilter::parse(proto::EventFilter::default()).is_err());
        let many = std::iter::repeat_with(|| by::sender(Address::TWO)).take(LITERALS_MAX + 1);
        assert!(EventFilter::parse(proto::EventFilter::all(many)).is_err());
        assert!(EventFilter::parse(proto::EventFilter::matching(by::emit_module("x::y"))).is_err());
    }
}
