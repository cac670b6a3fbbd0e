//! Deleting a recording: it leaves the log's lists and the index, and stays in the history of pathwayd.

use service::Result;
use uuid::Uuid;
use wire::CallContext;
use wire::pathways::Retire;

use crate::matrix::Matrix;
use crate::memory::lesson::lesson_id;

impl Matrix {
    /// Deletes a recording, durably; whether searches know already. If not, they will: it waits in the backlog.
    ///
    /// # Errors
    /// 404 if there is none, 503 when the log does not answer.
    pub(crate) async fn delete_playbook(&self, ctx: &CallContext, id: Uuid) -> Result<bool> {
        let playbook = self.playbook(ctx, id).await?;
        let retire = Retire { expected_version: None, reason: Some("deleted as a playbook".to_owned()) };
        self.pathwayd.retire(ctx, id, &retire).await?;
        let lesson = lesson_id(&playbook.recording);
        let settled = self.memory.settle(ctx, &lesson).await;
        if let Err(error) = &settled {
            tracing::warn!(playbook_id = playbook.playbook_id, %error, "take recording out of the index: it waits in the backlog");
            self.backlog.push(lesson, ctx.token.clone());
        }
        Ok(settled.is_ok())
    }
}
