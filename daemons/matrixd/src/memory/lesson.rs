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
use wire::vectors::{MAX_TTL_S, NewItem, SearchHit};

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
    /// Equal for equal texts. This and the time are missing in what earlier releases wrote.
    #[serde(default)]
    query_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// Seconds since 1970.
    #[serde(default)]
    recorded_s: i64,
}

/// The id of the lesson that `recording` teaches: equal for equal lessons.
pub(crate) fn lesson_id(recording: &RecordRequest) -> String {
    let role = role_key(recording.role.as_deref());
    let (actor, score) = (recording.actor.as_deref().unwrap_or_default(), recording.score.to_string());
    digest(&[&role, &recording.corpus, &recording.answer_id, &recording.query_text, actor, &score])
}

/// The item that stands for the lesson of `playbook`, for as long as that counts from `now` on.
pub(crate) fn item(playbook: &Playbook, vector: &QueryVector, now: Timestamp) -> serde_json::Result<NewItem> {
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
    };
    let metadata: Map<_, _> = match serde_json::to_value(&lesson)? {
        serde_json::Value::Object(fields) => fields,
        _ => Map::new(),
    };
    Ok(NewItem {
        id: lesson_id(recording),
        vector_b64: Some(vector.packed.clone()),
        metadata: RawObject::from(metadata),
        ttl_s: recording.expires_at.and_then(|at| ttl_s(at, now)),
        ..NewItem::default()
    })
}

/// Whole seconds until `at`, at least one; `None` if that is further away than vectord counts.
fn ttl_s(at: Timestamp, now: Timestamp) -> Option<u64> {
    let left = at.duration_since(now);
    let seconds = left.as_secs() + i64::from(left.subsec_nanos() > 0);
    u64::try_from(seconds.max(1)).ok().filter(|seconds| *seconds <= MAX_TTL_S)
}

/// A lesson that came back as a neighbour of a query; `None` if somebody else wrote it.
pub(crate) fn entry(hit: &SearchHit, now: Timestamp) -> Option<Entry> {
    let lesson: Lesson = hit.metadata.parse().ok()?;
    let by_query = || format!("query {}", lesson.query_key);
    Some(Entry {
        voter: lesson.actor.map_or_else(by_query, |actor| format!("actor {actor}")),
        playbook_id: lesson.playbook_id,
        role_key: lesson.role_key,
        answer: AnswerKey { corpus: lesson.corpus, id: lesson.answer_id },
        score: lesson.score,
        distance: hit.distance,
        age_s: now.as_second().saturating_sub(lesson.recorded_s).max(0),
        query: lesson.query_key,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lesson_lasts_at_least_as_long_as_its_recording() {
        let now = Timestamp::constant(1_750_000_000, 0);
        let ttl =
            |seconds: i64, nanoseconds| ttl_s(Timestamp::constant(1_750_000_000 + seconds, nanoseconds), now);
        assert_eq!((ttl(60, 0), ttl(60, 1), ttl(0, 5), ttl(-9, 0)), (Some(60), Some(61), Some(1), Some(1)));
        assert_eq!(ttl(400_000_000, 0), None);
    }
}
