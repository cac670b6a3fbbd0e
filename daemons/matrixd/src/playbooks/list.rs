//! Recordings as the log has them.

use service::{ApiError, Result};
use uuid::Uuid;
use wire::CallContext;
use wire::pathways::ListQuery;
use wire::playbooks::{ListPlaybooks, MAX_PAGE, PLAYBOOK_TAG, Playbook, PlaybookList};

use crate::matrix::Matrix;
use crate::memory::log;

/// A page of the log.
pub(super) struct LogPage {
    pub(super) playbooks: Vec<Playbook>,
    /// Where the next page begins, if there is one.
    pub(super) next: Option<Uuid>,
    /// Entries under the tag of playbooks that are none.
    pub(super) foreign: usize,
}

impl Matrix {
    /// One page of the log.
    ///
    /// # Errors
    /// 400 for a page that cannot be, 503 when the log does not answer.
    pub(crate) async fn playbooks(&self, ctx: &CallContext, page: ListPlaybooks) -> Result<PlaybookList> {
        let limit = page.limit.unwrap_or(100);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(ApiError::invalid(format!("limit is 1 to {MAX_PAGE}, not {limit}")));
        }
        let LogPage { playbooks, next, .. } = self.page(ctx, page, limit).await?;
        Ok(PlaybookList { playbooks, next })
    }

    /// One recording.
    ///
    /// # Errors
    /// 404 if there is none of this id, or it has been deleted; 503 when the log does not answer.
    pub(crate) async fn playbook(&self, ctx: &CallContext, id: Uuid) -> Result<Playbook> {
        let pathway = self.pathwayd.get(ctx, id).await.map_err(|error| no_such_playbook(id, error))?;
        log::playbook(pathway).ok_or_else(|| ApiError::not_found(format!("no playbook {id}")))
    }

    pub(super) async fn page(&self, ctx: &CallContext, page: ListPlaybooks, limit: usize) -> Result<LogPage> {
        // The log knows pathways by all their tags, but looks one up at a time: those of playbooks are what is left.
        let tag = page.tag.filter(|tag| !log::is_reserved(tag)).unwrap_or_else(|| PLAYBOOK_TAG.to_owned());
        let limit = u32::try_from(limit).map_err(ApiError::internal)?;
        let query = ListQuery { tag: Some(tag), role: page.role, after: page.after, limit: Some(limit) };
        let page = self.pathwayd.list(ctx, &query).await?;
        let in_all = page.pathways.len();
        let playbooks: Vec<_> = page.pathways.into_iter().filter_map(log::playbook).collect();
        Ok(LogPage { foreign: in_all - playbooks.len(), playbooks, next: page.next })
    }
}

fn no_such_playbook(id: Uuid, error: client::Error) -> ApiError {
    if error.is(wire::ErrorCode::NotFound) {
        ApiError::not_found(format!("no playbook {id}"))
    } else {
        error.into()
    }
}
