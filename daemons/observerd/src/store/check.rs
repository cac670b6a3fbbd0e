//! The rules that requests keep, checked before anything is queued.

use wire::names::{check_id, check_name};
use wire::observer::{DEFAULT_LIMIT, Event, MAX_ATTRIBUTES_BYTES, MAX_EVENTS, MAX_LIMIT, MAX_ROLE_BYTES};

use super::Error;

/// One bad event refuses them all, and the error says which it is.
pub(super) fn events(events: &[Event]) -> Result<(), Error> {
    if events.is_empty() || events.len() > MAX_EVENTS {
        let rule = format!("a request has 1 to {MAX_EVENTS} events, this one has {}", events.len());
        return Err(Error::Invalid(rule));
    }
    let is_bad =
        |(i, event)| event_rule(event).map_err(|rule| Error::Invalid(format!("events[{i}]: {rule}")));
    events.iter().enumerate().try_for_each(is_bad)
}

pub(super) fn limit(limit: Option<u32>) -> Result<usize, Error> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        limit => Err(Error::Invalid(format!("limit is 1 to {MAX_LIMIT}, not {limit}"))),
    }
}

fn event_rule(event: &Event) -> Result<(), String> {
    check_id(&event.id)?;
    check_name(&event.kind)?;
    if let Some(role) = &event.role
        && (role.trim().is_empty() || role.len() > MAX_ROLE_BYTES)
    {
        return Err(format!(
            "role has 1 to {MAX_ROLE_BYTES} bytes that are not all blank, this has {}",
            role.len()
        ));
    }
    let bytes = serde_json::to_vec(&event.attributes).map_err(|error| error.to_string())?.len();
    if bytes > MAX_ATTRIBUTES_BYTES {
        return Err(format!(
            "attributes have at most {MAX_ATTRIBUTES_BYTES} bytes of JSON, these have {bytes}"
        ));
    }
    Ok(())
}
