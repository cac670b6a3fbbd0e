//! Wire types of the playbook memory of `matrixd`: what worked for a query, and whether remembering it helps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The index of `vectord` that remembers what worked; dropping it loses nothing that `pathwayd` does not keep.
pub const PLAYBOOK_INDEX: &str = "playbook_memory";
/// The tag under which `pathwayd` keeps the durable record of a playbook.
pub const PLAYBOOK_TAG: &str = "playbook";
/// The most tags of one recording.
pub const MAX_TAGS: usize = 32;
/// The most recordings on one page.
pub const MAX_PAGE: usize = 1000;
/// The most judged queries in one evaluation.
pub const MAX_JUDGED: usize = 50_000;
/// The most bootstrap samples of one evaluation.
pub const MAX_RESAMPLES: usize = 10_000;

/// How recordings near a query are weighed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The recorded score, as the predecessor did it: the best of each answer counts.
    #[default]
    Direct,
    /// The lower bound of what all outcomes near the query prove: see `docs/decisions/0051-evidence.md`.
    Evidence,
}

/// `POST /matrix/playbooks/record`: this answer worked (or did not) for this query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRequest {
    /// The query as it was searched for.
    pub query_text: String,
    /// The corpus that holds the answer.
    pub corpus: String,
    /// Id of the item that was acted upon.
    pub answer_id: String,
    /// How well it worked, 0 (not at all: it boosts nothing, and counts against) to 1.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub score: f64,
    /// The role that the recording is for; a search for another role is never touched by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Who recorded it; under policy `evidence` each actor has one vote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Labels to list by, up to [`MAX_TAGS`] of 128 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// From when on it no longer counts; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When the outcome was seen; now, if absent. Imports set it, and evidence ages by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
}

/// The answer of `POST /matrix/playbooks/record`: the record is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordResponse {
    /// Id of the recording, the same for the same `Idempotency-Key`.
    pub playbook_id: String,
    /// Whether searches see it already; if not, it is indexed later.
    pub indexed: bool,
}

/// One recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Playbook {
    /// Id of the recording.
    pub playbook_id: String,
    /// What was recorded; `recorded_at` is always there.
    #[serde(flatten)]
    pub recording: RecordRequest,
}

/// `GET /matrix/playbooks`: a page of the durable log, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPlaybooks {
    /// How many at most, 1 to 1,000; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Uuid>,
    /// Only those for this role, trimmed and case-folded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Only those with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// The answer of `GET /matrix/playbooks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlaybookList {
    /// Recordings of this page.
    pub playbooks: Vec<Playbook>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

/// The answer of `POST /matrix/playbooks/rebuild`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildResponse {
    /// Recordings that the index holds again.
    pub indexed: u64,
    /// Entries of the log that are no playbooks, or have expired, and were passed over.
    pub skipped: u64,
}

/// The answer of `POST /matrix/playbooks/import`, whose body has a [`RecordRequest`] or a [`Playbook`] on each line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Lines that are recorded now, those of an earlier import of the same lines included.
    pub recorded: u64,
    /// Those of them that searches see already; the others are indexed later.
    pub indexed: u64,
    /// Lines that were refused.
    pub rejected: u64,
    /// The first hundred of those.
    pub rejects: Vec<RejectedLine>,
}

/// A line of an import that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectedLine {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// `POST /matrix/playbooks/evaluate`: do playbooks help the searches of this judged set?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest {
    /// The corpus to search.
    pub corpus: String,
    /// Queries and their right answers, up to [`MAX_JUDGED`].
    pub judged: Vec<JudgedQuery>,
    /// How deep results are judged.
    #[serde(default = "default_depth")]
    pub depth: usize,
    /// The policy to judge; the configured one if absent. Searches of others are not touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Bootstrap samples behind the interval, up to [`MAX_RESAMPLES`].
    #[serde(default = "default_resamples")]
    pub resamples: usize,
    /// The same seed draws the same samples.
    #[serde(default)]
    pub seed: u64,
    /// Whether the answer has the figures of each query.
    #[serde(default)]
    pub each: bool,
}

const fn default_depth() -> usize {
    10
}

const fn default_resamples() -> usize {
    1000
}

/// A query whose right answers are known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgedQuery {
    /// The query.
    pub query_text: String,
    /// The role that is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Item ids and how relevant each is; 0 is not relevant, and what is not named counts as that.
    pub relevant: BTreeMap<String, f64>,
}

/// The answer of `POST /matrix/playbooks/evaluate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evaluation {
    /// The policy that was judged.
    pub policy: Policy,
    /// How deep results were judged.
    pub depth: usize,
    /// Queries that were judged.
    pub queries: usize,
    /// Queries without a relevant answer, which cannot be judged.
    pub skipped: usize,
    /// Means of the searches without playbooks.
    pub cold: Quality,
    /// Means of the same searches with them.
    pub warm: Quality,
    /// Mean gain in nDCG.
    pub uplift: f64,
    /// 95 % interval of `uplift`, from a paired bootstrap over the queries.
    pub uplift_95: [f64; 2],
    /// The part of the queries that playbooks made better, by nDCG.
    pub help_rate: f64,
    /// The part of the queries that playbooks made worse, by nDCG.
    pub harm_rate: f64,
    /// Milliseconds.
    pub took_ms: f64,
    /// The figures of each judged query, if asked for, in the order of the request; `null` where it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Vec<Option<ColdAndWarm>>>,
}

/// Quality of one ranking, or means of many; 0 to 1, higher is better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quality {
    /// Normalised discounted cumulative gain at the depth judged, as `trec_eval` computes it.
    pub ndcg: f64,
    /// One by the rank of the first relevant answer; over many queries, MRR.
    pub reciprocal_rank: f64,
    /// The part of the relevant answers that came.
    pub recall: f64,
}

/// Both rankings of one query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColdAndWarm {
    /// Without playbooks.
    pub cold: Quality,
    /// With them.
    pub warm: Quality,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exported_playbook_is_a_line_that_an_import_takes() {
        let line = json!({"playbook_id": "p1", "query_text": "forklift", "corpus": "workers", "answer_id": "1",
                          "score": 0.5, "tags": ["spring"], "recorded_at": "2026-11-26T10:00:00Z"});
        let playbook: Playbook = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(serde_json::to_value(&playbook).unwrap(), line);
    }

    #[test]
    fn misspelt_field_of_a_recording_is_refused() {
        let body =
            json!({"query_text": "q", "corpus": "c", "answer_id": "1", "score": 1, "expires": "never"});
        assert!(serde_json::from_value::<RecordRequest>(body).is_err());
    }
}
