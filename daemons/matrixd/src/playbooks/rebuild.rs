//! Refilling the index from the log.

use service::Result;
use wire::CallContext;
use wire::playbooks::{ListPlaybooks, MAX_PAGE, Playbook, RebuildResponse};

use super::list::LogPage;
use crate::matrix::Matrix;
use crate::memory::is_over;
use crate::query_vectors::{BATCH, QueryVector};

impl Matrix {
    /// Refills the index from the log; what the index holds already is written again, to the same effect.
    ///
    /// # Errors
    /// 503 when a peer does not answer; what was written until then stays.
    pub(crate) async fn rebuild(&self, ctx: &CallContext) -> Result<RebuildResponse> {
        let mut done = RebuildResponse { indexed: 0, skipped: 0 };
        let mut after = None;
        loop {
            let page = ListPlaybooks { after, ..ListPlaybooks::default() };
            let LogPage { playbooks, next, foreign } = self.page(ctx, page, MAX_PAGE).await?;
            let (over, live): (Vec<_>, Vec<_>) = playbooks.into_iter().partition(is_over);
            done.skipped += (foreign + over.len()) as u64;
            for batch in live.chunks(BATCH) {
                let texts = batch.iter().map(|playbook| playbook.recording.query_text.clone()).collect();
                let vectors = self.vectors.embed(ctx, texts).await?;
                let lessons: Vec<(&Playbook, &QueryVector)> = batch.iter().zip(&vectors).collect();
                self.memory.store(ctx, &lessons).await?;
                done.indexed += batch.len() as u64;
            }
            if next.is_none() {
                return Ok(done);
            }
            after = next;
        }
    }
}
