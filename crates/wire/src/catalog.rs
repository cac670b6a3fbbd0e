//! Wire types of `catalogd`. The catalogue's own listing; the Iceberg REST bodies are those of the Iceberg specification.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ErrorCode;

/// What divides the parts of a namespace in a path of Iceberg REST: the unit separator, sent as `%1F`.
pub const NAMESPACE_SEPARATOR: char = '\u{1f}';

/// Where Iceberg REST is served; every error below it has the form of the specification.
pub const ICEBERG_PATH: &str = "/iceberg/";

/// Answer of `GET /catalog/tables`, for people and for `lakectl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableList {
    /// All tables, by name.
    pub tables: Vec<TableInfo>,
}

/// One table of a [`TableList`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableInfo {
    /// `namespace.name`.
    pub name: String,
    /// Where its files are: `s3://lakehouse/…`.
    pub location: String,
    /// Its current snapshot; absent while nothing has been written.
    pub snapshot_id: Option<i64>,
    /// Rows in that snapshot; absent if its writer did not say.
    pub rows: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<TableColumn>,
    /// When it was last changed, milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// Why its metadata cannot be read; all that they would have told is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its Iceberg type: `long`, `string`, `decimal(10, 2)`, …
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it never holds a null.
    pub required: bool,
}

/// `CatalogConfig` of Iceberg REST: what a client has to know before its first call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogConfig {
    /// Settings that the client may override.
    pub defaults: BTreeMap<String, String>,
    /// Settings that it may not.
    pub overrides: BTreeMap<String, String>,
    /// The calls that are served, as `METHOD /v1/{prefix}/…`.
    pub endpoints: Vec<String>,
}

/// `CreateNamespaceRequest` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateNamespace {
    /// Its parts, outermost first.
    pub namespace: Vec<String>,
    /// Free properties.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// `CreateNamespaceResponse` and `GetNamespaceResponse` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Namespace {
    /// Its parts, outermost first.
    pub namespace: Vec<String>,
    /// Free properties.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// `UpdateNamespacePropertiesRequest` of Iceberg REST.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeProperties {
    /// Keys to remove.
    #[serde(default)]
    pub removals: Vec<String>,
    /// Properties to set.
    #[serde(default)]
    pub updates: BTreeMap<String, String>,
}

/// `UpdateNamespacePropertiesResponse` of Iceberg REST.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedProperties {
    /// Keys that were set.
    pub updated: Vec<String>,
    /// Keys that were there and are no more.
    pub removed: Vec<String>,
    /// Keys that should have gone and were not there.
    pub missing: Vec<String>,
}

/// `ListNamespacesResponse` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamespaceList {
    /// Each by its parts.
    pub namespaces: Vec<Vec<String>>,
    /// What to ask for the next page with; absent after the last one.
    #[serde(default, rename = "next-page-token", skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `ListTablesResponse` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableIdentifierList {
    /// The tables of one namespace.
    pub identifiers: Vec<TableIdentifier>,
    /// What to ask for the next page with; absent after the last one.
    #[serde(default, rename = "next-page-token", skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `RegisterTableRequest` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RegisterTable {
    /// The table's name within the namespace.
    pub name: String,
    /// Where its current metadata file is.
    pub metadata_location: String,
    /// Whether to replace a table of that name: not built.
    #[serde(default)]
    pub overwrite: bool,
}

/// `RenameTableRequest` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RenameTable {
    /// Its name now.
    pub source: TableIdentifier,
    /// Its new name.
    pub destination: TableIdentifier,
}

/// Body of `POST /catalog/tables/{table}/compact`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompactTable {
    /// How large files should be, bytes; 128 MiB if absent.
    pub target_file_bytes: Option<u64>,
    /// Fewer small files than this are left alone, unless they fill a file; 5 if absent.
    pub min_files: Option<usize>,
    /// Whether to say only what would be done.
    pub dry_run: bool,
}

/// Answer of `POST /catalog/tables/{table}/compact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompactedTable {
    /// `namespace.name`.
    pub table: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Small files that were rewritten.
    pub files_before: usize,
    /// Their size, bytes.
    pub bytes_before: u64,
    /// Files that hold the same rows now; absent after a dry run.
    pub files_after: Option<usize>,
    /// Their size, bytes; absent after a dry run.
    pub bytes_after: Option<u64>,
    /// The new snapshot; absent if nothing was changed.
    pub snapshot_id: Option<i64>,
}

/// Body of `POST /catalog/tables/{table}/expire-snapshots`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExpireSnapshots {
    /// Snapshots older than so many seconds go; five days if absent.
    pub older_than_s: Option<u64>,
    /// So many of each branch stay, however old they are; 1 if absent.
    pub retain_last: Option<usize>,
    /// Whether to say only what would be done.
    pub dry_run: bool,
}

/// Answer of `POST /catalog/tables/{table}/expire-snapshots`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpiredSnapshots {
    /// `namespace.name`.
    pub table: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The snapshots that went, oldest first.
    pub snapshot_ids: Vec<i64>,
    /// How many files only they needed.
    pub file_count: usize,
    /// The first of these.
    pub files: Vec<String>,
}

/// Body of `POST /catalog/tables/{table}/remove-orphans`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RemoveOrphans {
    /// Files younger than so many seconds stay: they may belong to a commit under way. Three days if absent, at least
    /// an hour.
    pub older_than_s: Option<u64>,
    /// Whether to say only what would be done.
    pub dry_run: bool,
}

/// Answer of `POST /catalog/tables/{table}/remove-orphans`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemovedOrphans {
    /// `namespace.name`.
    pub table: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// How many files nothing referred to.
    pub file_count: usize,
    /// Their size, bytes.
    pub size_bytes: u64,
    /// The first of them.
    pub files: Vec<String>,
}

/// `TableIdentifier` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct TableIdentifier {
    /// The parts of its namespace, outermost first.
    pub namespace: Vec<String>,
    /// Its name.
    pub name: String,
}

/// What an idempotency key that came with another request before is called: the specification has no name for it.
pub const KEY_REUSED: &str = "IdempotencyKeyReusedException";

/// `IcebergErrorResponse` of Iceberg REST, in place of a problem body on its paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IcebergError {
    /// Its only member.
    pub error: IcebergErrorModel,
}

/// `ErrorModel` of Iceberg REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IcebergErrorModel {
    /// What happened, for a person.
    pub message: String,
    /// The name of an exception that clients match on: `NoSuchTableException`, `CommitFailedException`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub code: u16,
}

impl IcebergErrorModel {
    /// What `code` is called there. The names are those of the specification's examples, which clients may match on.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let kind = match code {
            ErrorCode::Unauthenticated | ErrorCode::PermissionDenied => "NotAuthorizedException",
            ErrorCode::NotFound => "NotFoundException",
            ErrorCode::MethodNotAllowed | ErrorCode::NotImplemented => "UnsupportedOperationException",
            ErrorCode::Overloaded => "SlowDownException",
            ErrorCode::Unavailable | ErrorCode::PeerUnavailable => "ServiceUnavailableException",
            _ if code.status() < 500 => "BadRequestException",
            _ => "InternalServerError",
        };
        Self { message: message.into(), kind: kind.to_owned(), code: code.status() }
    }

    /// The code that our own daemons match on.
    pub fn error_code(&self) -> ErrorCode {
        match (self.code, self.kind.as_str()) {
            (400, "UnsupportedOperationException") => ErrorCode::NotImplemented,
            (400, KEY_REUSED) | (422, _) => ErrorCode::Unprocessable,
            (400, _) => ErrorCode::InvalidArgument,
            (401, _) => ErrorCode::Unauthenticated,
            (403, _) => ErrorCode::PermissionDenied,
            (404, _) => ErrorCode::NotFound,
            (409, "AlreadyExistsException") => ErrorCode::AlreadyExists,
            (409, _) => ErrorCode::Conflict,
            (413, _) => ErrorCode::PayloadTooLarge,
            (429, _) => ErrorCode::Overloaded,
            (501, _) => ErrorCode::NotImplemented,
            (503, _) => ErrorCode::Unavailable,
            (504, _) => ErrorCode::DeadlineExceeded,
            (507, _) => ErrorCode::InsufficientStorage,
            _ => ErrorCode::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_callers_survive_the_way_through_iceberg_rest() {
        for code in [
            ErrorCode::InvalidArgument,
            ErrorCode::Unauthenticated,
            ErrorCode::PermissionDenied,
            ErrorCode::NotFound,
            ErrorCode::PayloadTooLarge,
            ErrorCode::Overloaded,
            ErrorCode::NotImplemented,
            ErrorCode::Unavailable,
            ErrorCode::DeadlineExceeded,
            ErrorCode::InsufficientStorage,
            ErrorCode::Internal,
        ] {
            assert_eq!(IcebergErrorModel::new(code, "why").error_code(), code);
        }
        // Where the specification has no status of its own for it.
        let kind = "UnsupportedOperationException".to_owned();
        let unsupported = IcebergErrorModel { message: "why".to_owned(), kind, code: 400 };
        assert_eq!(unsupported.error_code(), ErrorCode::NotImplemented);
    }
}
