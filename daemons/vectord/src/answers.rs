//! Answers to searches, written straight from what the engine shares with them.

use serde::{Serialize, Serializer};
use service::{ApiError, JsonText};
use vector_index::{Answer, Hit, Metadata};
use wire::Problem;

/// Bytes of a hit in the body, roughly: id, distance, and metadata as workers have them.
const HIT_BYTES: usize = 384;

/// Reads as a [`SearchAnswer`](wire::vectors::SearchAnswer), and with an error as a
/// [`BatchAnswer`](wire::vectors::BatchAnswer).
#[derive(Default, Serialize)]
pub(crate) struct Found {
    #[serde(serialize_with = "hits")]
    results: Vec<Hit>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// Reads as [`BatchAnswers`](wire::vectors::BatchAnswers).
#[derive(Serialize)]
struct FoundAll<'a> {
    answers: &'a [Found],
}

/// Reads as a [`SearchHit`](wire::vectors::SearchHit).
#[derive(Serialize)]
struct FoundHit<'a> {
    id: &'a str,
    distance: f32,
    metadata: &'a Metadata,
}

impl From<Answer> for Found {
    fn from(Answer { hits, version }: Answer) -> Self {
        Self { results: hits, version, error: None }
    }
}

impl Found {
    /// One of several searches failed.
    pub(crate) fn failed(error: &ApiError, request_id: &str) -> Self {
        let problem = Problem::new(error.code(), error.detail(), request_id);
        Self { error: Some(problem), ..Self::default() }
    }

    /// The body of an answer to one search.
    pub(crate) fn text(&self) -> Result<JsonText, ApiError> {
        text(self, self.results.len())
    }

    /// The body of an answer to several searches.
    pub(crate) fn text_of_all(answers: &[Self]) -> Result<JsonText, ApiError> {
        text(&FoundAll { answers }, answers.iter().map(|found| found.results.len() + 1).sum())
    }
}

impl<'a> From<&'a Hit> for FoundHit<'a> {
    fn from(Hit { id, distance, metadata }: &'a Hit) -> Self {
        Self { id, distance: *distance, metadata }
    }
}

fn hits<S: Serializer>(hits: &[Hit], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hits.iter().map(FoundHit::from))
}

fn text(answers: &impl Serialize, hits: usize) -> Result<JsonText, ApiError> {
    let mut text = Vec::with_capacity(HIT_BYTES * (hits + 1));
    serde_json::to_writer(&mut text, answers).map_err(ApiError::internal)?;
    Ok(JsonText(text))
}
