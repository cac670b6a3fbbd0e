//! Drafts of messages and proposals for jobs, and the verdict of the validators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a message is sent; the law asks more of the one than of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// About work that the recipient has, is offered or has asked for: a transactional or relationship message
    /// (15 U.S.C. 7702(17)).
    #[default]
    Transactional,
    /// Its primary purpose is to advertise (15 U.S.C. 7702(2), 16 CFR 316.3): CAN-SPAM and TCPA apply in full.
    Commercial,
}

impl MessageKind {
    /// Whether the field can be left out.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `POST /matrix/validate/email`: a draft that has not been sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailDraft {
    /// One address, RFC 5321 mailbox (RFC 6531 for non-ASCII).
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text: plain, Markdown or HTML.
    pub body: String,
    /// The worker that the message is about, carried for the caller's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Why it is sent.
    #[serde(default, skip_serializing_if = "MessageKind::is_default")]
    pub kind: MessageKind,
    /// The firm that sends it, as the draft should name it; a commercial draft needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// `POST /matrix/validate/sms`: a draft that has not been sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmsDraft {
    /// The recipient's phone number.
    pub to: String,
    /// The text, at most 160 characters.
    pub body: String,
    /// Why it is sent.
    #[serde(default, skip_serializing_if = "MessageKind::is_default")]
    pub kind: MessageKind,
    /// The firm that sends it, as the draft should name it; a commercial draft needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// `POST /matrix/validate/fill`: these workers are proposed for this job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FillProposal {
    /// What has to be filled.
    pub job: Job,
    /// The workers proposed.
    pub worker_ids: Vec<String>,
    /// What the workers are assigned to already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// Workers that must not get this job: the client's do-not-return list, or somebody who declined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_worker_ids: Vec<String>,
}

/// A job order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The order's id.
    pub id: String,
    /// The occupation asked for.
    pub role: String,
    /// Where the work is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Such as `day`, `night`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<String>,
    /// ISO 8601 date (`2026-12-01`), local time (`2026-12-01T07:00`) or instant (`2026-12-01T13:00Z`). What takes less
    /// than 24 hours from start to end counts as one shift, anything longer as an engagement of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// As `start`; a bare date includes that whole day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// US dollars an hour, before overtime; held against the minimum wage and the market where it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_rate: Option<f64>,
    /// How many workers are asked for.
    pub headcount: u32,
    /// Every one of them is needed by every worker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_certifications: Vec<String>,
}

/// Time that a worker has promised elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The worker.
    pub worker_id: String,
    /// As [`Job::start`].
    pub start: String,
    /// As [`Job::end`].
    pub end: String,
}

/// The verdict of a validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationReport {
    /// No violation is an error.
    pub ok: bool,
    /// In the order of the fields, then of the spans, what concerns a field as a whole last; of a rule that is broken very
    /// often in one text, the first hundred.
    pub violations: Vec<Violation>,
}

/// One broken rule. Message and fix never repeat the value that broke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Id of the rule; those of the SSN guard begin with `ssn`.
    pub rule: String,
    /// Whether it stops the draft.
    pub severity: Severity,
    /// The field that broke the rule: `to`, `subject`, `body`, `worker_ids[2]`, `job.pay_rate`.
    pub field: String,
    /// Byte range `[from, to)` in the field's text; `[0, 0]` if the field as a whole is meant.
    pub span: [usize; 2],
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The draft may be sent, a person should look.
    Warning,
    /// The draft must not be sent.
    Error,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn draft_of_before_there_were_kinds_is_read_and_written_as_it_was() {
        let body = json!({"to": "ana@example.com", "subject": "s", "body": "b"});
        let draft: EmailDraft = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(draft.kind, MessageKind::Transactional);
        assert_eq!(serde_json::to_value(draft).unwrap(), body);
        let body = json!({"to": "40404", "body": "b", "kind": "commercial", "sender": "Acme Staffing"});
        let draft: SmsDraft = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(serde_json::to_value(draft).unwrap(), body);
        assert!(serde_json::from_value::<SmsDraft>(json!({"to": "1", "body": "b", "kind": "spam"})).is_err());
    }

    #[test]
    fn violation_has_the_published_shape() {
        let violation = Violation {
            rule: "ssn_pattern".into(),
            severity: Severity::Error,
            field: "body".into(),
            span: [3, 14],
            message: "m".into(),
            fix: "f".into(),
        };
        let expected = json!({"rule": "ssn_pattern", "severity": "error", "field": "body", "span": [3, 14],
                              "message": "m", "fix": "f"});
        assert_eq!(serde_json::to_value(violation).unwrap(), expected);
    }
}
