//! The calls of one user, through the gateway.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use wire::context::{IDEMPOTENCY_KEY, REQUEST_ID};
use wire::matrix::{EmailDraft, FillProposal, SearchRequest, SmsDraft, ValidationReport};
use wire::playbooks::{RecordRequest, RecordResponse};
use wire::{ErrorCode, Problem};

use crate::connection::{Answer, Connection, Gateway};
use crate::failure::{Failure, Result};

/// How long a user waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long, while daemons are killed, a user goes on asking after answers with 503 and Retry-After.
pub(crate) const OUTAGE_PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const SEARCH: &str = "/v1/matrix/search";
const OK: u16 = 200;
const CREATED: u16 = 201;
const UNAVAILABLE: u16 = 503;

/// What a user does when told that a daemon is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outages {
    /// It is a failure: nobody takes daemons away.
    Fail,
    /// Come back after the time that the answer names, for up to [`OUTAGE_PATIENCE`].
    Wait,
}

/// Answers with 503 and Retry-After that users waited out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Waits {
    /// Such answers.
    pub answers: u64,
    /// Calls that had at least one, and succeeded in the end.
    pub calls: u64,
    /// The longest from the first attempt of such a call to its success, seconds.
    pub longest_s: f64,
}

/// A user's connection. A call is sent once, unless the user waits outages out.
#[derive(Debug)]
pub(crate) struct Calls {
    connection: Connection,
    outages: Outages,
    /// Calls sent so far.
    pub(crate) sent: u64,
    pub(crate) waits: Waits,
    /// What the ids of this user's requests begin with.
    id_prefix: String,
}

impl Calls {
    /// The calls of the user whose requests have ids that begin with `id_prefix`.
    pub(crate) fn new(gateway: Gateway, outages: Outages, id_prefix: String) -> Self {
        Self { connection: Connection::new(gateway), outages, sent: 0, waits: Waits::default(), id_prefix }
    }

    /// The id under which the logs of every hop know the last call.
    pub(crate) fn last_request_id(&self) -> String {
        format!("{}.{}", self.id_prefix, self.sent)
    }

    pub(crate) async fn search(&mut self, request: &SearchRequest) -> Result<Answer> {
        self.post("search", SEARCH, request, OK).await
    }

    pub(crate) async fn record(&mut self, request: &RecordRequest) -> Result<RecordResponse> {
        self.post("record", "/v1/matrix/playbooks/record", request, CREATED).await?.read("record")
    }

    pub(crate) async fn validate_email(&mut self, draft: &EmailDraft) -> Result<ValidationReport> {
        let call = "validate e-mail";
        self.post(call, "/v1/matrix/validate/email", draft, OK).await?.read(call)
    }

    pub(crate) async fn validate_sms(&mut self, draft: &SmsDraft) -> Result<ValidationReport> {
        let call = "validate SMS";
        self.post(call, "/v1/matrix/validate/sms", draft, OK).await?.read(call)
    }

    pub(crate) async fn validate_fill(&mut self, proposal: &FillProposal) -> Result<ValidationReport> {
        let call = "validate fill";
        self.post(call, "/v1/matrix/validate/fill", proposal, OK).await?.read(call)
    }

    async fn post(
        &mut self,
        call: &'static str,
        path: &str,
        body: &impl Serialize,
        expected: u16,
    ) -> Result<Answer> {
        let mut marks = format!("{REQUEST_ID}: {}.{}\r\n", self.id_prefix, self.sent + 1);
        // Only who may send a call twice needs a key for it.
        if self.outages == Outages::Wait {
            marks += &format!("{IDEMPOTENCY_KEY}: {}\r\n", Uuid::new_v4().simple());
        }
        let written = self.connection.write(path, &marks, body);
        written.map_err(|error| Failure::Malformed { call, detail: error.to_string() })?;
        let began = Instant::now();
        let mut has_waited = false;
        loop {
            self.sent += 1;
            let answer = match timeout(PATIENCE, self.connection.send()).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(source)) => return Err(Failure::Lost { call, source }),
                Err(_) => return Err(Failure::Late { call }),
            };
            if answer.status == expected {
                if has_waited {
                    self.waits.calls += 1;
                    self.waits.longest_s = self.waits.longest_s.max(began.elapsed().as_secs_f64());
                }
                return Ok(answer);
            }
            let Some(wait) = self.wait_after(&answer, began.elapsed()) else {
                return Err(refused(call, &answer, expected));
            };
            has_waited = true;
            self.waits.answers += 1;
            sleep(wait).await;
        }
    }

    /// How long to wait after this answer, if it is one to wait after.
    fn wait_after(&self, answer: &Answer, waited: Duration) -> Option<Duration> {
        let is_outage =
            self.outages == Outages::Wait && answer.status == UNAVAILABLE && waited < OUTAGE_PATIENCE;
        let seconds = is_outage.then(|| answer.header("retry-after"))??.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

fn refused(call: &'static str, answer: &Answer, expected: u16) -> Failure {
    let problem = answer.read::<Problem>(call).unwrap_or_else(|_| {
        let detail = format!("status {} instead of {expected}, and no problem in the body", answer.status);
        Problem::new(ErrorCode::Internal, detail, answer.header(REQUEST_ID.as_str()).unwrap_or_default())
    });
    Failure::Refused { call, problem: problem.into() }
}

impl Waits {
    /// Adds those of another user.
    pub(crate) fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.calls += other.calls;
        self.longest_s = self.longest_s.max(other.longest_s);
    }
}
