//! Objects: writing, reading, deleting.

use std::{ops::Range, sync::Arc};

use axum::http::{Extensions, HeaderMap};
use futures::StreamExt as _;
use s3s::{Body, S3ErrorCode, S3Request, S3Response, S3Result, dto};
use walrus_http::{Connection, budget::Holder};

use super::{
    Answer, Service,
    conditions::{ReadConditions, write_condition},
    errors,
    metadata::{self, content_headers},
};
use crate::{
    record::Record,
    store::{Condition, NewObject},
};

/// Bytes of an object that is written in one request.
const PUT_BYTES_MAX: u64 = 5 << 30;
/// Objects that are deleted in one request.
const DELETED_MAX: usize = 1000;
/// Access rules that say what is the case anyhow: the owner may do everything, others nothing.
const HARMLESS_ACLS: [&str; 2] = ["private", "bucket-owner-full-control"];

/// Refuses what would be ignored otherwise.
pub(super) fn check_headers(headers: &HeaderMap) -> S3Result<()> {
    for (name, value) in headers {
        let (name, value) = (name.as_str(), value.to_str().unwrap_or_default());
        let what = match name {
            "x-amz-acl" if !HARMLESS_ACLS.contains(&value) => "access control lists",
            "x-amz-storage-class" if value != "STANDARD" => "storage classes",
            "x-amz-tagging" => "tags",
            "x-amz-website-redirect-location" => "redirects",
            "x-amz-write-offset-bytes" => "appending",
            name if name.starts_with("x-amz-grant-") => "access control lists",
            name if name.starts_with("x-amz-server-side-encryption") => "server-side encryption",
            name if name.starts_with("x-amz-object-lock-") => "object lock",
            _ => continue,
        };
        return Err(errors::not_implemented(what));
    }
    Ok(())
}

/// There is one version of everything.
pub(super) fn check_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(errors::not_implemented("versions")),
    }
}

/// In whose name something is read.
pub(super) fn holder(extensions: &Extensions) -> Holder {
    let connection = extensions.get::<Arc<Connection>>();
    connection.map_or(Holder::NODE, |connection| connection.holder())
}

impl Service {
    pub(super) async fn put(
        &self,
        mut request: S3Request<dto::PutObjectInput>,
    ) -> Answer<dto::PutObjectOutput> {
        check_headers(&request.headers)?;
        let input = &mut request.input;
        let meta = metadata::meta(content_headers!(input), input.metadata.take())?;
        let condition = write_condition(input.if_match.take(), input.if_none_match.as_ref())?;
        let announced = input
            .content_length
            .and_then(|length| u64::try_from(length).ok());
        if announced.is_some_and(|length| length > PUT_BYTES_MAX) {
            let text = format!("one request writes at most {PUT_BYTES_MAX} bytes: upload in parts");
            return Err(errors::error(S3ErrorCode::EntityTooLarge, text));
        }
        let name = metadata::name(
            std::mem::take(&mut input.bucket),
            std::mem::take(&mut input.key),
        )?;
        // Before a body of gigabytes arrives in vain.
        self.store.bucket(&name.bucket).map_err(errors::of)?;
        let body = input.body.take();
        let body = futures::stream::iter(body).flatten();
        let digests = metadata::digests(
            input.content_md5.take(),
            &request.headers,
            request.trailing_headers,
        );
        let received = self.store.receive(body, PUT_BYTES_MAX, digests).await;
        let received = received.map_err(errors::of)?;
        let new = NewObject::arrived(name, meta, received, condition);
        let e_tag = metadata::etag(&new.meta);
        self.store.put(new).await.map_err(errors::of)?;
        Ok(S3Response::new(dto::PutObjectOutput {
            e_tag: Some(e_tag),
            ..dto::PutObjectOutput::default()
        }))
    }

    pub(super) async fn get(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> Answer<dto::GetObjectOutput> {
        let input = request.input;
        check_version(input.version_id.as_deref())?;
        check_part(input.part_number)?;
        let name = metadata::name(input.bucket, input.key)?;
        let record = self.store.object(&name).map_err(errors::of)?;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        conditions.check(&record)?;
        let (range, content_range) = range_of(input.range.as_ref(), record.meta.size)?;
        let length = range.end - range.start;
        let holder = holder(&request.extensions);
        let body = self.store.read(holder, &name, &record, range).await;
        let body = Body::http_body_unsync(body.map_err(errors::of)?);
        let head = head(&record);
        Ok(S3Response::new(dto::GetObjectOutput {
            body: Some(dto::StreamingBlob::from(body)),
            accept_ranges: head.accept_ranges,
            cache_control: head.cache_control,
            content_disposition: head.content_disposition,
            content_encoding: head.content_encoding,
            content_language: head.content_language,
            content_length: i64::try_from(length).ok(),
            content_range,
            content_type: head.content_type,
            e_tag: head.e_tag,
            expires: head.expires,
            last_modified: head.last_modified,
            metadata: head.metadata,
            ..dto::GetObjectOutput::default()
        }))
    }

    pub(super) fn head(&self, input: dto::HeadObjectInput) -> Answer<dto::HeadObjectOutput> {
        check_version(input.version_id.as_deref())?;
        check_part(input.part_number)?;
        let name = metadata::name(input.bucket, input.key)?;
        let record = self.store.object(&name).map_err(errors::of)?;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        conditions.check(&record)?;
        let (range, content_range) = range_of(input.range.as_ref(), record.meta.size)?;
        Ok(S3Response::new(dto::HeadObjectOutput {
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            ..head(&record)
        }))
    }

    pub(super) async fn delete(
        &self,
        input: dto::DeleteObjectInput,
    ) -> Answer<dto::DeleteObjectOutput> {
        check_version(input.version_id.as_deref())?;
        if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
            return Err(errors::not_implemented(
                "deletions with conditions about time and size",
            ));
        }
        let name = metadata::name(input.bucket, input.key)?;
        let condition = write_condition(input.if_match, None)?;
        let outcome = self.store.delete(vec![(name, condition)]).await;
        for outcome in outcome.map_err(errors::of)? {
            outcome.map_err(errors::of)?;
        }
        Ok(S3Response::new(dto::DeleteObjectOutput::default()))
    }

    pub(super) async fn delete_many(
        &self,
        input: dto::DeleteObjectsInput,
    ) -> Answer<dto::DeleteObjectsOutput> {
        let objects = input.delete.objects;
        if objects.len() > DELETED_MAX {
            let text = format!("one request deletes at most {DELETED_MAX} objects");
            return Err(errors::error(S3ErrorCode::MalformedXML, text));
        }
        self.store.bucket(&input.bucket).map_err(errors::of)?;
        let mut errors = Vec::new();
        let mut names = Vec::new();
        for object in objects {
            let key = object.key.clone();
            let name = check_version(object.version_id.as_deref())
                .and_then(|()| metadata::name(input.bucket.clone(), object.key));
            let condition = Condition {
                etag: object.e_tag.map(dto::ETag::into_value),
                ..Condition::default()
            };
            match name {
                Ok(name) => names.push((name, condition)),
                Err(error) => errors.push(error_of(key, &error)),
            }
        }
        let keys: Vec<String> = names.iter().map(|(name, _)| name.key.clone()).collect();
        let outcomes = self.store.delete(names).await.map_err(errors::of)?;
        let mut deleted = Vec::new();
        for (key, outcome) in keys.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => deleted.push(dto::DeletedObject {
                    key: Some(key),
                    ..dto::DeletedObject::default()
                }),
                Err(failure) => errors.push(error_of(key, &errors::of(failure))),
            }
        }
        let is_quiet = input.delete.quiet == Some(true);
        Ok(S3Response::new(dto::DeleteObjectsOutput {
            deleted: (!is_quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            request_charged: None,
        }))
    }
}

fn error_of(key: String, error: &s3s::S3Error) -> dto::Error {
    dto::Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}

fn check_part(number: Option<i32>) -> S3Result<()> {
    match number {
        None => Ok(()),
        Some(_) => Err(errors::not_implemented("reading by part number")),
    }
}

/// The bytes that are asked for, and how the answer names them.
fn range_of(range: Option<&dto::Range>, size: u64) -> S3Result<(Range<u64>, Option<String>)> {
    let Some(range) = range else {
        return Ok((0..size, None));
    };
    let range = range.check(size).map_err(|_| {
        let text = format!("the range lies outside of the {size} bytes there are");
        errors::error(S3ErrorCode::InvalidRange, text)
    })?;
    let last = range.end.saturating_sub(1);
    let text = format!("bytes {}-{last}/{size}", range.start);
    Ok((range, Some(text)))
}

/// What is said about an object.
fn head(record: &Record) -> dto::HeadObjectOutput {
    let meta = &record.meta;
    let header = |name: &str| meta.headers.get(name).cloned();
    let content_type = header("content-type");
    let user = meta
        .user
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    dto::HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: header("cache-control"),
        content_disposition: header("content-disposition"),
        content_encoding: header("content-encoding"),
        content_language: header("content-language"),
        content_length: i64::try_from(meta.size).ok(),
        content_type: Some(content_type.unwrap_or_else(|| "binary/octet-stream".to_owned())),
        e_tag: Some(metadata::etag(meta)),
        expires: metadata::expires(meta),
        last_modified: Some(metadata::modified(record.version)),
        metadata: Some(user.collect()),
        ..dto::HeadObjectOutput::default()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_would_be_ignored_is_refused() {
        let check = |name: &'static str, value: &'static str| {
            let name = HeaderName::from_static(name);
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            check_headers(&headers).map_err(|error| error.code().as_str().to_owned())
        };
        for (name, value) in [
            ("x-amz-acl", "private"),
            ("x-amz-storage-class", "STANDARD"),
            ("x-amz-meta-acl", "public-read"),
            ("content-type", "text/plain"),
        ] {
            assert_eq!(check(name, value), Ok(()), "{name}");
        }
        for (name, value) in [
            ("x-amz-acl", "public-read"),
            ("x-amz-storage-class", "GLACIER"),
            ("x-amz-tagging", "a=b"),
            ("x-amz-grant-read", "id=1"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
        ] {
            assert_eq!(
                check(name, value),
                Err("NotImplemented".to_owned()),
                "{name}"
            );
        }
    }

    #[test]
    fn ranges_are_named_in_the_answer() {
        let range = |text: &str, size| {
            let range = dto::Range::parse(text).unwrap();
            range_of(Some(&range), size).ok()
        };
        let named = |range: Range<u64>, text: &str| Some((range, Some(text.to_owned())));
        assert_eq!(range("bytes=0-3", 10), named(0..4, "bytes 0-3/10"));
        assert_eq!(range("bytes=-3", 10), named(7..10, "bytes 7-9/10"));
        assert_eq!(range("bytes=5-", 10), named(5..10, "bytes 5-9/10"));
        assert_eq!(range("bytes=10-", 10), None);
        assert_eq!(range("bytes=0-0", 0), None);
        assert_eq!(range_of(None, 10).unwrap(), (0..10, None));
    }
}
