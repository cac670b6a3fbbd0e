//! S3 and what speaks its language.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use url::Url;

use crate::created::VerifiedCreate;
use crate::{Error, Key};

/// Repetitions of a request that failed for a reason that may pass, and the time after which none is begun any more. The
/// defaults of `object_store` 0.13, 10 and 3 minutes, outlast every caller: `service.request_timeout_ms` is 30 s.
const MAX_RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);
/// The wait before the first repetition, and the longest before a later one, which is drawn between the first and three
/// times the one before: 2 to 6 s in all.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LAST_BACKOFF: Duration = Duration::from_secs(2);
const BACKOFF_BASE: f64 = 3.0;

/// Opens `s3://bucket/prefix`; region, endpoint and credentials come from the `AWS_*` variables. Nothing is sent yet: see
/// [`crate::probe`].
pub(crate) fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let reject = |reason: String| Error::Url { url: url.to_string(), reason };
    let bucket = url.host_str().ok_or_else(|| reject("it names no bucket".to_owned()))?;
    let environment = AmazonS3Builder::from_env();
    // Who names an endpoint without TLS means it: asking for AWS_ALLOW_HTTP as well would only be a riddle.
    let is_plain = has_plain_endpoint(&environment);
    let builder = if is_plain { environment.with_allow_http(true) } else { environment };
    let bucket = builder
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry())
        .build()?;
    let prefix = match url.path().trim_matches('/') {
        "" => Path::default(),
        prefix => prefix.parse::<Key>().map_err(|error| reject(error.to_string()))?.path(),
    };
    Ok(Arc::new(VerifiedCreate::new(Arc::new(PrefixStore::new(bucket, prefix)))))
}

fn has_plain_endpoint(builder: &AmazonS3Builder) -> bool {
    [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
        .iter()
        .find_map(|key| builder.get_config_value(key))
        .is_some_and(|endpoint| endpoint.starts_with("http://"))
}

fn retry() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: FIRST_BACKOFF, max_backoff: LAST_BACKOFF, base: BACKOFF_BASE };
    RetryConfig { backoff, max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_where_the_endpoint_in_force_asks_for_it() {
        let builder = AmazonS3Builder::new();
        assert!(!has_plain_endpoint(&builder));
        assert!(!has_plain_endpoint(&builder.clone().with_endpoint("https://s3.example.com")));
        let plain = builder.with_endpoint("http://127.0.0.1:9000");
        assert!(has_plain_endpoint(&plain));
        // The variable for S3 alone wins over the one for all services.
        let own = plain.with_config(AmazonS3ConfigKey::S3Endpoint, "https://s3.example.com");
        assert!(!has_plain_endpoint(&own));
    }
}
