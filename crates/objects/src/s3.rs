//! S3 and what speaks its language.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use crate::created::VerifiedCreate;
use crate::{Error, Key};

/// Opens `s3://bucket/prefix`; region, endpoint and credentials come from the `AWS_*` variables.
pub(crate) fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let reject = |reason: String| Error::Url { url: url.to_string(), reason };
    let bucket = url.host_str().ok_or_else(|| reject("it names no bucket".to_owned()))?;
    let bucket = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .build()?;
    let prefix = match url.path().trim_matches('/') {
        "" => Path::default(),
        prefix => prefix.parse::<Key>().map_err(|error| reject(error.to_string()))?.path(),
    };
    Ok(Arc::new(VerifiedCreate::new(Arc::new(PrefixStore::new(bucket, prefix)))))
}
