//! Uploads in parts. Parts wait as files in the daemon's own folder until the upload is completed: only then are they
//! read, in order, into one object, which becomes visible whole. They are no promise, and are not synced.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use s3s::crypto::{Checksum, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::body::BodyError;

/// An upload that nobody has completed after so long is given up, as a lifecycle rule of a bucket would do.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);
/// How often it is looked for such.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);
/// In the folder of an upload: what it is for.
const KEY_FILE: &str = "key";
/// S3 numbers parts from 1 to this.
const MAX_PART_NUMBER: i32 = 10_000;
const CHUNK_BYTES: usize = 256 << 10;

/// The uploads that have begun and not ended.
#[derive(Debug, Clone)]
pub(crate) struct Uploads {
    folder: PathBuf,
}

/// An upload that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfinished {
    pub(crate) id: String,
    /// What it is for.
    pub(crate) key: Option<String>,
    pub(crate) size_bytes: u64,
    /// When a part came last.
    pub(crate) modified: SystemTime,
}

/// A part that has been received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) size: u64,
    /// MD5 of its bytes, hexadecimal.
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    file: PathBuf,
}

impl Uploads {
    /// The uploads in `folder`, which is made if it does not exist.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Begins an upload to `key`; returns its id.
    pub(super) async fn begin(&self, key: &str) -> S3Result<String> {
        let id = Uuid::new_v4().simple().to_string();
        let folder = self.folder.join(&id);
        fs::create_dir(&folder).await.map_err(failed)?;
        fs::write(folder.join(KEY_FILE), key).await.map_err(failed)?;
        Ok(id)
    }

    /// Keeps a part, in the place of an earlier one of the same number.
    pub(super) async fn put_part(
        &self,
        id: &str,
        key: &str,
        number: i32,
        body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
        limit: u64,
    ) -> S3Result<Part> {
        if !(1..=MAX_PART_NUMBER).contains(&number) {
            let text = format!("parts are numbered from 1 to {MAX_PART_NUMBER}");
            return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text));
        }
        let folder = self.folder_of(id, key).await?;
        let partial = folder.join(format!("{}.partial", Uuid::new_v4().simple()));
        let received = receive(&partial, body, limit).await;
        let (etag, size) = match received {
            Ok(received) => received,
            Err(error) => {
                let _ = fs::remove_file(&partial).await; // swept with the upload, at the latest
                return Err(error);
            }
        };
        let earlier = self.parts(id, key).await?.remove(&number);
        let file = folder.join(format!("{number:05}-{etag}"));
        fs::rename(&partial, &file).await.map_err(failed)?;
        if let Some(earlier) = earlier.filter(|earlier| earlier.file != file) {
            fs::remove_file(earlier.file).await.map_err(failed)?;
        }
        Ok(Part { number, size, etag, modified: SystemTime::now(), file })
    }

    /// The parts of an upload that have been received, by number.
    pub(super) async fn parts(&self, id: &str, key: &str) -> S3Result<BTreeMap<i32, Part>> {
        let mut entries = fs::read_dir(self.folder_of(id, key).await?).await.map_err(failed)?;
        let mut parts = BTreeMap::new();
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((number, etag)) = name.split_once('-') else { continue };
            let Ok(number) = number.parse() else { continue };
            let metadata = entry.metadata().await.map_err(failed)?;
            let modified = metadata.modified().map_err(failed)?;
            let (size, etag, file) = (metadata.len(), etag.to_owned(), entry.path());
            parts.insert(number, Part { number, size, etag, modified, file });
        }
        Ok(parts)
    }

    /// Ends an upload and forgets its parts.
    pub(super) async fn end(&self, id: &str, key: &str) -> S3Result<()> {
        let folder = self.folder_of(id, key).await?;
        fs::remove_dir_all(folder).await.map_err(failed)
    }

    /// The folder of an upload to `key`.
    async fn folder_of(&self, id: &str, key: &str) -> S3Result<PathBuf> {
        // What is no id of ours could be a path to anywhere.
        let is_id = Uuid::try_parse(id).is_ok_and(|uuid| uuid.simple().to_string() == id);
        let folder = self.folder.join(id);
        match fs::read_to_string(folder.join(KEY_FILE)).await {
            Ok(for_key) if is_id && for_key == key => Ok(folder),
            Err(error) if is_id && error.kind() != ErrorKind::NotFound => Err(failed(error)),
            _ => Err(S3ErrorCode::NoSuchUpload.into()),
        }
    }

    /// Gives up uploads that are too old, now and every hour.
    pub(super) async fn sweep_forever(self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            ticks.tick().await;
            if let Err(error) = self.give_up(SystemTime::now() - MAX_AGE, false).await {
                tracing::warn!(%error, "old uploads remain");
            }
        }
    }

    /// Gives up the uploads to which nothing came since `before`, or only finds them.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(crate) async fn give_up(&self, before: SystemTime, is_dry_run: bool) -> io::Result<Vec<Unfinished>> {
        let mut entries = fs::read_dir(&self.folder).await?;
        let mut given_up = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            let modified = entry.metadata().await?.modified()?;
            if modified >= before {
                continue;
            }
            let key = fs::read_to_string(entry.path().join(KEY_FILE)).await.ok();
            let size_bytes = size_of(&entry.path()).await?;
            if !is_dry_run {
                fs::remove_dir_all(entry.path()).await?;
            }
            let id = entry.file_name().to_string_lossy().into_owned();
            given_up.push(Unfinished { id, key, size_bytes, modified });
        }
        Ok(given_up)
    }
}

/// The size of the files in a folder, bytes.
async fn size_of(folder: &Path) -> io::Result<u64> {
    let (mut entries, mut size) = (fs::read_dir(folder).await?, 0);
    while let Some(entry) = entries.next_entry().await? {
        size += entry.metadata().await?.len();
    }
    Ok(size)
}

/// Writes a body into a file; returns its MD5 and its size.
async fn receive(
    file: &PathBuf,
    body: impl Stream<Item = Result<Bytes, BodyError>> + Send,
    limit: u64,
) -> S3Result<(String, u64)> {
    let mut body = std::pin::pin!(body);
    let (mut file, mut md5, mut size) = (File::create_new(file).await.map_err(failed)?, Md5::new(), 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk
            .map_err(|error| super::error::upload_error("", false, objects::UploadError::Source(error)))?;
        size += chunk.len() as u64;
        if size > limit {
            return Err(S3ErrorCode::EntityTooLarge.into());
        }
        md5.update(&chunk);
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Ok((hex(&md5.finalize()), size))
}

/// The bytes of `parts`, one after the other.
pub(super) fn read_parts(parts: Vec<Part>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::iter(parts)
        .then(async |part| {
            Ok::<_, io::Error>(ReaderStream::with_capacity(File::open(part.file).await?, CHUNK_BYTES))
        })
        .try_flatten()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
fn failed(error: io::Error) -> S3Error {
    tracing::error!(%error, "the folder of uploads does not serve");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            let text = "the disk on which uploads wait is full; nothing was stored";
            S3Error::with_message(S3ErrorCode::ServiceUnavailable, text)
        }
        _ => S3ErrorCode::InternalError.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &'static str) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
        stream::iter([Ok(Bytes::from_static(text.as_bytes()))])
    }

    #[tokio::test]
    async fn parts_come_back_in_order_and_the_last_of_a_number_counts() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path().join("u")).unwrap();
        let id = uploads.begin("a/b").await.unwrap();
        for (number, text) in [(2, "two"), (1, "old"), (1, "one"), (1, "one")] {
            uploads.put_part(&id, "a/b", number, body(text), 10).await.unwrap();
        }
        let parts: Vec<Part> = uploads.parts(&id, "a/b").await.unwrap().into_values().collect();
        assert_eq!(parts.iter().map(|part| (part.number, part.size)).collect::<Vec<_>>(), [(1, 3), (2, 3)]);
        let bytes: Vec<Bytes> = std::pin::pin!(read_parts(parts)).try_collect().await.unwrap();
        assert_eq!(bytes.concat(), b"onetwo");
        uploads.end(&id, "a/b").await.unwrap();
        assert!(uploads.parts(&id, "a/b").await.is_err());
    }

    #[tokio::test]
    async fn upload_that_is_none_of_this_key_is_unknown_and_no_path_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path().join("u")).unwrap();
        let id = uploads.begin("a").await.unwrap();
        std::fs::write(folder.path().join("key"), "a").unwrap();
        for (id, key) in
            [(id.as_str(), "b"), ("..", "a"), ("", "a"), ("00000000000000000000000000000000", "a")]
        {
            let refused = uploads.parts(id, key).await.unwrap_err();
            assert_eq!(*refused.code(), S3ErrorCode::NoSuchUpload, "{id:?}");
        }
        assert!(uploads.put_part(&id, "a", 0, body("x"), 10).await.is_err());
        assert!(uploads.put_part(&id, "a", 1, body("too long"), 3).await.is_err());
        assert!(uploads.parts(&id, "a").await.unwrap().is_empty());
        assert_eq!(
            std::fs::read_dir(folder.path().join("u").join(&id)).unwrap().count(),
            1,
            "no partial file"
        );
    }

    #[tokio::test]
    async fn uploads_to_which_nothing_came_for_long_are_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path().join("u")).unwrap();
        let id = uploads.begin("a").await.unwrap();
        let began = SystemTime::now();
        assert_eq!(uploads.give_up(began - MAX_AGE, false).await.unwrap(), []);
        assert!(uploads.parts(&id, "a").await.is_ok());
        let found = uploads.give_up(began + MAX_AGE, true).await.unwrap();
        assert_eq!(
            (found[0].id.as_str(), found[0].key.as_deref(), found[0].size_bytes),
            (id.as_str(), Some("a"), 1)
        );
        assert!(uploads.parts(&id, "a").await.is_ok(), "a dry run deletes nothing");
        assert_eq!(uploads.give_up(began + MAX_AGE, false).await.unwrap(), found);
        assert!(uploads.parts(&id, "a").await.is_err());
    }
}
