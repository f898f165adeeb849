//! The operations of S3. What is not here, `s3s` answers with `NotImplemented`.

mod answers;
mod buckets;
mod conditions;
mod copies;
mod errors;
mod metadata;
mod objects;
mod uploads;

use s3s::{S3, S3Request, S3Response, S3Result, dto};

use crate::store::Store;

/// The region that clients are told.
pub(crate) const REGION: &str = "us-east-1";

/// The service. Clones share the store.
#[derive(Clone)]
pub(crate) struct Service {
    pub store: Store,
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl S3 for Service {
    async fn list_buckets(
        &self,
        request: S3Request<dto::ListBucketsInput>,
    ) -> Answer<dto::ListBucketsOutput> {
        self.buckets(&request.input)
    }

    async fn create_bucket(
        &self,
        request: S3Request<dto::CreateBucketInput>,
    ) -> Answer<dto::CreateBucketOutput> {
        self.make_bucket(request).await
    }

    async fn delete_bucket(
        &self,
        request: S3Request<dto::DeleteBucketInput>,
    ) -> Answer<dto::DeleteBucketOutput> {
        let deleted = self.store.delete_bucket(request.input.bucket).await;
        deleted.map_err(errors::of)?;
        Ok(S3Response::new(dto::DeleteBucketOutput::default()))
    }

    async fn head_bucket(
        &self,
        request: S3Request<dto::HeadBucketInput>,
    ) -> Answer<dto::HeadBucketOutput> {
        let found = self.store.bucket(&request.input.bucket);
        found.map_err(errors::of)?;
        Ok(S3Response::new(dto::HeadBucketOutput {
            bucket_region: Some(REGION.to_owned()),
            ..dto::HeadBucketOutput::default()
        }))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<dto::GetBucketLocationInput>,
    ) -> Answer<dto::GetBucketLocationOutput> {
        let found = self.store.bucket(&request.input.bucket);
        found.map_err(errors::of)?;
        // That is how S3 names its first region.
        Ok(S3Response::new(dto::GetBucketLocationOutput::default()))
    }

    async fn list_objects(
        &self,
        request: S3Request<dto::ListObjectsInput>,
    ) -> Answer<dto::ListObjectsOutput> {
        self.list(request.input)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> Answer<dto::ListObjectsV2Output> {
        self.list_v2(request.input)
    }

    async fn put_object(
        &self,
        request: S3Request<dto::PutObjectInput>,
    ) -> Answer<dto::PutObjectOutput> {
        self.put(request).await
    }

    async fn post_object(
        &self,
        _request: S3Request<dto::PostObjectInput>,
    ) -> Answer<dto::PostObjectOutput> {
        Err(errors::not_implemented("uploads by HTML forms"))
    }

    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> Answer<dto::GetObjectOutput> {
        self.get(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> Answer<dto::HeadObjectOutput> {
        self.head(request.input)
    }

    async fn delete_object(
        &self,
        request: S3Request<dto::DeleteObjectInput>,
    ) -> Answer<dto::DeleteObjectOutput> {
        self.delete(request.input).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> Answer<dto::DeleteObjectsOutput> {
        self.delete_many(request.input).await
    }

    async fn copy_object(
        &self,
        request: S3Request<dto::CopyObjectInput>,
    ) -> Answer<dto::CopyObjectOutput> {
        self.copy(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        objects::check_headers(&request.headers)?;
        self.begin_upload(request.input).await
    }

    async fn upload_part(
        &self,
        request: S3Request<dto::UploadPartInput>,
    ) -> Answer<dto::UploadPartOutput> {
        self.put_part(request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> Answer<dto::UploadPartCopyOutput> {
        self.copy_part(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        self.complete_upload(request.input).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        self.abort_upload(&request.input)
    }

    async fn list_parts(
        &self,
        request: S3Request<dto::ListPartsInput>,
    ) -> Answer<dto::ListPartsOutput> {
        self.list_upload_parts(request.input)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> Answer<dto::ListMultipartUploadsOutput> {
        self.list_uploads(request.input)
    }
}
