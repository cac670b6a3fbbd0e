//! The rules that requests keep, checked before anything is queued.

use wire::pathways::{
    Content, DEFAULT_LIMIT, MAX_CONTENT_BYTES, MAX_GOAL_BYTES, MAX_LIMIT, MAX_QUERY_BYTES, MAX_REASON_BYTES,
    MAX_STEPS, MAX_TAG_BYTES, MAX_TAGS,
};

use super::Error;

pub(super) fn content(content: &Content) -> Result<(), Error> {
    text("goal", &content.goal, MAX_GOAL_BYTES)?;
    if let Some(role) = &content.role {
        text("role", role, MAX_TAG_BYTES)?;
    }
    if content.steps.len() > MAX_STEPS {
        return refuse(format!(
            "a pathway has at most {MAX_STEPS} steps, this one has {}",
            content.steps.len()
        ));
    }
    if content.tags.len() > MAX_TAGS {
        return refuse(format!("a pathway has at most {MAX_TAGS} tags, this one has {}", content.tags.len()));
    }
    for tag in &content.tags {
        text("tag", tag, MAX_TAG_BYTES)?;
    }
    // NaN is in no range.
    if content.score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
        return refuse("score lies between 0 and 1".to_owned());
    }
    let bytes = serde_json::to_vec(content).map_err(Error::Json)?.len();
    if bytes > MAX_CONTENT_BYTES {
        return refuse(format!(
            "a pathway has at most {MAX_CONTENT_BYTES} bytes of JSON, this one has {bytes}"
        ));
    }
    Ok(())
}

pub(super) fn reason(reason: Option<&str>) -> Result<(), Error> {
    reason.map_or(Ok(()), |reason| text("reason", reason, MAX_REASON_BYTES))
}

pub(super) fn query(query: &str) -> Result<(), Error> {
    text("query", query, MAX_QUERY_BYTES)
}

pub(super) fn limit(limit: Option<u32>) -> Result<usize, Error> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        limit => refuse(format!("limit is 1 to {MAX_LIMIT}, not {limit}")),
    }
}

fn text(name: &str, text: &str, max_bytes: usize) -> Result<(), Error> {
    if text.trim().is_empty() || text.len() > max_bytes {
        return refuse(format!(
            "{name} has 1 to {max_bytes} bytes that are not all blank, this has {}",
            text.len()
        ));
    }
    Ok(())
}

fn refuse<T>(rule: String) -> Result<T, Error> {
    Err(Error::Invalid(rule))
}
