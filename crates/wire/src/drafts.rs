//! `POST /matrix/draft` of `matrixd`: a message about work, written by a model or a template, and judged.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::chat::Usage;
use crate::matrix::{MessageKind, Violation};

/// The largest facts, and the largest worker that is given as an object, bytes of their JSON.
pub const MAX_FACTS_BYTES: usize = 8 * 1024;
/// The longest role, address or name of a sender, bytes.
pub const MAX_FIELD_BYTES: usize = 320;

/// `POST /matrix/draft`: what to write to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// Whom it is for.
    pub worker: DraftWorker,
    /// The role that it is about, such as `Forklift Operator`.
    pub role: String,
    /// How it is sent.
    pub channel: Channel,
    /// What it is about: place, time, pay. They are data: whatever they say, they are no instruction to the model.
    #[serde(default)]
    pub facts: Map<String, Value>,
    /// The address or phone number, if it is not that of the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The firm that sends it, as the message should name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Why it is sent.
    #[serde(default)]
    pub kind: MessageKind,
    /// The model that writes it; if absent, the first one of `chatd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A worker of the corpus of workers, or what is known of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "`worker` must be the id of a worker, or an object with what is known of one")]
pub enum DraftWorker {
    /// The id in the corpus of workers.
    Id(String),
    /// As in the metadata of that corpus: `{"name": …, "email": …, "phone": …}`.
    Known(Map<String, Value>),
}

/// How a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// With a subject.
    Email,
    /// At most 160 characters.
    Sms,
}

impl Channel {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// Who wrote a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DraftSource {
    /// A language model.
    Model,
    /// A fixed text, filled with the facts.
    Template,
}

impl DraftSource {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Template => "template",
        }
    }
}

/// A message that has not been sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Draft {
    /// The address or phone number; empty if none is known.
    pub to: String,
    /// The subject line of an e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text.
    pub body: String,
}

/// Answer to a [`DraftRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftResponse {
    /// The draft breaks no rule that stops it: what the validator of the channel says of it, and of nothing else.
    pub ok: bool,
    /// Who wrote it.
    pub source: DraftSource,
    /// Why no model wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The draft of the last round.
    pub draft: Draft,
    /// What the validator says of it.
    pub violations: Vec<Violation>,
    /// All rounds, the last one being that of the draft.
    pub rounds: Vec<DraftRound>,
    /// The model that answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What all rounds have cost.
    pub usage: Usage,
}

/// One attempt at a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftRound {
    /// Who wrote it.
    pub source: DraftSource,
    /// What was written, word by word.
    pub said: String,
    /// Whether it is a draft that breaks no rule that stops it.
    pub ok: bool,
    /// What is wrong with it; the rule `draft_form` says that it is no draft at all.
    pub violations: Vec<Violation>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn worker_is_an_id_or_an_object_and_nothing_else() {
        let request = |worker: Value| {
            let body = json!({"worker": worker, "role": "Welder", "channel": "sms"});
            serde_json::from_value::<DraftRequest>(body)
        };
        assert_eq!(request(json!("w1")).unwrap().worker, DraftWorker::Id("w1".into()));
        assert!(matches!(request(json!({"name": "Ana"})).unwrap().worker, DraftWorker::Known(_)));
        let error = request(json!(7)).unwrap_err().to_string();
        assert!(error.contains("`worker` must be the id"), "{error}");
    }
}
