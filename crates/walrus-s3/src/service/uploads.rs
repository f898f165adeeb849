//! Uploads in parts.

use futures::StreamExt as _;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result, dto};

use super::{
    Answer, Service,
    answers::{owner, text_for},
    conditions::write_condition,
    errors,
    metadata::{self, content_headers},
    objects::check_headers,
};
use crate::{
    failure::Failure,
    journal::Part,
    record::{Name, Version},
    spool::Received,
    store::{NamedPart, PARTS_MAX},
};

/// Bytes of a part.
const PART_BYTES_MAX: u64 = 5 << 30;
/// Entries of a page.
const PAGE_MAX: i32 = 1000;

/// The name of an upload.
fn text_of(id: Version) -> String {
    format!("{:016x}", id.0)
}

fn upload_id(text: &str) -> S3Result<Version> {
    let id = u64::from_str_radix(text, 16).ok();
    let id = id.filter(|id| text_of(Version(*id)) == text);
    id.map(Version)
        .ok_or_else(|| errors::of(Failure::NoSuchUpload))
}

fn part_number(number: i32) -> S3Result<u16> {
    let number = u16::try_from(number).ok();
    let number = number.filter(|number| (1..=PARTS_MAX).contains(number));
    number.ok_or_else(|| {
        let text = format!("parts have numbers from 1 to {PARTS_MAX}");
        errors::error(S3ErrorCode::InvalidArgument, text)
    })
}

/// A part as a request names it: bucket, key, upload and number.
macro_rules! part_named {
    ($input:expr) => {
        (
            std::mem::take(&mut $input.bucket),
            std::mem::take(&mut $input.key),
            $input.upload_id.as_str(),
            $input.part_number,
        )
    };
}
pub(super) use part_named;

/// Where a part belongs.
pub(super) struct PartPlace {
    name: Name,
    upload: Version,
    number: u16,
}

impl Service {
    /// Where a part belongs, if its upload goes on.
    pub(super) fn part_place(
        &self,
        (bucket, key, upload, number): (String, String, &str, i32),
    ) -> S3Result<PartPlace> {
        let place = PartPlace {
            number: part_number(number)?,
            upload: upload_id(upload)?,
            name: metadata::name(bucket, key)?,
        };
        let upload = self.store.upload(&place.name, place.upload);
        upload.map_err(errors::of)?;
        Ok(place)
    }

    /// Keeps a part that has arrived.
    pub(super) async fn keep_part(&self, place: PartPlace, received: Received) -> S3Result<Part> {
        let PartPlace {
            name,
            upload,
            number,
        } = place;
        let part = self.store.put_part(name, upload, number, received).await;
        part.map_err(errors::of)
    }

    pub(super) async fn begin_upload(
        &self,
        mut input: dto::CreateMultipartUploadInput,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        let meta = metadata::meta(content_headers!(input), input.metadata.take())?;
        let name = metadata::name(input.bucket, input.key)?;
        let id = self.store.begin_upload(name.clone(), meta).await;
        let id = id.map_err(errors::of)?;
        Ok(S3Response::new(dto::CreateMultipartUploadOutput {
            bucket: Some(name.bucket),
            key: Some(name.key),
            upload_id: Some(text_of(id)),
            ..dto::CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn put_part(
        &self,
        mut request: S3Request<dto::UploadPartInput>,
    ) -> Answer<dto::UploadPartOutput> {
        check_headers(&request.headers)?;
        let input = &mut request.input;
        let place = self.part_place(part_named!(input))?;
        let body = futures::stream::iter(input.body.take()).flatten();
        let digests = metadata::digests(
            input.content_md5.take(),
            &request.headers,
            request.trailing_headers,
        );
        let received = self.store.receive(body, PART_BYTES_MAX, digests).await;
        let received = received.map_err(errors::of)?;
        let part = self.keep_part(place, received).await?;
        Ok(S3Response::new(dto::UploadPartOutput {
            e_tag: Some(dto::ETag::Strong(hex::encode(part.md5))),
            ..dto::UploadPartOutput::default()
        }))
    }

    pub(super) async fn complete_upload(
        &self,
        input: dto::CompleteMultipartUploadInput,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        let id = upload_id(&input.upload_id)?;
        let condition = write_condition(input.if_match, input.if_none_match.as_ref())?;
        let name = metadata::name(input.bucket, input.key)?;
        let listed = input.multipart_upload.and_then(|list| list.parts);
        let mut named = Vec::new();
        for part in listed.unwrap_or_default() {
            named.push(NamedPart {
                number: part_number(part.part_number.unwrap_or_default())?,
                etag: part.e_tag.map(dto::ETag::into_value),
            });
        }
        let completed = self
            .store
            .complete_upload(name.clone(), id, named, condition)
            .await;
        let etag = completed.map_err(errors::of_completion)?;
        Ok(S3Response::new(dto::CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", name.bucket, name.key)),
            bucket: Some(name.bucket),
            key: Some(name.key),
            e_tag: Some(dto::ETag::Strong(etag)),
            ..dto::CompleteMultipartUploadOutput::default()
        }))
    }

    pub(super) fn abort_upload(
        &self,
        input: &dto::AbortMultipartUploadInput,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        let id = upload_id(&input.upload_id)?;
        let name = metadata::name(input.bucket.clone(), input.key.clone())?;
        self.store.abort_upload(&name, id).map_err(errors::of)?;
        Ok(S3Response::new(dto::AbortMultipartUploadOutput::default()))
    }

    pub(super) fn list_upload_parts(
        &self,
        input: dto::ListPartsInput,
    ) -> Answer<dto::ListPartsOutput> {
        let id = upload_id(&input.upload_id)?;
        let name = metadata::name(input.bucket, input.key)?;
        let parts = self.store.parts(&name, id).map_err(errors::of)?;
        let after = input.part_number_marker.unwrap_or_default();
        let count_max = input.max_parts.unwrap_or(PAGE_MAX).clamp(0, PAGE_MAX);
        let later = parts
            .iter()
            .filter(|(number, _)| i32::from(*number) > after);
        let page: Vec<dto::Part> = later
            .clone()
            .take(usize::try_from(count_max).unwrap_or_default())
            .map(|(number, part)| dto::Part {
                part_number: Some(i32::from(*number)),
                e_tag: Some(dto::ETag::Strong(hex::encode(part.md5))),
                size: i64::try_from(part.piece.length).ok(),
                last_modified: Some(metadata::modified(part.version)),
                ..dto::Part::default()
            })
            .collect();
        let is_truncated = later.count() > page.len();
        let last = page.last().and_then(|part| part.part_number);
        Ok(S3Response::new(dto::ListPartsOutput {
            bucket: Some(name.bucket),
            key: Some(name.key),
            upload_id: Some(input.upload_id),
            max_parts: Some(count_max),
            is_truncated: Some(is_truncated),
            part_number_marker: Some(after),
            next_part_number_marker: last.filter(|_| is_truncated),
            parts: Some(page),
            owner: Some(owner()),
            storage_class: Some(dto::StorageClass::from_static("STANDARD")),
            ..dto::ListPartsOutput::default()
        }))
    }

    pub(super) fn list_uploads(
        &self,
        input: dto::ListMultipartUploadsInput,
    ) -> Answer<dto::ListMultipartUploadsOutput> {
        if input
            .delimiter
            .as_ref()
            .is_some_and(|delimiter| !delimiter.is_empty())
        {
            return Err(errors::not_implemented("listing uploads with a delimiter"));
        }
        let prefix = input.prefix.clone().unwrap_or_default();
        let key_marker = input.key_marker.clone().unwrap_or_default();
        let id_marker = input
            .upload_id_marker
            .as_deref()
            .map(upload_id)
            .transpose()?;
        let after = (key_marker.as_str(), id_marker.unwrap_or(Version(u64::MAX)));
        let mut uploads = self.store.uploads(&input.bucket).map_err(errors::of)?;
        uploads.retain(|upload| {
            upload.name.key.starts_with(&prefix)
                && (upload.name.key.as_str(), upload.version) > after
        });
        let count_max = input.max_uploads.unwrap_or(PAGE_MAX).clamp(0, PAGE_MAX);
        let count = usize::try_from(count_max).unwrap_or_default();
        let is_truncated = uploads.len() > count;
        uploads.truncate(count);
        let encoding = input.encoding_type;
        let key = |key: &str| text_for(encoding.as_ref(), key);
        let last = uploads.last().filter(|_| is_truncated);
        let next_key_marker = last.map(|upload| key(&upload.name.key));
        let next_upload_id_marker = last.map(|upload| text_of(upload.version));
        let uploads = uploads.iter().map(|upload| dto::MultipartUpload {
            key: Some(key(&upload.name.key)),
            upload_id: Some(text_of(upload.version)),
            initiated: Some(metadata::modified(upload.version)),
            owner: Some(owner()),
            storage_class: Some(dto::StorageClass::from_static("STANDARD")),
            ..dto::MultipartUpload::default()
        });
        Ok(S3Response::new(dto::ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            bucket: Some(input.bucket),
            is_truncated: Some(is_truncated),
            key_marker: input.key_marker.as_deref().map(key),
            upload_id_marker: input.upload_id_marker,
            max_uploads: Some(count_max),
            next_key_marker,
            next_upload_id_marker,
            prefix: input.prefix.as_deref().map(key),
            encoding_type: encoding,
            ..dto::ListMultipartUploadsOutput::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_and_parts_have_names_of_one_form() {
        assert_eq!(upload_id(&text_of(Version(77))).unwrap(), Version(77));
        for text in ["", "4d", "000000000000004D", "+00000000000004d", "x"] {
            assert!(upload_id(text).is_err(), "{text}");
        }
        let numbers = [
            (0, None),
            (1, Some(1)),
            (10_000, Some(10_000)),
            (10_001, None),
            (-1, None),
        ];
        for (number, expected) in numbers {
            assert_eq!(part_number(number).ok(), expected);
        }
    }
}
