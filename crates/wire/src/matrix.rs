//! Wire types of `matrixd`: search over corpora, playbooks, validators, retrieve.

mod retrieve;
mod search;
mod validation;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use retrieve::{
    Estimate, Estimates, Plan, RetrieveExplain, RetrieveRequest, RetrieveResponse, RetrievedRow, SqlHop,
    Strategy, VectorHop,
};
pub use search::{
    CacheOutcome, EmbedHop, Explain, Hit, IndexHop, PlaybookHop, ResultCacheHop, RetrievalHop, SearchRequest,
    SearchResponse,
};
pub use validation::{
    Assignment, EmailDraft, FillProposal, Job, MessageKind, Severity, SmsDraft, ValidationReport, Violation,
};

/// The most corpora that one search asks at once.
pub const MAX_CORPORA: usize = 32;
/// The longest text that is searched for or recorded: as long as the goal of a pathway.
pub const MAX_QUERY_TEXT_BYTES: usize = 4096;

const fn default_k() -> usize {
    10
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
