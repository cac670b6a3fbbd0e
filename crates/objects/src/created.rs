//! Telling a lost create race from one's own success that was retried.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Re-reads after a create that "exists already". `object_store` 0.13 retries a put whose answer was lost, and
/// reports the second attempt's 412 as `AlreadyExists` although the first one made the object.
#[derive(Debug)]
pub(crate) struct VerifiedCreate(Arc<dyn ObjectStore>);

impl VerifiedCreate {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    /// What storing `payload` at `location` would have answered, if the object has exactly these bytes.
    async fn stored(&self, location: &Path, payload: &PutPayload) -> Result<Option<PutResult>> {
        let object = match self.0.get(location).await {
            // Whoever won has not finished (S3 answers 409 then), or it is deleted again.
            Err(Error::NotFound { .. }) => return Ok(None),
            object => object?,
        };
        if object.meta.size != payload.content_length() as u64 {
            return Ok(None);
        }
        let result = PutResult { e_tag: object.meta.e_tag.clone(), version: object.meta.version.clone() };
        let stored = object.bytes().await?;
        Ok((stored == Bytes::from(payload.clone())).then_some(result))
    }
}

impl fmt::Display for VerifiedCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for VerifiedCreate {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if opts.mode != PutMode::Create {
            return self.0.put_opts(location, payload, opts).await;
        }
        match self.0.put_opts(location, payload.clone(), opts).await {
            Err(lost @ (Error::AlreadyExists { .. } | Error::Precondition { .. })) => {
                self.stored(location, &payload).await?.ok_or(lost)
            }
            answer => answer,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if opts.extensions.get::<PutMode>().is_some_and(|mode| *mode != PutMode::Overwrite) {
            let operation = "conditional uploads in parts".to_owned();
            return Err(Error::NotImplemented { operation, implementer: self.to_string() });
        }
        self.0.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::testing::Careless;

    #[tokio::test]
    async fn own_retried_create_succeeds_and_anothers_does_not() {
        let inner = Arc::new(InMemory::new());
        let store = VerifiedCreate::new(inner.clone());
        let path = Path::from("a");
        // The first attempt reached the store, its answer was lost, and the retry meets the object.
        inner.put(&path, "mine".into()).await.unwrap();
        let create = PutOptions::from(PutMode::Create);
        store.put_opts(&path, "mine".into(), create.clone()).await.unwrap();
        for others in ["them", "other"] {
            let lost = store.put_opts(&path, others.into(), create.clone()).await;
            assert!(matches!(lost, Err(Error::AlreadyExists { .. })), "{lost:?}");
        }
    }

    #[tokio::test]
    async fn create_that_lost_to_one_that_has_not_finished_is_lost_and_not_missing() {
        let conflict = |_| Err(Error::AlreadyExists { path: "a".into(), source: "409".into() });
        let store = VerifiedCreate::new(Arc::new(Careless::new(conflict)));
        let lost = store.put_opts(&Path::from("a"), "mine".into(), PutMode::Create.into()).await;
        assert!(matches!(lost, Err(Error::AlreadyExists { .. })), "{lost:?}");
    }
}
