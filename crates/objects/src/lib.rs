//! Object stores that keep their word: opened by URL, and a put that has returned is on disk, whole.
//!
//! Everything speaks [`object_store::ObjectStore`], so that query engines take these stores as they are. On top of
//! that trait the stores opened here promise:
//!
//! - **Durable.** When a put, a completed upload or a delete returns, it survives a power cut. The local store of
//!   `object_store` 0.13 never calls fsync; [`LocalStore`] takes its place.
//! - **Atomic.** A reader sees the old object or the new one. What a crash leaves behind is never listed.
//! - **Conditional.** `PutMode::Create` and `PutMode::Update` have one winner, also between processes.
//! - **Contained.** A key that could lead out of the root is refused: see [`Key`].
//! - **Ordered.** Listings come in the byte order of keys: see [`list_page`].

#[cfg(any(feature = "aws", test))]
mod created;
mod error;
mod key;
mod local;
mod outage;
mod page;
mod probe;
#[cfg(feature = "aws")]
mod s3;
mod stream;
#[cfg(test)]
mod testing;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

pub use error::Error;
pub use key::{Key, KeyError, MAX_KEY_BYTES, MAX_SEGMENT_BYTES, RESERVED_SEGMENT};
pub use local::{AbandonedUpload, LocalStore};
use object_store::ObjectStore;
pub use outage::Outage;
pub use page::{Page, list_page};
pub use probe::{ProbeError, probe, reach};
pub use stream::into_stream;
pub use upload::{UploadError, put_stream};
use url::Url;

/// Opens the store at `url`: `file:///absolute/path` (created if missing) or `s3://bucket/prefix`.
///
/// S3 takes its region, endpoint and credentials from the `AWS_*` variables of the environment, and is not asked anything
/// yet: see [`probe`].
///
/// # Errors
/// [`Error::Url`] for a URL that names no store, [`Error::NotBuilt`] for `s3://` in a build without the feature
/// `aws`, [`Error::Io`] or [`Error::Store`] if the store cannot be opened.
pub fn open(url: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let parsed = Url::parse(url).map_err(|error| reject(url, &error.to_string()))?;
    match parsed.scheme() {
        "file" => Ok(Arc::new(LocalStore::open(&local_root(&parsed)?)?)),
        #[cfg(feature = "aws")]
        "s3" => s3::open(&parsed),
        #[cfg(not(feature = "aws"))]
        "s3" => Err(Error::NotBuilt { url: url.to_owned() }),
        other => {
            let known = "use file:///absolute/path or s3://bucket/prefix";
            Err(reject(url, &format!("scheme {other:?} is not known; {known}")))
        }
    }
}

/// Removes what unfinished puts have left in the store at `url` and nobody has written since `before`, or only finds it.
/// Only a local store keeps such files; those of a bucket are for its lifecycle rules.
///
/// # Errors
/// [`Error::Url`] and [`Error::Io`], as [`open`].
pub fn sweep(url: &str, before: SystemTime, is_dry_run: bool) -> Result<Vec<AbandonedUpload>, Error> {
    let parsed = Url::parse(url).map_err(|error| reject(url, &error.to_string()))?;
    match parsed.scheme() {
        "file" => LocalStore::sweep(&local_root(&parsed)?, before, is_dry_run),
        _ => Ok(Vec::new()),
    }
}

fn local_root(url: &Url) -> Result<PathBuf, Error> {
    url.to_file_path().map_err(|()| reject(url.as_str(), "file URLs hold an absolute local path"))
}

fn reject(url: &str, reason: &str) -> Error {
    Error::Url { url: url.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_names_no_store_is_refused_with_what_would_do() {
        for bad in ["", "var/lake", "file://host/path", "ftp://x/y"] {
            assert!(matches!(open(bad), Err(Error::Url { .. })), "{bad:?}");
        }
        assert!(open("ftp://x/y").unwrap_err().to_string().contains("file:///absolute/path"));
    }

    #[cfg(not(feature = "aws"))]
    #[test]
    fn s3_without_the_feature_says_how_to_build_with_it() {
        let error = open("s3://bucket/prefix").unwrap_err();
        assert!(error.to_string().contains("--features objects/aws"), "{error}");
    }
}
