//! Answers to searches, written straight from what the engine shares with them.

use std::time::Duration;

use serde::{Serialize, Serializer};
use service::{ApiError, JsonText};
use vector_index::{Answer, Hit, Metadata};
use wire::Problem;
use wire::vectors::{Distance, Searched};

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
    searched: Option<Searched>,
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

impl Found {
    /// What a search at `now_ms` found in `incarnation` of an index, `collapsed` hits apart.
    pub(crate) fn new(
        answer: Answer,
        collapsed: usize,
        incarnation: String,
        now_ms: u64,
        took: Duration,
    ) -> Self {
        let Answer { hits, is_exact, distance, version } = answer;
        let first_expiry = hits.iter().filter_map(|hit| hit.expires_ms).min();
        let searched = Searched {
            incarnation,
            distance: to_wire(distance),
            expires_in_ms: first_expiry.map(|at| at.saturating_sub(now_ms)),
            exact: is_exact,
            collapsed,
            took_ms: took.as_secs_f64() * 1e3,
        };
        Self { results: hits, version: version.changes, searched: Some(searched), error: None }
    }

    /// What it found; nothing if it failed.
    pub(crate) fn hits(&self) -> &[Hit] {
        &self.results
    }

    /// One of several searches failed.
    pub(crate) fn failed(error: &ApiError, request_id: &str) -> Self {
        let problem = Problem::new(error.code(), error.detail(), request_id);
        Self { error: Some(problem), ..Self::default() }
    }

    /// The body of an answer to one search: results and version alone.
    pub(crate) fn text(self) -> Result<JsonText, ApiError> {
        let hits = self.results.len();
        text(&Self { searched: None, ..self }, hits)
    }

    /// The body of an answer to several searches.
    pub(crate) fn text_of_all(answers: &[Self]) -> Result<JsonText, ApiError> {
        text(&FoundAll { answers }, answers.iter().map(|found| found.results.len() + 1).sum())
    }
}

impl<'a> From<&'a Hit> for FoundHit<'a> {
    fn from(Hit { id, distance, metadata, .. }: &'a Hit) -> Self {
        Self { id, distance: *distance, metadata }
    }
}

/// The name of a distance on the wire.
pub(crate) fn to_wire(distance: vector_index::Distance) -> Distance {
    match distance {
        vector_index::Distance::Cosine => Distance::Cosine,
        vector_index::Distance::Dot => Distance::Dot,
        vector_index::Distance::Euclidean => Distance::Euclidean,
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
