//! Conditions of requests.

use s3s::{
    S3ErrorCode, S3Result,
    dto::{ETag, ETagCondition, Timestamp},
};

use super::{
    errors,
    metadata::{etag, modified},
};
use crate::{record::Record, store::Condition};

/// Under which conditions an object is read.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_field_names, reason = "HTTP names them")]
pub(super) struct ReadConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// What a read comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Read,
    NotModified,
    Failed,
}

impl ReadConditions {
    /// In the order of RFC 9110: what is about ETags comes before what is about times.
    fn verdict(&self, record: &Record) -> Verdict {
        let is_same = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => wanted.value() == record.meta.etag,
        };
        let time = modified(record.version);
        let is_as_wanted = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => is_same(condition),
            (None, Some(moment)) => time <= *moment,
            (None, None) => true,
        };
        if !is_as_wanted {
            return Verdict::Failed;
        }
        let is_known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => is_same(condition),
            (None, Some(moment)) => time <= *moment,
            (None, None) => false,
        };
        if is_known {
            Verdict::NotModified
        } else {
            Verdict::Read
        }
    }

    /// An error unless the object is to be read.
    pub(super) fn check(&self, record: &Record) -> S3Result<()> {
        match self.verdict(record) {
            Verdict::Read => Ok(()),
            Verdict::Failed => Err(failed()),
            Verdict::NotModified => {
                let value = etag(&record.meta).to_http_header();
                Err(value.map_or_else(|_| failed(), errors::not_modified))
            }
        }
    }

    /// The same for the source of a copy, where there is no answer but success and failure.
    pub(super) fn check_source(&self, record: &Record) -> S3Result<()> {
        match self.verdict(record) {
            Verdict::Read => Ok(()),
            Verdict::NotModified | Verdict::Failed => Err(failed()),
        }
    }
}

fn failed() -> s3s::S3Error {
    let text = "a condition of the request is not met";
    errors::error(S3ErrorCode::PreconditionFailed, text)
}

/// Under which conditions an object is written or deleted.
pub(super) fn write_condition(
    if_match: Option<ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    let mut condition = Condition::default();
    match if_match {
        Some(ETagCondition::Any) => condition.is_present = true,
        Some(ETagCondition::ETag(ETag::Strong(etag))) => condition.etag = Some(etag),
        Some(ETagCondition::ETag(ETag::Weak(_))) => return Err(failed()),
        None => {}
    }
    match if_none_match {
        Some(ETagCondition::Any) => condition.is_absent = true,
        Some(ETagCondition::ETag(_)) => {
            return Err(errors::not_implemented(
                "writing with If-None-Match and an ETag",
            ));
        }
        None => {}
    }
    Ok(condition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Meta, Place, Version};

    #[test]
    fn reads_have_the_conditions_of_http() {
        let record = Record {
            version: Version(2_000_500_000),
            meta: Meta {
                etag: "abc".to_owned(),
                ..Meta::default()
            },
            place: Place::Journal,
        };
        let tag = |text: &str| Some(ETagCondition::ETag(ETag::Strong(text.to_owned())));
        let at = |seconds: u64| Some(modified(Version(seconds * 1_000_000)));
        let any = || Some(ETagCondition::Any);
        let verdict = |if_match, if_unmodified_since, if_none_match, if_modified_since| {
            ReadConditions {
                if_match,
                if_none_match,
                if_modified_since,
                if_unmodified_since,
            }
            .verdict(&record)
        };
        use Verdict::{Failed, NotModified, Read};
        for (found, expected) in [
            (verdict(None, None, None, None), Read),
            (verdict(tag("abc"), None, None, None), Read),
            (verdict(any(), None, None, None), Read),
            (verdict(tag("x"), None, None, None), Failed),
            (verdict(tag("abc"), at(1), None, None), Read),
            (verdict(None, at(2000), None, None), Read),
            (verdict(None, at(1999), None, None), Failed),
            (verdict(None, None, tag("abc"), None), NotModified),
            (verdict(None, None, any(), None), NotModified),
            (verdict(None, None, tag("x"), at(2000)), Read),
            (verdict(None, None, None, at(2000)), NotModified),
            (verdict(None, None, None, at(1999)), Read),
        ] {
            assert_eq!(found, expected);
        }
    }
}
