//! An answer that came in pieces.

use serde_json::Value;

use super::spoken::{Spoken, adds_up, broken, is_reason};

const DONE: &str = "[DONE]";

/// # Errors
/// That it is no answer at all, or an error stands in it.
pub(super) fn read(content_type: &str, body: &str) -> Result<Spoken, String> {
    let events = events(body);
    let is_done = events.iter().position(|event| event == DONE).is_some_and(|at| at + 1 == events.len());
    let chunks = events.iter().filter(|event| *event != DONE).map(|event| chunk(event));
    let chunks = chunks.collect::<Result<Vec<Value>, String>>()?;
    // The usage comes with an empty list of choices.
    let choices: Vec<&Value> = chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).collect();
    let first = choices.first().ok_or("there is no piece of an answer in the stream")?;
    let pieces: Vec<&str> = choices.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
    let text = pieces.concat();
    let reasons: Vec<_> = numbered(&choices, |choice| &choice["finish_reason"]).collect();
    let usages: Vec<_> = numbered(&chunks, |chunk| &chunk["usage"]).collect();
    let broken = broken(&[
        (content_type.starts_with("text/event-stream"), "the content type is not text/event-stream"),
        (is_done, "[DONE] does not stand at the end, once"),
        (are_of_one_answer(&chunks), "the chunks are not all chat.completion.chunk with one `id`"),
        (first["delta"]["role"] == "assistant", "the role does not come first"),
        (!text.is_empty(), "there is no text"),
        (
            matches!(reasons[..], [(place, reason)] if place + 1 == choices.len() && is_reason(reason)),
            "`finish_reason` does not come once, at the end, as stop or length",
        ),
        (
            matches!(usages[..], [(place, usage)] if place + 1 == chunks.len() && adds_up(usage)),
            "`usage` does not come once, at the end, or does not add up",
        ),
    ]);
    Ok(Spoken {
        text,
        pieces: pieces.iter().filter(|piece| !piece.is_empty()).count(),
        finish_reason: last(&reasons),
        usage: last(&usages),
        model: chunks[0]["model"].clone(),
        broken,
    })
}

/// The data of each event, as WHATWG HTML, section 9.2.6, reads them: what is not ended by an empty line is dropped.
fn events(body: &str) -> Vec<String> {
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in body.lines() {
        if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value));
        } else if line.is_empty() && !data.is_empty() {
            events.push(data.join("\n"));
            data.clear();
        }
    }
    events
}

fn chunk(event: &str) -> Result<Value, String> {
    let chunk: Value =
        serde_json::from_str(event).map_err(|error| format!("an event is no JSON ({error}): {event}"))?;
    match &chunk["error"] {
        Value::Null => Ok(chunk),
        error => Err(format!("an error in the stream: {error}")),
    }
}

/// What is there, not `null`, each with its place.
fn numbered<'a, T>(
    parts: &'a [T],
    of: impl Fn(&'a T) -> &'a Value,
) -> impl Iterator<Item = (usize, &'a Value)> {
    parts.iter().map(of).enumerate().filter(|(_, value)| !value.is_null())
}

fn last(values: &[(usize, &Value)]) -> Value {
    values.last().map_or(Value::Null, |(_, value)| (*value).clone())
}

fn are_of_one_answer(chunks: &[Value]) -> bool {
    let id = &chunks[0]["id"];
    let is_named = id.as_str().is_some_and(|id| !id.is_empty());
    is_named && chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == *id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TYPE: &str = "text/event-stream; charset=utf-8";

    fn piece(delta: &Value, finish_reason: &Value) -> Value {
        json!({"id": "c1", "object": "chat.completion.chunk", "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
    }

    fn chunks() -> Vec<Value> {
        let usage = json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9});
        vec![
            piece(&json!({"role": "assistant", "content": ""}), &Value::Null),
            piece(&json!({"content": "Hi"}), &Value::Null),
            piece(&json!({"content": " there."}), &Value::Null),
            piece(&json!({}), &json!("stop")),
            json!({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": usage}),
        ]
    }

    fn written(chunks: &[Value]) -> String {
        chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
    }

    fn wrongs(body: &str) -> Vec<&'static str> {
        read(TYPE, body).unwrap().broken
    }

    #[test]
    fn stream_that_keeps_every_promise_is_read() {
        let body = format!(": ping\n\n{}data: [DONE]\n\n", written(&chunks()));
        for body in [body.clone(), body.replace('\n', "\r\n")] {
            let spoken = read(TYPE, &body).unwrap();
            assert_eq!((spoken.text.as_str(), spoken.pieces), ("Hi there.", 2));
            assert_eq!((spoken.finish_reason, spoken.broken), (json!("stop"), vec![]));
            assert_eq!(spoken.usage["total_tokens"], 9);
        }
    }

    #[test]
    fn broken_promise_is_named() {
        let without = |place: usize| {
            let mut chunks = chunks();
            chunks.remove(place);
            format!("{}data: [DONE]\n\n", written(&chunks))
        };
        let with = |place: usize, member: &str, value: Value| {
            let mut chunks = chunks();
            *chunks[place].pointer_mut(member).unwrap() = value;
            format!("{}data: [DONE]\n\n", written(&chunks))
        };
        let open = written(&chunks());
        for (body, wrong) in [
            (without(0), "role"),
            (without(3), "`finish_reason`"),
            (without(4), "`usage`"),
            (with(2, "/choices/0/finish_reason", json!("stop")), "`finish_reason`"),
            (with(3, "/choices/0/finish_reason", json!("eos")), "`finish_reason`"),
            (with(4, "/usage/total_tokens", json!(10)), "`usage`"),
            (with(1, "/id", json!("c2")), "`id`"),
            (with(1, "/object", json!("chat.completion")), "`id`"),
            (open.clone(), "[DONE]"),
            (format!("data: [DONE]\n\n{open}"), "[DONE]"),
            (format!("{open}data: [DONE]\n\ndata: [DONE]\n\n"), "[DONE]"),
            // Not ended by an empty line.
            (format!("{open}data: [DONE]\n"), "[DONE]"),
        ] {
            let wrongs = wrongs(&body);
            assert!(wrongs.len() == 1 && wrongs[0].contains(wrong), "{wrong}: {wrongs:?}");
        }
        let body = format!("{open}data: [DONE]\n\n");
        assert_eq!(read("application/json", &body).unwrap().broken.len(), 1);
    }

    #[test]
    fn error_in_the_stream_and_what_is_no_stream_are_refused() {
        let failed =
            format!("{}data: {{\"error\": {{\"message\": \"overloaded\"}}}}\n\n", written(&chunks()));
        assert!(read(TYPE, &failed).unwrap_err().contains("overloaded"));
        assert!(read(TYPE, "data: {\n\n").unwrap_err().contains("no JSON"));
        assert!(read(TYPE, "{\"choices\": []}").unwrap_err().contains("no piece"));
    }
}
