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
