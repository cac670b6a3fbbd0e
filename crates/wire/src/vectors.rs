//! Wire types of `vectord`. Vector indexes: create, add, delete, search.
//!
//! A vector travels as `vector`, an array of numbers, or as `vector_b64`, [packed](crate::packed): a third of the
//! bytes, and far cheaper to read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::Problem;
use crate::metadata::RawObject;
use crate::packed::unpack;

/// How far apart two vectors are; smaller is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// `1 - cos(a, b)`, from 0 to 2. Vectors are stored with unit length.
    #[default]
    Cosine,
    /// `-(a . b)`.
    Dot,
    /// `|a - b|`, not squared.
    Euclidean,
}

/// Body of `POST /vectors/index`: 201 if it is new, 200 if the same exists, 409 if another of this name does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIndex {
    /// See [`check_name`](crate::names::check_name).
    pub name: String,
    /// Numbers per vector, 1 to 16,384.
    pub dimension: usize,
    /// How distances are measured.
    #[serde(default)]
    pub distance: Distance,
}

/// What an index is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndexStatus {
    /// Nothing in the background.
    Ready,
    /// It is compacted, or its graph is built, while it serves reads and writes.
    Building,
}

/// Answer of `GET /vectors/index/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Numbers per vector.
    pub dimension: usize,
    /// How distances are measured.
    pub distance: Distance,
    /// Live items.
    pub count: usize,
    /// Raised by every change.
    pub version: u64,
    /// What it is busy with.
    pub status: IndexStatus,
    /// Those of the live items that are in segment files; a restart replays the others from the log.
    pub sealed: usize,
    /// Segment files.
    pub segments: usize,
    /// Items that the graph covers, dead ones among them; 0 while every search is an exact scan.
    pub indexed: usize,
    /// Items written after the graph was built, or all where there is none: found at once, by scan.
    pub buffered: usize,
    /// Deleted and replaced items whose space the next compaction frees.
    pub dead: usize,
    /// Items that the graph's links do not lead to: found by scan.
    pub unreachable: usize,
    /// Size of the write-ahead log, bytes.
    pub wal_bytes: u64,
}

/// An index whose files failed a check. It answers 503 and can be dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedIndex {
    /// Its name.
    pub name: String,
    /// Which check failed, and where.
    pub reason: String,
}

/// Answer of `GET /vectors/index`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexList {
    /// Those that serve, by name.
    pub indexes: Vec<IndexInfo>,
    /// Those that do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<QuarantinedIndex>,
}

/// An item on its way in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// See [`check_id`](crate::names::check_id). An item of the same id is replaced.
    pub id: String,
    /// `[dimension]`, finite, and not zero under cosine. Either this or `vector_b64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// The same, packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_b64: Option<String>,
    /// Any JSON object; filters look at its top-level keys.
    #[serde(default, skip_serializing_if = "RawObject::is_empty")]
    pub metadata: RawObject,
    /// Seconds after which the item is gone, 1 to 315,360,000 (ten years); absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub ttl_s: Option<u64>,
}

/// Body of `POST /vectors/index/{name}/add`: all items are stored, or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItems {
    /// Of several with the same id, the last stays.
    pub items: Vec<NewItem>,
}

/// The longest [`NewItem::ttl_s`]: ten years.
pub const MAX_TTL_S: u64 = 315_360_000;

/// Query of `POST /vectors/index/{name}/add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AddOptions {
    /// `false`: answer 202 as soon as the items are on disk, although searches may see them only a moment later.
    #[serde(default = "is_waited_for")]
    pub wait: bool,
}

fn is_waited_for() -> bool {
    true
}

/// Answer to [`AddItems`] with `wait=false`: the items are on disk. Searches see them once the index's version, as
/// [`IndexInfo`] and answers to searches tell it, has reached this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// How many items.
    pub accepted: usize,
    /// The index's version with them.
    pub version: u64,
}

/// Answer to [`AddItems`]: the items are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Added {
    /// Items that were not there before.
    pub added: usize,
    /// Items that replaced one of the same id.
    pub updated: usize,
    /// The index's version after this change.
    pub version: u64,
}

/// Body of `POST /vectors/index/{name}/delete`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteItems {
    /// Ids without an item are passed over.
    pub ids: Vec<String>,
}

/// Answer to [`DeleteItems`]: the deletion is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// Items that were there.
    pub deleted: usize,
    /// The index's version after this change.
    pub version: u64,
}

/// Answer of `GET /vectors/index/{name}/items/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredItem {
    /// Its id.
    pub id: String,
    /// As stored: of unit length under cosine.
    pub vector: Vec<f32>,
    /// As given.
    pub metadata: RawObject,
    /// When it will be gone; absent if it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<jiff::Timestamp>,
}

/// Body of `POST /vectors/index/{name}/search`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// What to search for, `[dimension]`. Either this or `vector_b64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// The same, packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_b64: Option<String>,
    /// How many results, 1 to 10,000.
    pub k: usize,
    /// Only items that are not farther than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_distance: Option<f32>,
    /// Condition on metadata: `{"role":"Welder","years":{"gte":5},"any":[{"state":"TX"},{"not":{"remote":true}}]}`.
    /// Keys are AND; operators are eq ne in nin gt gte lt lte exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Only these, as far as they exist; absent: all. For the distances of known items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Never these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_ids: Vec<String>,
    /// Compare with every item, even where there is a graph.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// How many candidates a graph search keeps, 1 to 10,000: more find more and take longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef: Option<usize>,
    /// Of results that are about the same thing, return one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collapse: Option<Collapse>,
}

/// Of the `k` nearest, those with equal metadata under all of `keys` become one: that with the greatest number under `keep`,
/// of several the nearest. So a search brings fewer than `k`, and all that there is to say about each thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Collapse {
    /// Keys of the metadata, 1 to 8. A key that is missing is equal to one that is missing.
    pub keys: Vec<String>,
    /// The key of a number; without one, a result is less than any with one.
    pub keep: String,
}

/// The most [`Collapse::keys`].
pub const MAX_COLLAPSE_KEYS: usize = 8;

/// One of several searches: [`Search`] and which index it is for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexSearch {
    /// The index.
    pub index: String,
    /// See [`Search::vector`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// See [`Search::vector_b64`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_b64: Option<String>,
    /// See [`Search::k`].
    pub k: usize,
    /// See [`Search::max_distance`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_distance: Option<f32>,
    /// See [`Search::filter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// See [`Search::ids`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// As `ids`: those that an earlier search of the same body names in what it finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids_from: Option<IdsFrom>,
    /// See [`Search::exclude_ids`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_ids: Vec<String>,
    /// See [`Search::exact`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// See [`Search::ef`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef: Option<usize>,
    /// See [`Search::collapse`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collapse: Option<Collapse>,
}

/// Ids that stand in the metadata of what another search finds: from recordings of outcomes to the items that they name, without
/// a second call. What names none, or failed, names none: nothing is found then.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdsFrom {
    /// The search, by its place in the body, from 0; before the one that refers to it.
    pub search: usize,
    /// The key of the metadata whose text is an id.
    pub key: String,
    /// Only of hits whose metadata match, as [`Search::filter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
}

impl IndexSearch {
    /// The index, what to search it for, and where the ids come from.
    pub fn split(self) -> (String, Search, Option<IdsFrom>) {
        let Self {
            index,
            vector,
            vector_b64,
            k,
            max_distance,
            filter,
            ids,
            ids_from,
            exclude_ids,
            exact,
            ef,
            collapse,
        } = self;
        let search =
            Search { vector, vector_b64, k, max_distance, filter, ids, exclude_ids, exact, ef, collapse };
        (index, search, ids_from)
    }
}

/// Body of `POST /vectors/search` for several searches, perhaps of several indexes, at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchSearch {
    /// At most 100.
    pub searches: Vec<IndexSearch>,
}

/// The most searches in one [`BatchSearch`].
pub const MAX_BATCH_SEARCHES: usize = 100;

/// One result of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The item.
    pub id: String,
    /// Its distance to the vector searched for.
    pub distance: f32,
    /// The item's metadata.
    #[serde(default)]
    pub metadata: RawObject,
}

/// Answer to [`Search`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchAnswer {
    /// At most `k`, nearest first, equal distances by id.
    pub results: Vec<SearchHit>,
    /// The version of the index that was searched.
    pub version: u64,
}

/// Which state of an index one of several searches saw, and what it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Searched {
    /// See [`IndexVersion::incarnation`].
    pub incarnation: String,
    /// What the distances are.
    pub distance: Distance,
    /// Milliseconds until the first of the results expires; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// Whether every eligible item was compared with the vector: a small index, a narrow filter, or `exact`.
    pub exact: bool,
    /// How many of the nearest [`Search::collapse`] left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub collapsed: usize,
    /// Milliseconds that the search computed.
    pub took_ms: f64,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Answer to one of several searches: as [`SearchAnswer`], or why that one failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// Empty if it failed.
    #[serde(default)]
    pub results: Vec<SearchHit>,
    /// 0 if it failed.
    #[serde(default)]
    pub version: u64,
    /// Absent if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<Searched>,
    /// Why it failed: the other searches are answered all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Answer to [`BatchSearch`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswers {
    /// In the order of the searches.
    pub answers: Vec<BatchAnswer>,
}

/// Body of `POST /vectors/versions`: has anything changed since an answer? Far cheaper than a search.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetVersions {
    /// Names of indexes, at most 100.
    pub indexes: Vec<String>,
    /// Whether the versions are asked for to rely on them a little longer: see [`IndexVersion::lease_ms`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lease: bool,
}

/// The state of one index. As long as incarnation and version are those of an earlier answer, no item of the index has
/// been added, replaced or deleted since; items that expire leave without it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexVersion {
    /// The index.
    pub index: String,
    /// Of which making of the index `version` counts the changes: another one after the index was dropped and created
    /// again, or restored, and after a restart of `vectord`. Absent: there is no such index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// Raised by every change; 0 without an index.
    pub version: u64,
    /// For so many milliseconds after the request was sent, no change of the index is acknowledged to anybody. Absent if it
    /// was not asked for, if the index has just changed, or if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// Why it cannot say: the index is quarantined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Answer to [`GetVersions`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexVersions {
    /// In the order of the request. All that was acknowledged before the request is in it.
    pub versions: Vec<IndexVersion>,
}

/// The vector of a request that gives it in one of two ways.
///
/// # Errors
/// A sentence for the `detail` of a 400, if it is given in none or in both, or cannot be unpacked.
pub fn either_vector(vector: Option<Vec<f32>>, vector_b64: Option<&str>) -> Result<Vec<f32>, String> {
    match (vector, vector_b64) {
        (Some(vector), None) => Ok(vector),
        (None, Some(packed)) => unpack(packed),
        (None, None) => Err("a vector is missing: give vector or vector_b64".to_owned()),
        (Some(_), Some(_)) => Err("give vector or vector_b64, not both".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::packed::pack;

    #[test]
    fn shapes_are_those_that_scripts_rely_on() {
        let create: CreateIndex = serde_json::from_value(json!({"name": "w", "dimension": 3})).unwrap();
        assert_eq!(create.distance, Distance::Cosine);
        let search = json!({"vector": [1.0, 2.0], "k": 3, "exclude_ids": ["a"], "exact": true, "ef": 99});
        let parsed: Search = serde_json::from_value(search.clone()).unwrap();
        assert_eq!(serde_json::to_value(parsed).unwrap(), search);
        assert!(serde_json::from_value::<Search>(json!({"vector": [1.0], "K": 3})).is_err());
        let answer = SearchAnswer {
            results: vec![SearchHit { id: "a".to_owned(), distance: 0.5, metadata: RawObject::default() }],
            version: 7,
        };
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({"results": [{"id": "a", "distance": 0.5, "metadata": {}}], "version": 7})
        );
    }

    #[test]
    fn vector_comes_in_exactly_one_of_two_ways() {
        assert_eq!(either_vector(Some(vec![1.0]), None), Ok(vec![1.0]));
        assert_eq!(either_vector(None, Some(&pack(&[1.0, -2.5]))), Ok(vec![1.0, -2.5]));
        assert!(either_vector(None, None).unwrap_err().contains("missing"));
        assert!(either_vector(Some(vec![1.0]), Some("")).unwrap_err().contains("not both"));
        assert!(either_vector(None, Some("####")).is_err());
    }
}
