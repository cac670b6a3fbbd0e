//! Whom a draft is for: what of a worker goes into it, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use service::{ApiError, Result};
use validators::fill::WorkerFacts;
use wire::CallContext;
use wire::drafts::{Channel, DraftRequest, DraftWorker};

use super::check_size;
use crate::DraftConfig;
use crate::facts;
use crate::matrix::Matrix;

/// A worker, as far as a draft needs to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Recipient {
    /// Absent for a worker who was given as an object.
    pub(super) id: Option<String>,
    /// Empty if it is not known.
    pub(super) name: String,
    /// The address or phone number; empty if none is known. No model sees it.
    pub(super) to: String,
    /// What else a model may know of the worker.
    pub(super) facts: WorkerFacts,
}

impl Matrix {
    /// Looks the worker up, unless the request says what is known.
    ///
    /// # Errors
    /// 404 for a worker or a corpus that is not there, 400 for an id that cannot be, 503 naming the peer.
    pub(super) async fn recipient(&self, ctx: &CallContext, request: &DraftRequest) -> Result<Recipient> {
        let (id, known) = match &request.worker {
            DraftWorker::Known(known) => {
                check_size("worker", known).map_err(ApiError::invalid)?;
                (None, known.clone())
            }
            DraftWorker::Id(id) => {
                let corpus = &self.config.facts.corpus;
                let found = self.corpora.items(ctx, corpus, BTreeSet::from([id.clone()])).await?;
                let unknown = || ApiError::not_found(format!("no worker {id:?} in the corpus {corpus:?}"));
                let worker = found.into_iter().next().ok_or_else(unknown)?;
                // What vectord stores can be parsed; anything else says nothing of the worker.
                (Some(id.clone()), worker.metadata.parse().unwrap_or_default())
            }
        };
        let facts = facts::read(&known, &self.config.facts);
        Ok(Recipient { id, facts, ..contact(&known, request, &self.config.draft) })
    }
}

fn contact(known: &Map<String, Value>, request: &DraftRequest, config: &DraftConfig) -> Recipient {
    let text = |keys: &[String]| {
        let text = keys.iter().find_map(|key| known.get(key)).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let keys = match request.channel {
        Channel::Email => &config.email,
        Channel::Sms => &config.phone,
    };
    let to = request.to.clone().unwrap_or_else(|| text(keys));
    Recipient { name: text(&config.name), to, ..Recipient::default() }
}
