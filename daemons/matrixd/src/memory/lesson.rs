//! What the memory holds for a recording.
//!
//! One item stands for one lesson: query, role, answer, actor and score. So the same outcome recorded a thousand times
//! does not crowd the neighbours of a query; the log keeps every recording, under the lesson's tag.

use jiff::Timestamp;
use playbook::{AnswerKey, Entry, role_key};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use sha2::{Digest, Sha256};
use wire::metadata::RawObject;
use wire::playbooks::{Playbook, RecordRequest};
use wire::vectors::{NewItem, SearchHit};

use crate::query_vectors::QueryVector;

/// Bytes of a digest that tell lessons, and queries, apart.
const DIGEST_BYTES: usize = 16;

/// The metadata of a lesson's item.
#[derive(Debug, Serialize, Deserialize)]
struct Lesson {
    /// The newest recording of it.
    playbook_id: String,
    role_key: String,
    corpus: String,
    answer_id: String,
    score: f64,
    /// Equal for equal texts.
    query_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// Seconds since 1970.
    recorded_s: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_s: Option<i64>,
}

/// The id of the lesson that `recording` teaches: equal for equal lessons.
pub(crate) fn lesson_id(recording: &RecordRequest) -> String {
    let role = role_key(recording.role.as_deref());
    let (actor, score) = (recording.actor.as_deref().unwrap_or_default(), recording.score.to_string());
    digest(&[&role, &recording.corpus, &recording.answer_id, &recording.query_text, actor, &score])
}

/// The item that stands for the lesson of `playbook`.
pub(crate) fn item(playbook: &Playbook, vector: &QueryVector) -> serde_json::Result<NewItem> {
    let recording = &playbook.recording;
    let lesson = Lesson {
        playbook_id: playbook.playbook_id.clone(),
        role_key: role_key(recording.role.as_deref()),
        corpus: recording.corpus.clone(),
        answer_id: recording.answer_id.clone(),
        score: recording.score,
        query_key: digest(&[&recording.query_text]),
        actor: recording.actor.clone(),
        recorded_s: recording.recorded_at.map_or(0, Timestamp::as_second),
        expires_s: recording.expires_at.map(Timestamp::as_second),
    };
    let metadata: Map<_, _> = match serde_json::to_value(&lesson)? {
        serde_json::Value::Object(fields) => fields,
        _ => Map::new(),
    };
    Ok(NewItem {
        id: lesson_id(recording),
        vector_b64: Some(vector.packed.clone()),
        metadata: RawObject::from(metadata),
        ..NewItem::default()
    })
}

/// A lesson that came back as a neighbour of a query.
pub(crate) enum Neighbour {
    /// It counts, as far as the policy lets it.
    Live(Entry),
    /// Its time is over: the id of the lesson.
    Expired(String),
}

/// Reads a hit in the memory; `None` if somebody else wrote it.
pub(crate) fn neighbour(hit: SearchHit, now_s: i64) -> Option<Neighbour> {
    let lesson: Lesson = hit.metadata.parse().ok()?;
    if lesson.expires_s.is_some_and(|expires_s| expires_s <= now_s) {
        return Some(Neighbour::Expired(hit.id));
    }
    Some(Neighbour::Live(Entry {
        playbook_id: lesson.playbook_id,
        role_key: lesson.role_key,
        answer: AnswerKey { corpus: lesson.corpus, id: lesson.answer_id },
        score: lesson.score,
        distance: hit.distance,
        voter: lesson
            .actor
            .map_or_else(|| format!("query {}", lesson.query_key), |actor| format!("actor {actor}")),
        query: lesson.query_key,
        age_s: now_s.saturating_sub(lesson.recorded_s).max(0),
    }))
}

/// Hexadecimal digits that differ where a part differs.
fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize()[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}
