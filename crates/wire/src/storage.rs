//! Wire types of `storaged`. Objects and their listing.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most objects that one listing answers with.
pub const MAX_LIST_LIMIT: u32 = 10_000;
/// How many it answers with unless asked for another number.
pub const DEFAULT_LIST_LIMIT: u32 = 1_000;

/// Query of `GET /storage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListObjects {
    /// Only keys that begin with this text, which may end anywhere; all keys if empty.
    #[serde(default)]
    pub prefix: String,
    /// Only keys after this one: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most this many objects, 1 to 10,000; 1,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 10_000)]
    pub limit: Option<u32>,
}

/// Answer of `GET /storage`: a page of objects in the byte order of their keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectList {
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// What to pass as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Its size, bytes.
    pub size: u64,
    /// Its entity tag, quoted as in the `ETag` header.
    pub etag: String,
    /// When it was last written, RFC 3339.
    pub modified: String,
}

/// Answer of `PUT /storage/{key}`: the object is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// Its entity tag, quoted as in the `ETag` header.
    pub etag: String,
}

/// Body of `POST /storage/.lakehouse/gc`; no object can have that key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CollectGarbage {
    /// What was written within so many seconds stays; a day if absent, at least an hour.
    pub older_than_s: Option<u64>,
    /// Whether to say only what would be deleted.
    pub dry_run: bool,
}

/// Answer of `POST /storage/.lakehouse/gc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CollectedGarbage {
    /// Whether nothing was deleted.
    pub dry_run: bool,
    /// How many uploads were given up.
    pub upload_count: usize,
    /// Their size, bytes.
    pub size_bytes: u64,
    /// The first hundred of them, oldest first.
    pub uploads: Vec<UnfinishedUpload>,
}

/// An upload that nobody has finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnfinishedUpload {
    /// How it was begun.
    pub kind: UploadKind,
    /// Under which name it waits.
    pub id: String,
    /// The object that it would have become; unknown of a put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its size so far, bytes.
    pub size_bytes: u64,
    /// When it was last written, milliseconds since the Unix epoch.
    pub modified_ms: i64,
}

/// How an upload was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadKind {
    /// By a put whose process has died.
    Put,
    /// By S3's upload in parts, neither completed nor aborted.
    Multipart,
}
