//! Wire types of `pathwayd`. The durable log of what worked: how a goal was reached, step by step, and how well.
//!
//! A pathway has an id for life and a version for every revision; what an older version said stays readable in its
//! history. Retiring one takes it out of searches and lists, and keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The longest goal, bytes of UTF-8.
pub const MAX_GOAL_BYTES: usize = 4096;
/// The most steps of one pathway.
pub const MAX_STEPS: usize = 256;
/// The most tags of one pathway.
pub const MAX_TAGS: usize = 64;
/// The longest tag or role, bytes of UTF-8.
pub const MAX_TAG_BYTES: usize = 128;
/// The largest content as a whole, bytes of its JSON.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;
/// The longest reason for a revision, bytes of UTF-8.
pub const MAX_REASON_BYTES: usize = 4096;
/// The longest search query, bytes of UTF-8.
pub const MAX_QUERY_BYTES: usize = 1024;
/// The most pathways that one list or search returns.
pub const MAX_LIMIT: u32 = 1000;
/// How many a list or search returns when it is not told.
pub const DEFAULT_LIMIT: u32 = 100;

/// What a pathway says, at most 256 KiB of JSON: the body of `POST /pathways`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// What was to be reached, 1 to 4,096 bytes.
    pub goal: String,
    /// For whom it counts; trimmed and case-folded where roles are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// How it was reached, in order: up to 256 JSON values, texts or objects.
    #[serde(default)]
    pub steps: Vec<Value>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// How well it worked, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub score: Option<f64>,
    /// Labels to list and filter by, up to 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where it comes from: who recorded it, from which request, with which model.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub provenance: Map<String, Value>,
}

/// Answer to add, revise and retire: what the pathway is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// The pathway, a version 7 UUID: ids sort by the time of their creation.
    pub id: Uuid,
    /// Its version after the write, from 1.
    pub version: u64,
}

/// One version of a pathway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pathway {
    /// The pathway.
    pub id: Uuid,
    /// This version of it, from 1.
    pub version: u64,
    /// Whether it is in use.
    pub state: State,
    /// When version 1 was written.
    pub created: Timestamp,
    /// When this version was written.
    pub updated: Timestamp,
    /// Why this version was written, if its author said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What this version says.
    #[serde(flatten)]
    pub content: Content,
}

/// Whether a pathway is in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Listed and searched.
    #[default]
    Active,
    /// Kept, readable by id, neither listed nor searched.
    Retired,
}

/// Body of `POST /pathways/{id}/revise`: a new version that replaces the content as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revise {
    /// The version that the author read; 409 if there is a newer one by now. Absent: whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the pathway says from now on.
    pub content: Content,
}

/// Body of `POST /pathways/{id}/retire`; `{}` will do. Retiring what is retired changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// As in [`Revise`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Query of `GET /pathways`: active pathways, oldest first, so that a reader who keeps `next` misses none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only those for this role, compared trimmed and case-folded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Only those after this id: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Uuid>,
    /// At most so many, 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer to `GET /pathways`: at most `limit` of them, fewer if they are large, so look for `next`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page {
    /// In the order of their creation.
    pub pathways: Vec<Pathway>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

/// Query of `GET /pathways/{id}/history`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Only those after this version: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many, 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer to `GET /pathways/{id}/history`: at most `limit` of them, fewer if they are large, so look for `next`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// Versions, oldest first.
    pub versions: Vec<Pathway>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Body of `POST /pathways/search`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Words to look for in goal, tags and steps, 1 to 1,024 bytes. Plain words: there is no query syntax.
    pub query: String,
    /// Only those for this role, compared trimmed and case-folded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Only those with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// At most so many (fewer if they are large), 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One pathway that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// BM25 relevance, higher is better; comparable within one answer only.
    pub relevance: f64,
    /// What was found.
    #[serde(flatten)]
    pub pathway: Pathway,
}

/// Answer to `POST /pathways/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Best first.
    pub results: Vec<Hit>,
}
