//! Buckets, and what is in them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto};
use walrus_core::EpochCount;

use super::{
    Answer, REGION, Service,
    answers::{owner, text_for},
    errors, metadata,
};
use crate::{
    listing::{Page, Query},
    record::Record,
};

/// Epochs for which the objects of a bucket are kept, if not those of the server.
const EPOCHS_HEADER: &str = "x-walrus-epochs";
/// Entries of a page.
const PAGE_MAX: i32 = 1000;

/// A page of a listing, in the words of S3.
struct Listed {
    contents: Vec<dto::Object>,
    common_prefixes: Vec<dto::CommonPrefix>,
}

impl Service {
    pub(super) fn buckets(&self, input: &dto::ListBucketsInput) -> Answer<dto::ListBucketsOutput> {
        let buckets = self.store.buckets().map_err(errors::of)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let buckets = buckets
            .into_iter()
            .filter(|(name, _)| name.starts_with(&prefix))
            .map(|(name, record)| dto::Bucket {
                bucket_region: Some(REGION.to_owned()),
                creation_date: Some(metadata::modified(record.version)),
                name: Some(name),
            });
        Ok(S3Response::new(dto::ListBucketsOutput {
            buckets: Some(buckets.collect()),
            owner: Some(owner()),
            prefix: input.prefix.clone(),
            ..dto::ListBucketsOutput::default()
        }))
    }

    pub(super) async fn make_bucket(
        &self,
        request: S3Request<dto::CreateBucketInput>,
    ) -> Answer<dto::CreateBucketOutput> {
        let epochs = match request.headers.get(EPOCHS_HEADER) {
            Some(value) => Some(epochs(value.to_str().unwrap_or_default())?),
            None => None,
        };
        if request.input.object_lock_enabled_for_bucket == Some(true) {
            return Err(errors::not_implemented("object lock"));
        }
        let bucket = request.input.bucket;
        let location = format!("/{bucket}");
        self.store
            .create_bucket(bucket, epochs)
            .await
            .map_err(errors::of)?;
        Ok(S3Response::new(dto::CreateBucketOutput {
            location: Some(location),
        }))
    }

    pub(super) fn list(&self, input: dto::ListObjectsInput) -> Answer<dto::ListObjectsOutput> {
        let after = input.marker.clone().unwrap_or_default();
        let (count_max, page) = self.page(
            &input.bucket,
            input.prefix.as_ref(),
            input.delimiter.as_ref(),
            after,
            input.max_keys,
        )?;
        let encoding = input.encoding_type;
        let next = page
            .next
            .as_deref()
            .map(|next| text_for(encoding.as_ref(), next));
        let is_truncated = page.next.is_some();
        let listed = listed(page, encoding.as_ref(), true);
        let text = |value: Option<String>| value.map(|text| text_for(encoding.as_ref(), &text));
        Ok(S3Response::new(dto::ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(text(input.prefix).unwrap_or_default()),
            marker: Some(text(input.marker).unwrap_or_default()),
            max_keys: Some(count_max),
            is_truncated: Some(is_truncated),
            contents: Some(listed.contents),
            common_prefixes: Some(listed.common_prefixes),
            delimiter: text(input.delimiter),
            next_marker: next,
            encoding_type: encoding,
            request_charged: None,
        }))
    }

    pub(super) fn list_v2(
        &self,
        input: dto::ListObjectsV2Input,
    ) -> Answer<dto::ListObjectsV2Output> {
        let after = match &input.continuation_token {
            Some(token) => position(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let (count_max, page) = self.page(
            &input.bucket,
            input.prefix.as_ref(),
            input.delimiter.as_ref(),
            after,
            input.max_keys,
        )?;
        let encoding = input.encoding_type;
        let next = page.next.as_ref().map(|next| URL_SAFE_NO_PAD.encode(next));
        let listed = listed(page, encoding.as_ref(), input.fetch_owner == Some(true));
        let count = listed.contents.len() + listed.common_prefixes.len();
        let text = |value: Option<String>| value.map(|text| text_for(encoding.as_ref(), &text));
        Ok(S3Response::new(dto::ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(text(input.prefix).unwrap_or_default()),
            max_keys: Some(count_max),
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(listed.contents),
            common_prefixes: Some(listed.common_prefixes),
            delimiter: text(input.delimiter),
            start_after: text(input.start_after),
            encoding_type: encoding,
            request_charged: None,
        }))
    }

    fn page(
        &self,
        bucket: &str,
        prefix: Option<&String>,
        delimiter: Option<&String>,
        after: String,
        count_max: Option<i32>,
    ) -> S3Result<(i32, Page<Record>)> {
        let count_max = count_max.unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let count = usize::try_from(count_max);
        let count = count.map_err(|_| invalid("max-keys is negative"))?;
        let query = Query {
            prefix: prefix.cloned().unwrap_or_default(),
            delimiter: delimiter.cloned().unwrap_or_default(),
            after,
            count_max: count,
        };
        let page = self.store.list(bucket, &query).map_err(errors::of)?;
        Ok((count_max, page))
    }
}

fn epochs(text: &str) -> S3Result<EpochCount> {
    let epochs = text.parse().ok().filter(|epochs| *epochs > 0);
    epochs.ok_or_else(|| invalid(format!("{EPOCHS_HEADER} is a number of epochs, from 1 on")))
}

fn position(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let position = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    position.ok_or_else(|| invalid("the continuation token is none of this server"))
}

fn invalid(text: impl Into<String>) -> S3Error {
    errors::error(S3ErrorCode::InvalidArgument, text)
}

fn listed(page: Page<Record>, encoding: Option<&dto::EncodingType>, with_owner: bool) -> Listed {
    let object = |(key, record): (String, Record)| dto::Object {
        key: Some(text_for(encoding, &key)),
        e_tag: Some(metadata::etag(&record.meta)),
        last_modified: Some(metadata::modified(record.version)),
        size: i64::try_from(record.meta.size).ok(),
        storage_class: Some(dto::ObjectStorageClass::from_static("STANDARD")),
        owner: with_owner.then(owner),
        ..dto::Object::default()
    };
    let prefix = |prefix: String| dto::CommonPrefix {
        prefix: Some(text_for(encoding, &prefix)),
    };
    Listed {
        contents: page.keys.into_iter().map(object).collect(),
        common_prefixes: page.prefixes.into_iter().map(prefix).collect(),
    }
}
