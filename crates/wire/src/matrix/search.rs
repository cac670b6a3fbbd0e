//! Search over corpora, and what each step of one did.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::default_k;
use crate::metadata::RawObject;
#[cfg(doc)]
use crate::playbooks::PLAYBOOK_INDEX;
use crate::playbooks::Policy;

/// `POST /matrix/search`: the nearest items over several corpora, moved by what worked before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// The text to search for; exactly one of this and `query_vector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_text: Option<String>,
    /// The vector to search for, of the corpora's dimension; exactly one of this and `query_text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_vector: Option<Vec<f32>>,
    /// Names of the corpora, 1 to [`MAX_CORPORA`], all of one dimension and one distance.
    pub corpora: Vec<String>,
    /// How many results, 1 to [`crate::names::MAX_K`].
    #[serde(default = "default_k")]
    pub k: usize,
    /// Filter on item metadata, as `vectord` takes it: `{"years":{"gte":5},"state":{"in":["TX","OK"]}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// Ids that must not come back, whatever the corpus.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_ids: Vec<String>,
    /// Whose playbooks may act: those recorded for the same role (trimmed, case-folded). It never filters items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether recorded playbooks boost and inject.
    #[serde(default)]
    pub use_playbook: bool,
    /// Whether the answer says what each hop did and cost.
    #[serde(default)]
    pub explain: bool,
    /// Whether the answer may be one that `matrixd` gave before to the same request. It is served again only after
    /// `vectord` has said that no index that it was made of, the playbook memory included, has changed since; so what
    /// was acknowledged before this request is in the answer, as without the cache. Pays off where requests repeat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub use_result_cache: bool,
}

/// The answer of `POST /matrix/search`, nearest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// At most `k` items over all corpora, by ascending `distance`, ties by corpus and id.
    pub results: Vec<Hit>,
    /// How many of `results` are boosted.
    pub boosted: usize,
    /// How many of `results` are injected.
    pub injected: usize,
    /// Time from request to answer inside `matrixd`, in milliseconds.
    pub took_ms: f64,
    /// What each hop did and cost, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
}

/// One item found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// Id of the item in its corpus.
    pub id: String,
    /// The corpus that holds the item.
    pub corpus: String,
    /// What the result is ranked by: `base_distance`, times `1 - 0.5 * score` if boosted or injected.
    pub distance: f32,
    /// The item's true distance to this query.
    pub base_distance: f32,
    /// It was among the nearest anyway, and a playbook drew it nearer.
    pub boosted: bool,
    /// It is here because of a playbook alone.
    pub injected: bool,
    /// The item's metadata.
    #[serde(default)]
    pub metadata: RawObject,
}

/// What a search did on its way, and what each step cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explain {
    /// The answer is one given before: what follows says how it was found then, and costs nothing now.
    #[serde(default)]
    pub cached: bool,
    /// The cache of answers; absent without `use_result_cache`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_cache: Option<ResultCacheHop>,
    /// The query's way to a vector; absent if the caller brought one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed: Option<EmbedHop>,
    /// The one call of `vectord` for all corpora and the playbook.
    pub retrieval: RetrievalHop,
    /// The learning loop; absent without `use_playbook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookHop>,
    /// Merge, sort and cut, in milliseconds.
    pub merge_ms: f64,
}

/// The result cache's part in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultCacheHop {
    /// What it had.
    pub outcome: CacheOutcome,
    /// Milliseconds that it took to learn whether anything has changed, a call of `vectord` included; 0 on a miss.
    pub check_ms: f64,
    /// No call was needed: `vectord` had given its word that nothing changes for a little longer.
    pub leased: bool,
}

/// What the result cache had for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheOutcome {
    /// An answer, and nothing that it was made of has changed.
    Hit,
    /// No answer.
    Miss,
    /// An answer that something has changed since.
    Stale,
}

/// `embedd`'s part in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbedHop {
    /// Milliseconds, close to nothing when cached.
    pub took_ms: f64,
    /// The vector was in `matrixd`'s cache and `embedd` was not asked.
    pub cached: bool,
    /// The model that made the vector.
    pub model: String,
    /// Length of the vector.
    pub dimension: usize,
}

/// `vectord`'s part in an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrievalHop {
    /// Milliseconds of the batch call, over the wire and back.
    pub took_ms: f64,
    /// One entry a corpus, in the order of the request.
    pub indexes: Vec<IndexHop>,
    /// The playbook memory, asked in the same call; absent without `use_playbook`, or if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<IndexHop>,
}

/// One corpus' part in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IndexHop {
    /// Name of the corpus.
    pub corpus: String,
    /// Version of the index that answered.
    pub version: u64,
    /// How many candidates it gave.
    pub candidates: usize,
    /// Whether every eligible item was compared with the query; otherwise a graph led to the nearest.
    pub exact: bool,
    /// Milliseconds that the index computed, of those of the call.
    pub took_ms: f64,
}

/// The learning loop's part in an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlaybookHop {
    /// Milliseconds that vectord computed the distances of recorded answers, within the one call of the search.
    pub took_ms: f64,
    /// How recordings were weighed.
    pub policy: Policy,
    /// The query is in the control slice (`playbook.holdout`): playbooks were left out of the answer.
    pub held_out: bool,
    /// Whether the index [`PLAYBOOK_INDEX`] exists.
    pub memory_exists: bool,
    /// Why the memory was not used, if it could not be: the search is answered all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// Recordings of the same role within `max_distance` of the query, at most `playbook.neighbours`.
    pub neighbours: usize,
    /// Those of them that count, and for one of the corpora asked.
    pub entries: usize,
    /// The distance beyond which a recording does not count.
    pub max_distance: f32,
    /// Answers that were fetched because they were not among the nearest.
    pub fetched: usize,
    /// Ids of the recordings that moved something in the results.
    pub playbook_ids: Vec<String>,
    /// Ids of recordings that do not act because later outcomes contradict them; policy `evidence` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn search_request_defaults_to_ten_results_without_playbook() {
        let body = json!({"query_text": "forklift", "corpora": ["workers"]});
        let request: SearchRequest = serde_json::from_value(body).unwrap();
        assert_eq!((request.k, request.use_playbook, request.explain), (10, false, false));
    }

    #[test]
    fn misspelt_field_is_refused() {
        let body = json!({"query_text": "forklift", "corpora": ["workers"], "use_playbooks": true});
        assert!(serde_json::from_value::<SearchRequest>(body).is_err());
    }
}
