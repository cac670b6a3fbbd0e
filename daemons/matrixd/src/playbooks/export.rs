//! `GET /matrix/playbooks/export`: the whole log as lines that `import` takes.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures::stream;
use service::{ApiError, Result};
use uuid::Uuid;
use wire::CallContext;
use wire::playbooks::{ListPlaybooks, MAX_PAGE};

use crate::matrix::Matrix;

/// Where an export stands.
enum Next {
    Page(Option<Uuid>),
    End,
}

impl Matrix {
    /// Every recording, the oldest first, one JSON object a line. An error after the first page ends the body early,
    /// without its last chunk, so that nobody takes a part for the whole.
    ///
    /// # Errors
    /// 503 when the log does not answer at once.
    pub(crate) async fn export(self: Arc<Self>, ctx: CallContext) -> Result<Body> {
        let (first, next) = self.lines(&ctx, None).await?;
        let rest = stream::try_unfold(next, move |next| {
            let (matrix, ctx) = (Arc::clone(&self), ctx.clone());
            async move {
                let Next::Page(after) = next else { return Ok(None) };
                let page = matrix.lines(&ctx, after).await;
                page.map(Some).map_err(|error| std::io::Error::other(error.detail().to_owned()))
            }
        });
        let first = stream::once(async { Ok::<_, std::io::Error>(first) });
        Ok(Body::from_stream(futures::StreamExt::chain(first, rest)))
    }

    async fn lines(&self, ctx: &CallContext, after: Option<Uuid>) -> Result<(Bytes, Next)> {
        let page = self.page(ctx, ListPlaybooks { after, ..ListPlaybooks::default() }, MAX_PAGE).await?;
        let mut lines = Vec::new();
        for playbook in &page.playbooks {
            serde_json::to_writer(&mut lines, playbook).map_err(ApiError::internal)?;
            lines.push(b'\n');
        }
        Ok((lines.into(), page.next.map_or(Next::End, |next| Next::Page(Some(next)))))
    }
}
