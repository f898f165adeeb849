//! Copies: the bytes are read, and written as those of another object.

use axum::http::Extensions;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result, dto};

use super::{
    Answer, Service,
    conditions::ReadConditions,
    errors,
    metadata::{self, content_headers},
    objects::{check_headers, check_version, holder},
    uploads::part_named,
};
use crate::{
    digest::Digests,
    record::{Meta, Name, Record},
    spool::Received,
    store::{Condition, NewObject},
};

/// Bytes of an object that is copied in one request.
const COPY_BYTES_MAX: u64 = 5 << 30;

impl Service {
    pub(super) async fn copy(
        &self,
        mut request: S3Request<dto::CopyObjectInput>,
    ) -> Answer<dto::CopyObjectOutput> {
        check_headers(&request.headers)?;
        let input = &mut request.input;
        let (source, record) = self.source(&input.copy_source)?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match.take(),
            if_none_match: input.copy_source_if_none_match.take(),
            if_modified_since: input.copy_source_if_modified_since.take(),
            if_unmodified_since: input.copy_source_if_unmodified_since.take(),
        };
        conditions.check_source(&record)?;
        let name = metadata::name(
            std::mem::take(&mut input.bucket),
            std::mem::take(&mut input.key),
        )?;
        let directive = input.metadata_directive.as_ref();
        let replaces = directive
            .is_some_and(|directive| directive.as_str() == dto::MetadataDirective::REPLACE);
        if name == source && !replaces {
            let text = "a copy onto itself has to replace the metadata";
            return Err(errors::error(S3ErrorCode::InvalidRequest, text));
        }
        let meta = if replaces {
            metadata::meta(content_headers!(input), input.metadata.take())?
        } else {
            Meta {
                headers: record.meta.headers.clone(),
                user: record.meta.user.clone(),
                ..Meta::default()
            }
        };
        let whole = 0..record.meta.size;
        let received = self
            .fetch(&request.extensions, &source, &record, whole)
            .await?;
        let new = NewObject::arrived(name, meta, received, Condition::default());
        let e_tag = metadata::etag(&new.meta);
        let version = self.store.put(new).await.map_err(errors::of)?;
        Ok(S3Response::new(dto::CopyObjectOutput {
            copy_object_result: Some(dto::CopyObjectResult {
                e_tag: Some(e_tag),
                last_modified: Some(metadata::modified(version)),
                ..dto::CopyObjectResult::default()
            }),
            ..dto::CopyObjectOutput::default()
        }))
    }

    pub(super) async fn copy_part(
        &self,
        mut request: S3Request<dto::UploadPartCopyInput>,
    ) -> Answer<dto::UploadPartCopyOutput> {
        check_headers(&request.headers)?;
        let input = &mut request.input;
        let place = self.part_place(part_named!(input))?;
        let (source, record) = self.source(&input.copy_source)?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match.take(),
            if_none_match: input.copy_source_if_none_match.take(),
            if_modified_since: input.copy_source_if_modified_since.take(),
            if_unmodified_since: input.copy_source_if_unmodified_since.take(),
        };
        conditions.check_source(&record)?;
        let range = match &input.copy_source_range {
            None => 0..record.meta.size,
            Some(text) => {
                let range = dto::Range::parse(text).ok();
                let range = range.and_then(|range| range.check(record.meta.size).ok());
                range.ok_or_else(|| {
                    let text = "the range of the source lies outside of it";
                    errors::error(S3ErrorCode::InvalidRange, text)
                })?
            }
        };
        let received = self
            .fetch(&request.extensions, &source, &record, range)
            .await?;
        let part = self.keep_part(place, received).await?;
        Ok(S3Response::new(dto::UploadPartCopyOutput {
            copy_part_result: Some(dto::CopyPartResult {
                e_tag: Some(dto::ETag::Strong(hex::encode(part.md5))),
                last_modified: Some(metadata::modified(part.version)),
                ..dto::CopyPartResult::default()
            }),
            ..dto::UploadPartCopyOutput::default()
        }))
    }

    fn source(&self, source: &dto::CopySource) -> S3Result<(Name, Record)> {
        let dto::CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(errors::not_implemented("access points"));
        };
        check_version(version_id.as_deref())?;
        let name = metadata::name(bucket.to_string(), key.to_string())?;
        let record = self.store.object(&name).map_err(errors::of)?;
        Ok((name, record))
    }

    /// Reads bytes of an object into the spool.
    async fn fetch(
        &self,
        extensions: &Extensions,
        name: &Name,
        record: &Record,
        range: std::ops::Range<u64>,
    ) -> S3Result<Received> {
        let length = range.end - range.start;
        if length > COPY_BYTES_MAX {
            let text = format!("one request copies at most {COPY_BYTES_MAX} bytes: copy in parts");
            return Err(errors::error(S3ErrorCode::InvalidRequest, text));
        }
        let body = self
            .store
            .read(holder(extensions), name, record, range)
            .await;
        let body = body.map_err(errors::of)?.into_data_stream();
        let received = self.store.receive(body, length, Digests::default()).await;
        let received = received.map_err(errors::of)?;
        if received.length() != length {
            let text = "the source was cut off; try again later";
            return Err(errors::error(S3ErrorCode::ServiceUnavailable, text));
        }
        Ok(received)
    }
}
