//! What S3's operations do here. What is not here answers `NotImplemented`.

use std::time::SystemTime;

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt};
use object_store::{GetOptions, ObjectMeta, ObjectStoreExt, PutMode, UpdateVersion};
use objects::{Key, put_stream};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, CommonPrefix,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput,
    CopyObjectResult, CopySource, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject, ETag, ETagCondition, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, Object, Part as S3Part, PutObjectInput,
    PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::BUCKET;
use super::body::{BodyError, verified};
use super::error::{store_error, upload_error};
use super::listing::{self, Listing, Query};
use super::uploads::{Part, Uploads, read_parts};
use crate::Storage;

/// Entries of a listing, if nobody says otherwise, and at most: as on S3.
const MAX_KEYS: i32 = 1000;

/// The operations on the warehouse.
#[derive(Debug)]
pub(super) struct Face {
    storage: Storage,
    uploads: Uploads,
}

impl Face {
    pub(super) fn new(storage: Storage, uploads: Uploads) -> Self {
        Self { storage, uploads }
    }

    async fn head(&self, key: &Key) -> S3Result<ObjectMeta> {
        self.storage.store.head(&key.path()).await.map_err(|error| store_error(key.as_str(), error))
    }

    /// Stores a body; returns its ETag.
    async fn put(
        &self,
        key: &Key,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        mode: PutMode,
    ) -> S3Result<Option<ETag>> {
        let is_create = mode == PutMode::Create;
        let limit = self.storage.max_object_bytes;
        let stored = put_stream(&*self.storage.store, &key.path(), body, mode, limit).await;
        let stored = stored.map_err(|error| upload_error(key.as_str(), is_create, error))?;
        Ok(stored.e_tag.as_deref().and_then(etag))
    }

    async fn list(&self, query: Query<'_>) -> S3Result<Listing> {
        listing::list(&*self.storage.store, &query).await.map_err(|error| store_error(query.prefix, error))
    }

    /// The parts that a completion names, which must be there as they were received, in rising order.
    async fn chosen_parts(&self, input: &CompleteMultipartUploadInput, key: &Key) -> S3Result<Vec<Part>> {
        let mut received = self.uploads.parts(&input.upload_id, key.as_str()).await?;
        let named = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_ref());
        let mut chosen: Vec<Part> = Vec::new();
        for part in named.into_iter().flatten() {
            let number = part.part_number.unwrap_or_default();
            if chosen.last().is_some_and(|last| last.number >= number) {
                return Err(S3ErrorCode::InvalidPartOrder.into());
            }
            let found = received.remove(&number).ok_or(S3ErrorCode::InvalidPart)?;
            if part.e_tag.as_ref().is_some_and(|etag| etag.value() != found.etag) {
                return Err(S3ErrorCode::InvalidPart.into());
            }
            chosen.push(found);
        }
        if chosen.is_empty() {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidRequest,
                "an upload has at least one part",
            ));
        }
        Ok(chosen)
    }
}

#[async_trait::async_trait]
impl S3 for Face {
    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let bucket = Bucket { name: Some(BUCKET.to_owned()), ..Bucket::default() };
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(vec![bucket]), ..ListBucketsOutput::default() }))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        check_bucket(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        check_bucket(&request.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    /// There is one bucket, and it is there already.
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        match check_bucket(&request.input.bucket) {
            Ok(()) => Err(S3ErrorCode::BucketAlreadyOwnedByYou.into()),
            Err(_) => {
                let text = format!("the only bucket is {BUCKET:?}");
                Err(S3Error::with_message(S3ErrorCode::InvalidBucketName, text))
            }
        }
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        check_bucket(&input.bucket)?;
        let max_keys = limit(input.max_keys)?;
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.continuation_token.as_deref().or(input.start_after.as_deref()),
            limit: max_keys,
        };
        let Listing { objects, common_prefixes, next } = self.list(query).await?;
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            max_keys: Some(max_keys as i32),
            key_count: Some((objects.len() + common_prefixes.len()) as i32),
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(objects.iter().map(listed).collect()),
            common_prefixes: Some(common_prefixes.into_iter().map(common).collect()),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        check_bucket(&input.bucket)?;
        let max_keys = limit(input.max_keys)?;
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
            limit: max_keys,
        };
        let Listing { objects, common_prefixes, next } = self.list(query).await?;
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            marker: input.marker,
            max_keys: Some(max_keys as i32),
            is_truncated: Some(next.is_some()),
            next_marker: next,
            contents: Some(objects.iter().map(listed).collect()),
            common_prefixes: Some(common_prefixes.into_iter().map(common).collect()),
            ..ListObjectsOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        let options = conditions(input.if_match.as_ref(), input.if_none_match.as_ref()).with_head(true);
        let object = self.storage.store.get_opts(&key.path(), options).await;
        let meta = object.map_err(|error| store_error(key.as_str(), error))?.meta;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(meta.size)),
            last_modified: Some(modified(&meta)),
            e_tag: meta.e_tag.as_deref().and_then(etag),
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        let mut options = conditions(input.if_match.as_ref(), input.if_none_match.as_ref());
        if let Some(range) = input.range {
            let size = self.head(&key).await?.size;
            options.range = Some(range.check(size).map_err(|_| S3ErrorCode::InvalidRange)?.into());
        }
        let is_part = options.range.is_some();
        let object = self.storage.store.get_opts(&key.path(), options).await;
        let object = object.map_err(|error| store_error(key.as_str(), error))?;
        let (range, meta) = (object.range.clone(), object.meta.clone());
        let content_range = is_part.then(|| format!("bytes {}-{}/{}", range.start, range.end - 1, meta.size));
        Ok(S3Response::new(GetObjectOutput {
            body: Some(streamed(object)),
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(range.end - range.start)),
            content_range,
            last_modified: Some(modified(&meta)),
            e_tag: meta.e_tag.as_deref().and_then(etag),
            ..GetObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let S3Request { input, headers, trailing_headers, .. } = request;
        let key = key_in(&input.bucket, &input.key)?;
        let mode = put_mode(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let body = verified(input.body.unwrap_or_else(no_body), &headers, trailing_headers);
        let e_tag = self.put(&key, body, mode).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag, ..PutObjectOutput::default() }))
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        let CopySource::Bucket { bucket, key: source, version_id: None } = &input.copy_source else {
            return Err(S3ErrorCode::NotImplemented.into());
        };
        let source = key_in(bucket, source)?;
        let options =
            conditions(input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref());
        let object = self.storage.store.get_opts(&source.path(), options).await;
        let object = object.map_err(|error| match store_error(source.as_str(), error) {
            // A copy whose condition does not hold is a failed one.
            error if *error.code() == S3ErrorCode::NotModified => S3ErrorCode::PreconditionFailed.into(),
            error => error,
        })?;
        let body =
            objects::into_stream(object).map(|chunk| chunk.map_err(|error| BodyError::Broken(error.into())));
        let e_tag = self.put(&key, body, PutMode::Overwrite).await?;
        let last_modified = Some(Timestamp::from(SystemTime::now()));
        let result = CopyObjectResult { e_tag, last_modified, ..CopyObjectResult::default() };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        }))
    }

    /// S3 deletes what is not there without a word.
    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let key = key_in(&request.input.bucket, &request.input.key)?;
        self.delete(&key).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        check_bucket(&input.bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let done = match key_in(&input.bucket, &object.key) {
                Ok(key) => self.delete(&key).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(error) => errors.push(s3s::dto::Error {
                    key: Some(object.key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    ..s3s::dto::Error::default()
                }),
            }
        }
        let deleted = Some(deleted).filter(|_| input.delete.quiet != Some(true));
        let errors = Some(errors);
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, ..DeleteObjectsOutput::default() }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        let upload_id = Some(self.uploads.begin(key.as_str()).await?);
        let (bucket, key) = (Some(input.bucket), Some(input.key));
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket,
            key,
            upload_id,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let S3Request { input, headers, trailing_headers, .. } = request;
        let key = key_in(&input.bucket, &input.key)?;
        let body = verified(input.body.unwrap_or_else(no_body), &headers, trailing_headers);
        let limit = self.storage.max_object_bytes;
        let part =
            self.uploads.put_part(&input.upload_id, key.as_str(), input.part_number, body, limit).await?;
        let e_tag = Some(ETag::Strong(part.etag));
        Ok(S3Response::new(UploadPartOutput { e_tag, ..UploadPartOutput::default() }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        let parts = self.uploads.parts(&input.upload_id, key.as_str()).await?;
        let parts = parts.into_values().map(|part| S3Part {
            part_number: Some(part.number),
            size: Some(length(part.size)),
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(Timestamp::from(part.modified)),
            ..S3Part::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(false),
            parts: Some(parts.collect()),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        let mode = put_mode(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let parts = self.chosen_parts(&input, &key).await?;
        let body = read_parts(parts).map(|chunk| chunk.map_err(|error| BodyError::Broken(error.into())));
        let e_tag = self.put(&key, body, mode).await?;
        // The object is there: that some parts remain for a while is no reason to say otherwise.
        if let Err(error) = self.uploads.end(&input.upload_id, key.as_str()).await {
            tracing::warn!(?error, "parts of a completed upload remain");
        }
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag,
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        let key = key_in(&input.bucket, &input.key)?;
        self.uploads.end(&input.upload_id, key.as_str()).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

impl Face {
    async fn delete(&self, key: &Key) -> S3Result<()> {
        match self.storage.store.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(store_error(key.as_str(), error)),
        }
    }
}

fn check_bucket(bucket: &str) -> S3Result<()> {
    if bucket == BUCKET {
        return Ok(());
    }
    let text = format!("there is no bucket {bucket:?}; the only one is {BUCKET:?}");
    Err(S3Error::with_message(S3ErrorCode::NoSuchBucket, text))
}

fn key_in(bucket: &str, key: &str) -> S3Result<Key> {
    check_bucket(bucket)?;
    key.parse().map_err(|error: objects::KeyError| {
        S3Error::with_message(S3ErrorCode::InvalidArgument, format!("{key:?} is {error}"))
    })
}

fn limit(max_keys: Option<i32>) -> S3Result<usize> {
    let max_keys = max_keys.unwrap_or(MAX_KEYS).min(MAX_KEYS);
    usize::try_from(max_keys).map_err(|_| S3ErrorCode::InvalidArgument.into())
}

/// The conditions of a read.
fn conditions(if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> GetOptions {
    GetOptions::new().with_if_match(if_match.map(quoted)).with_if_none_match(if_none_match.map(quoted))
}

/// The condition of a put.
fn put_mode(if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<PutMode> {
    match (if_match, if_none_match) {
        (None, None) => Ok(PutMode::Overwrite),
        (None, Some(ETagCondition::Any)) => Ok(PutMode::Create),
        (Some(etag @ ETagCondition::ETag(_)), None) => {
            Ok(PutMode::Update(UpdateVersion { e_tag: Some(quoted(etag)), version: None }))
        }
        _ => {
            let text = "a put takes `If-None-Match: *` or `If-Match` with one ETag, not both";
            Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text))
        }
    }
}

/// As it stands in a header.
fn quoted(condition: &ETagCondition) -> String {
    match condition {
        ETagCondition::Any => "*".to_owned(),
        ETagCondition::ETag(ETag::Strong(value)) => format!("\"{value}\""),
        ETagCondition::ETag(ETag::Weak(value)) => format!("W/\"{value}\""),
    }
}

fn etag(quoted: &str) -> Option<ETag> {
    ETag::parse_http_header(quoted.as_bytes()).ok()
}

fn streamed(object: object_store::GetResult) -> StreamingBlob {
    StreamingBlob::from(s3s::Body::http_body_unsync(Body::from_stream(objects::into_stream(object))))
}

fn no_body() -> StreamingBlob {
    StreamingBlob::from(s3s::Body::empty())
}

fn listed(meta: &ObjectMeta) -> Object {
    Object {
        last_modified: Some(modified(meta)),
        size: Some(length(meta.size)),
        e_tag: meta.e_tag.as_deref().and_then(etag),
        key: Some(meta.location.to_string()),
        ..Object::default()
    }
}

fn common(prefix: String) -> CommonPrefix {
    CommonPrefix { prefix: Some(prefix) }
}

fn modified(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from(SystemTime::from(meta.last_modified))
}

fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
