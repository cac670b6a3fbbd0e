//! SQL over tables: `POST /sql`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Response header that names the snapshots a query read: `ns.table=snapshot_id`, comma-separated.
pub const SNAPSHOTS_HEADER: &str = "x-lakehouse-snapshots";

/// Request of `POST /sql`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    /// One read-only statement; tables are written `namespace.name`.
    pub sql: String,
    /// Values of `$1`, `$2`, …: null, booleans, numbers and strings.
    #[serde(default)]
    pub params: Vec<Value>,
}

/// Answer of `POST /sql` as JSON.
///
/// Values: integers beyond ±(2^53 - 1) and decimals are strings, so that no JSON reader rounds them; dates and times
/// are ISO 8601 strings; binary is lower-case hex; NaN and the infinities, which JSON does not have, are null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlAnswer {
    /// The columns, also when there are no rows.
    pub columns: Vec<SqlColumn>,
    /// The rows, each with one value a column.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
    /// Number of rows.
    pub row_count: u64,
}

/// A column of a [`SqlAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its Arrow type: `Int64`, `Utf8`, `Date32`, `Decimal128(10, 2)`, …
    #[serde(rename = "type")]
    pub data_type: String,
}
