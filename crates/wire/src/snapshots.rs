//! Wire types of `vectord`: indexes kept as objects of `storaged`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /vectors/index/{name}/snapshot`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeSnapshot {
    /// The object to write; `snapshots/{name}/{time}.lhvec` if absent. An object of this key is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Answer to [`TakeSnapshot`]: the object is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The index that it holds.
    pub index: String,
    /// The object.
    pub key: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Live items in it.
    pub count: usize,
    /// The version of the index that it holds: all changes up to it, and none after.
    pub version: u64,
}

/// Body of `POST /vectors/index/{name}/restore`: the index must not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreSnapshot {
    /// The object that a snapshot was written to, of an index of whatever name.
    pub key: String,
}
