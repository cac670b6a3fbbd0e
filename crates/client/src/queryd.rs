//! Calls to `queryd`.

use wire::sql::{SqlAnswer, SqlRequest};
use wire::{CallContext, DaemonName};

use crate::{Peer, Peers, Result};

/// Answers SQL over the tables of the lakehouse.
#[derive(Debug, Clone)]
pub struct Queryd(Peer);

impl Peers {
    /// `queryd`.
    pub fn queryd(&self) -> Queryd {
        Queryd(self.peer(DaemonName::Queryd))
    }
}

impl Queryd {
    /// `POST /sql`, retried: a query changes nothing.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `invalid_argument` for SQL that is wrong, `not_found` for an unknown table,
    /// `unprocessable` for a query that fails on the data or exceeds a limit.
    pub async fn sql(&self, ctx: &CallContext, request: &SqlRequest) -> Result<SqlAnswer> {
        self.0.post_idempotent(ctx, "/sql", request).await
    }
}
