//! The client of `catalogd`.

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::catalog::{
    CompactTable, CompactedTable, CreateNamespace, ExpireSnapshots, ExpiredSnapshots, IcebergError,
    NAMESPACE_SEPARATOR, NamespaceList, RemoveOrphans, RemovedOrphans, TableIdentifierList, TableList,
};
use wire::context::IDEMPOTENCY_KEY;
use wire::{CallContext, DaemonName, ErrorCode, Problem};

use crate::{Error, Peer, Peers, Result, segment};

/// The Iceberg REST catalogue. Bodies that carry table metadata are the caller's to choose, as types of the `lake`
/// crate or as plain JSON: this crate does not know Iceberg. Namespaces are written `a.b`.
#[derive(Debug, Clone)]
pub struct Catalogd(Peer);

impl Peers {
    /// The client for `catalogd`.
    pub fn catalogd(&self) -> Catalogd {
        Catalogd(self.peer(DaemonName::Catalogd))
    }
}

impl Catalogd {
    /// Every table, with its columns and row count.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn tables(&self, ctx: &CallContext) -> Result<TableList> {
        self.0.get(ctx, "/catalog/tables").await
    }

    /// `POST /catalog/tables/{table}/compact`: rewrites small files. Sent once.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `not_found` if there is no such table.
    pub async fn compact(
        &self,
        ctx: &CallContext,
        table: &str,
        request: &CompactTable,
    ) -> Result<CompactedTable> {
        self.0.post(ctx, &maintenance_path(table, "compact"), request).await
    }

    /// `POST /catalog/tables/{table}/expire-snapshots`: removes old snapshots and their files. Sent once.
    ///
    /// # Errors
    /// As [`Catalogd::compact`].
    pub async fn expire_snapshots(
        &self,
        ctx: &CallContext,
        table: &str,
        request: &ExpireSnapshots,
    ) -> Result<ExpiredSnapshots> {
        self.0.post(ctx, &maintenance_path(table, "expire-snapshots"), request).await
    }

    /// `POST /catalog/tables/{table}/remove-orphans`: deletes files that nothing refers to. Sent once.
    ///
    /// # Errors
    /// As [`Catalogd::compact`].
    pub async fn remove_orphans(
        &self,
        ctx: &CallContext,
        table: &str,
        request: &RemoveOrphans,
    ) -> Result<RemovedOrphans> {
        self.0.post(ctx, &maintenance_path(table, "remove-orphans"), request).await
    }

    /// The namespaces at the top.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn namespaces(&self, ctx: &CallContext) -> Result<NamespaceList> {
        self.0.get(ctx, "/iceberg/v1/namespaces").await
    }

    /// The tables of one namespace.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `not_found` if there is no such namespace.
    pub async fn tables_in(&self, ctx: &CallContext, namespace: &str) -> Result<TableIdentifierList> {
        self.0.get(ctx, &tables_path(namespace)).await
    }

    /// Creates a namespace, and the ones around it, unless they are there.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn ensure_namespace(&self, ctx: &CallContext, namespace: &str) -> Result<()> {
        let parts: Vec<String> = namespace.split('.').map(str::to_owned).collect();
        for depth in 1..=parts.len() {
            let body = CreateNamespace { namespace: parts[..depth].to_vec(), properties: Default::default() };
            let request = self.0.request(Method::POST, "/iceberg/v1/namespaces").body(&body).idempotent();
            match request.send(ctx).await {
                Err(Error::Problem { problem, .. }) if problem.code == ErrorCode::AlreadyExists => {}
                answer => drop(answer?),
            }
        }
        Ok(())
    }

    /// Loads a table: `LoadTableResult`.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `not_found` if there is no such table.
    pub async fn load_table<T: DeserializeOwned>(
        &self,
        ctx: &CallContext,
        namespace: &str,
        table: &str,
    ) -> Result<T> {
        self.0.get(ctx, &table_path(namespace, table)).await
    }

    /// Creates a table: `CreateTableRequest` to `LoadTableResult`.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `already_exists` if it is there, `not_found` if its namespace is not.
    pub async fn create_table<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        ctx: &CallContext,
        namespace: &str,
        request: &B,
    ) -> Result<T> {
        self.0.post(ctx, &tables_path(namespace), request).await
    }

    /// Commits a change to a table: `CommitTableRequest` to `CommitTableResponse`. Under an `idempotency_key` it is
    /// retried, as a repetition gets the first answer; without one it is sent once.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `conflict` if a requirement does not hold, or `unprocessable` if another
    /// change has been committed under the key: nothing has changed. After
    /// one with the code `internal`, and after [`Error::Unreachable`] or [`Error::DeadlineExceeded`], the outcome is
    /// unknown: load the table and look for the snapshot.
    pub async fn commit_table<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        ctx: &CallContext,
        namespace: &str,
        table: &str,
        change: &B,
        idempotency_key: Option<&str>,
    ) -> Result<T> {
        let mut request = self.0.request(Method::POST, &table_path(namespace, table)).body(change);
        if let Some(key) = idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key).idempotent();
        }
        request.send(ctx).await?.json()
    }

    /// Drops a table; its files stay.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `not_found` if there is no such table.
    pub async fn drop_table(&self, ctx: &CallContext, namespace: &str, table: &str) -> Result<()> {
        self.0.delete(ctx, &table_path(namespace, table)).await
    }

    /// Drops an empty namespace.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `conflict` if it is not empty.
    pub async fn drop_namespace(&self, ctx: &CallContext, namespace: &str) -> Result<()> {
        self.0.delete(ctx, &namespace_path(namespace)).await
    }
}

/// Reads an error body of Iceberg REST as a problem.
pub(crate) fn problem(body: &[u8], request_id: &str) -> Option<Problem> {
    let IcebergError { error } = serde_json::from_slice(body).ok()?;
    Some(Problem::new(error.error_code(), error.message, request_id))
}

fn namespace_path(namespace: &str) -> String {
    let separator = NAMESPACE_SEPARATOR.to_string();
    format!("/iceberg/v1/namespaces/{}", segment(&namespace.replace('.', &separator)))
}

fn maintenance_path(table: &str, action: &str) -> String {
    format!("/catalog/tables/{}/{action}", segment(table))
}

fn tables_path(namespace: &str) -> String {
    format!("{}/tables", namespace_path(namespace))
}

fn table_path(namespace: &str, table: &str) -> String {
    format!("{}/{}", tables_path(namespace), segment(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_as_the_specification_has_it() {
        assert_eq!(table_path("a.b", "t?x"), "/iceberg/v1/namespaces/a%1Fb/tables/t%3Fx");
    }

    #[test]
    fn iceberg_error_becomes_a_problem_with_our_code() {
        let body = br#"{"error":{"message":"moved","type":"CommitFailedException","code":409}}"#;
        let problem = problem(body, "r1").unwrap();
        assert_eq!((problem.code, problem.detail.as_str()), (ErrorCode::Conflict, "moved"));
        assert!(super::problem(b"{}", "r1").is_none());
    }
}
