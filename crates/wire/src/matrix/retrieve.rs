//! Rows of a table under a condition, nearest first, and by which plan they were found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{EmbedHop, default_k};

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn retrieve_spells_its_condition_as_sql_does() {
        let body = json!({"query_text": "q", "corpus": "workers", "where": "years >= 5", "k": 3});
        let request: RetrieveRequest = serde_json::from_value(body).unwrap();
        assert_eq!(request.condition.as_deref(), Some("years >= 5"));
    }
}
