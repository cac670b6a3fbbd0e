//! Wire types of `matrixd`: search over corpora, playbooks, validators, retrieve.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::metadata::RawObject;
#[cfg(doc)]
use crate::playbooks::PLAYBOOK_INDEX;
use crate::playbooks::Policy;

/// The most corpora that one search asks at once.
pub const MAX_CORPORA: usize = 32;
/// The longest text that is searched for or recorded: as long as the goal of a pathway.
pub const MAX_QUERY_TEXT_BYTES: usize = 4096;

const fn default_k() -> usize {
    10
}

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

/// `POST /matrix/retrieve`: rows of a lake table that satisfy `where`, nearest to the query first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrieveRequest {
    /// The text to search for.
    pub query_text: String,
    /// A corpus whose table and id column are configured.
    pub corpus: String,
    /// One SQL boolean expression over the table's columns, such as `years >= 5 AND state = 'TX'`; all rows if absent.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The columns to return; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// How many rows, 1 to [`crate::names::MAX_K`].
    #[serde(default = "default_k")]
    pub k: usize,
    /// Whether the answer says what each hop did and cost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
}

/// The answer of `POST /matrix/retrieve`, nearest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrieveResponse {
    /// Names of the columns returned.
    pub columns: Vec<String>,
    /// At most `k` rows.
    pub rows: Vec<RetrievedRow>,
    /// How the answer was found.
    pub plan: Plan,
    /// What each hop did and cost, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<RetrieveExplain>,
}

/// What a retrieve did on its way, and what each step cost. Embedding and the first ids are asked for at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrieveExplain {
    /// The query's way to a vector.
    pub embed: EmbedHop,
    /// `queryd`: ids of rows that satisfy the condition.
    pub ids: SqlHop,
    /// `vectord`: the nearest items, of those rows or of all.
    pub vectors: VectorHop,
    /// `queryd`: the columns of candidates that satisfy the condition, all columns in one statement.
    pub values: SqlHop,
    /// What either plan was expected to cost.
    pub estimates: Estimates,
    /// Milliseconds in all.
    pub took_ms: f64,
}

/// `queryd`'s part in a retrieve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlHop {
    /// Statements: one, or more where their text would grow too long.
    pub statements: u64,
    /// Rows that they gave.
    pub rows: u64,
    /// Milliseconds, over the wire and back.
    pub took_ms: f64,
}

/// `vectord`'s part in a retrieve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VectorHop {
    /// Searches, one after the other.
    pub searches: u64,
    /// Items that they gave, those given again by a wider search counted again.
    pub candidates: u64,
    /// Whether every eligible item was compared with the query in each of them.
    pub exact: bool,
    /// Milliseconds that the index computed, of `took_ms`.
    pub computed_ms: f64,
    /// Milliseconds, over the wire and back.
    pub took_ms: f64,
}

/// What the plan was chosen by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Estimates {
    /// Items of the index.
    pub items: u64,
    /// Rows that satisfy the condition.
    pub matching_rows: u64,
    /// There are at least so many: counting ended there.
    pub is_lower_bound: bool,
    /// Ids of matching rows restrict the vector search.
    pub sql_first: Estimate,
    /// The nearest items are taken, and SQL keeps those that match.
    pub vectors_first: Estimate,
}

/// What one plan moves between the daemons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    /// Ids that restrict the vector search.
    pub ids_to_vectord: u64,
    /// Ids whose rows are read.
    pub ids_to_queryd: u64,
}

/// One row that satisfies the condition, with its distance to the query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrievedRow {
    /// Id of the item, the value of the table's id column.
    pub id: String,
    /// Distance of the item to the query.
    pub distance: f32,
    /// Column name to value.
    pub values: BTreeMap<String, Value>,
}

/// How a retrieve was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Which side went first.
    pub strategy: Strategy,
    /// Rows that satisfy the condition, as far as counting was needed.
    pub matching_rows: u64,
    /// Vector candidates that were looked at.
    pub candidates: u64,
    /// The lake table that was read.
    pub table: String,
}

/// Which side of a retrieve goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Few rows match: their ids restrict the vector search.
    SqlFirst,
    /// Many rows match: the nearest items are taken first, and SQL keeps those that match.
    VectorsFirst,
}

/// `GET /matrix/corpora`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CorpusList {
    /// Every index that can be searched, and every corpus that is configured.
    pub corpora: Vec<Corpus>,
}

/// An index together with the lake table that its items come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Corpus {
    /// Name of the corpus and of its index.
    pub name: String,
    /// Whether the index exists.
    pub exists: bool,
    /// Length of its vectors, if it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// How many items it holds, if it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The lake table, if one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The table's column that holds the item's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_column: Option<String>,
}

/// Why a message is sent; the law asks more of the one than of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// About work that the recipient has, is offered or has asked for: a transactional or relationship message
    /// (15 U.S.C. 7702(17)).
    #[default]
    Transactional,
    /// Its primary purpose is to advertise (15 U.S.C. 7702(2), 16 CFR 316.3): CAN-SPAM and TCPA apply in full.
    Commercial,
}

impl MessageKind {
    /// Whether the field can be left out.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `POST /matrix/validate/email`: a draft that has not been sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailDraft {
    /// One address, RFC 5321 mailbox (RFC 6531 for non-ASCII).
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text: plain, Markdown or HTML.
    pub body: String,
    /// The worker that the message is about, carried for the caller's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Why it is sent.
    #[serde(default, skip_serializing_if = "MessageKind::is_default")]
    pub kind: MessageKind,
    /// The firm that sends it, as the draft should name it; a commercial draft needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// `POST /matrix/validate/sms`: a draft that has not been sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmsDraft {
    /// The recipient's phone number.
    pub to: String,
    /// The text, at most 160 characters.
    pub body: String,
    /// Why it is sent.
    #[serde(default, skip_serializing_if = "MessageKind::is_default")]
    pub kind: MessageKind,
    /// The firm that sends it, as the draft should name it; a commercial draft needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// `POST /matrix/validate/fill`: these workers are proposed for this job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FillProposal {
    /// What has to be filled.
    pub job: Job,
    /// The workers proposed.
    pub worker_ids: Vec<String>,
    /// What the workers are assigned to already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// Workers that must not get this job: the client's do-not-return list, or somebody who declined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_worker_ids: Vec<String>,
}

/// A job order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The order's id.
    pub id: String,
    /// The occupation asked for.
    pub role: String,
    /// Where the work is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Such as `day`, `night`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<String>,
    /// ISO 8601 date (`2026-12-01`), local time (`2026-12-01T07:00`) or instant (`2026-12-01T13:00Z`). What takes less
    /// than 24 hours from start to end counts as one shift, anything longer as an engagement of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// As `start`; a bare date includes that whole day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// US dollars an hour, before overtime; held against the minimum wage and the market where it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_rate: Option<f64>,
    /// How many workers are asked for.
    pub headcount: u32,
    /// Every one of them is needed by every worker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_certifications: Vec<String>,
}

/// Time that a worker has promised elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The worker.
    pub worker_id: String,
    /// As [`Job::start`].
    pub start: String,
    /// As [`Job::end`].
    pub end: String,
}

/// The verdict of a validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationReport {
    /// No violation is an error.
    pub ok: bool,
    /// In the order of the fields, then of the spans, what concerns a field as a whole last; of a rule that is broken very
    /// often in one text, the first hundred.
    pub violations: Vec<Violation>,
}

/// One broken rule. Message and fix never repeat the value that broke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Id of the rule; those of the SSN guard begin with `ssn`.
    pub rule: String,
    /// Whether it stops the draft.
    pub severity: Severity,
    /// The field that broke the rule: `to`, `subject`, `body`, `worker_ids[2]`, `job.pay_rate`.
    pub field: String,
    /// Byte range `[from, to)` in the field's text; `[0, 0]` if the field as a whole is meant.
    pub span: [usize; 2],
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The draft may be sent, a person should look.
    Warning,
    /// The draft must not be sent.
    Error,
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

    #[test]
    fn retrieve_spells_its_condition_as_sql_does() {
        let body = json!({"query_text": "q", "corpus": "workers", "where": "years >= 5", "k": 3});
        let request: RetrieveRequest = serde_json::from_value(body).unwrap();
        assert_eq!(request.condition.as_deref(), Some("years >= 5"));
    }

    #[test]
    fn draft_of_before_there_were_kinds_is_read_and_written_as_it_was() {
        let body = json!({"to": "ana@example.com", "subject": "s", "body": "b"});
        let draft: EmailDraft = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(draft.kind, MessageKind::Transactional);
        assert_eq!(serde_json::to_value(draft).unwrap(), body);
        let body = json!({"to": "40404", "body": "b", "kind": "commercial", "sender": "Acme Staffing"});
        let draft: SmsDraft = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(serde_json::to_value(draft).unwrap(), body);
        assert!(serde_json::from_value::<SmsDraft>(json!({"to": "1", "body": "b", "kind": "spam"})).is_err());
    }

    #[test]
    fn violation_has_the_published_shape() {
        let violation = Violation {
            rule: "ssn_pattern".into(),
            severity: Severity::Error,
            field: "body".into(),
            span: [3, 14],
            message: "m".into(),
            fix: "f".into(),
        };
        let expected = json!({"rule": "ssn_pattern", "severity": "error", "field": "body", "span": [3, 14],
                              "message": "m", "fix": "f"});
        assert_eq!(serde_json::to_value(violation).unwrap(), expected);
    }
}
