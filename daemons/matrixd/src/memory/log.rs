//! Playbooks as pathwayd keeps them: the durable log that the memory is made from.

use serde_json::{Map, Value, json};
use wire::pathways::{Content, ListQuery, Pathway, State};
use wire::playbooks::{PLAYBOOK_TAG, Playbook, RecordRequest};

use super::lesson::lesson_id;

/// Tags that begin so say which lesson a recording teaches.
pub(crate) const LESSON_PREFIX: &str = "lesson:";

/// Whether the log uses `tag` itself.
pub(crate) fn is_reserved(tag: &str) -> bool {
    tag == PLAYBOOK_TAG || tag.starts_with(LESSON_PREFIX)
}

/// What the log keeps of a recording.
pub(crate) fn content(recording: &RecordRequest) -> Content {
    let own = [PLAYBOOK_TAG.to_owned(), format!("{LESSON_PREFIX}{}", lesson_id(recording))];
    let mut result = Map::from_iter([
        ("corpus".to_owned(), json!(recording.corpus)),
        ("answer_id".to_owned(), json!(recording.answer_id)),
    ]);
    result.extend(recording.expires_at.map(|at| ("expires_at".to_owned(), json!(at))));
    let mut provenance = Map::new();
    provenance.extend(recording.actor.as_ref().map(|actor| ("actor".to_owned(), json!(actor))));
    provenance.extend(recording.recorded_at.map(|at| ("recorded_at".to_owned(), json!(at))));
    Content {
        goal: recording.query_text.clone(),
        // A blank role is none, as in a search.
        role: recording.role.clone().filter(|role| !role.trim().is_empty()),
        steps: Vec::new(),
        result: Some(Value::Object(result)),
        score: Some(recording.score),
        tags: own.into_iter().chain(recording.tags.iter().cloned()).collect(),
        provenance,
    }
}

/// Reads what [`content`] wrote; `None` for anything else under the same tag, and for what was deleted.
pub(crate) fn playbook(pathway: Pathway) -> Option<Playbook> {
    let Content { goal, role, result, score, tags, provenance, .. } = pathway.content;
    let result = result?;
    if pathway.state == State::Retired || !tags.iter().any(|tag| tag == PLAYBOOK_TAG) {
        return None;
    }
    let text = |key: &str| result.get(key).and_then(Value::as_str);
    let time = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| text.parse().ok());
    Some(Playbook {
        playbook_id: pathway.id.to_string(),
        recording: RecordRequest {
            query_text: goal,
            corpus: text("corpus")?.to_owned(),
            answer_id: text("answer_id")?.to_owned(),
            score: score.filter(|score| (0.0..=1.0).contains(score))?,
            role,
            actor: provenance.get("actor").and_then(Value::as_str).map(str::to_owned),
            tags: tags.into_iter().filter(|tag| !is_reserved(tag)).collect(),
            expires_at: time(result.get("expires_at")),
            recorded_at: Some(time(provenance.get("recorded_at")).unwrap_or(pathway.created)),
        },
    })
}

/// The page of the log that has recordings of the lesson `id`.
pub(crate) fn of_lesson(id: &str, after: Option<uuid::Uuid>) -> ListQuery {
    let limit = Some(wire::pathways::MAX_LIMIT);
    ListQuery { tag: Some(format!("{LESSON_PREFIX}{id}")), role: None, after, limit }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn recording() -> RecordRequest {
        RecordRequest {
            query_text: "forklift nights".into(),
            corpus: "workers".into(),
            answer_id: "000123".into(),
            score: 0.9,
            role: Some("Forklift Operator".into()),
            actor: Some("ana".into()),
            tags: vec!["spring".into()],
            expires_at: Some(Timestamp::constant(2_000_000_000, 0)),
            recorded_at: Some(Timestamp::constant(1_700_000_000, 0)),
        }
    }

    fn pathway(content: Content) -> Pathway {
        let created = Timestamp::constant(1_750_000_000, 0);
        Pathway {
            id: Uuid::now_v7(),
            version: 1,
            state: State::Active,
            created,
            updated: created,
            reason: None,
            content,
        }
    }

    #[test]
    fn what_the_log_keeps_reads_back_as_the_recording() {
        let written = pathway(content(&recording()));
        let id = written.id.to_string();
        assert_eq!(playbook(written), Some(Playbook { playbook_id: id, recording: recording() }));
    }

    #[test]
    fn recording_without_a_time_has_that_of_its_entry() {
        let written = pathway(content(&RecordRequest { recorded_at: None, ..recording() }));
        let created = written.created;
        assert_eq!(playbook(written).and_then(|playbook| playbook.recording.recorded_at), Some(created));
    }

    #[test]
    fn blank_role_is_none() {
        for role in ["", "  "] {
            assert_eq!(content(&RecordRequest { role: Some(role.into()), ..recording() }).role, None);
        }
    }

    #[test]
    fn deleted_and_foreign_entries_are_no_playbooks() {
        let good = content(&recording());
        assert_eq!(playbook(Pathway { state: State::Retired, ..pathway(good.clone()) }), None);
        assert_eq!(playbook(pathway(Content { result: None, ..good.clone() })), None);
        assert_eq!(playbook(pathway(Content { result: Some(json!("free text")), ..good.clone() })), None);
        assert_eq!(playbook(pathway(Content { score: Some(2.0), ..good.clone() })), None);
        assert_eq!(playbook(pathway(Content { tags: vec!["other".into()], ..good })), None);
    }
}
