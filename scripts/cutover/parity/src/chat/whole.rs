//! An answer that came at once.

use serde_json::Value;

use super::spoken::{Spoken, adds_up, broken, is_reason};

/// # Errors
/// That it is no answer at all.
pub(super) fn read(answer: &Value) -> Result<Spoken, String> {
    let choices = answer["choices"].as_array().map_or(&[][..], Vec::as_slice);
    let choice = choices.first().ok_or("there is no list `choices` with a choice in the answer")?;
    let (message, finish_reason, usage) = (&choice["message"], &choice["finish_reason"], &answer["usage"]);
    let text = message["content"].as_str().unwrap_or_default();
    let broken = broken(&[
        (answer["object"] == "chat.completion", "`object` is not chat.completion"),
        (answer["id"].as_str().is_some_and(|id| !id.is_empty()), "there is no `id`"),
        (choices.len() == 1, "there is more than one choice"),
        (message["role"] == "assistant", "the role is not assistant"),
        (!text.is_empty(), "there is no text"),
        (is_reason(finish_reason), "`finish_reason` is neither stop nor length"),
        (adds_up(usage), "`usage` is not there, or does not add up"),
    ]);
    Ok(Spoken {
        text: text.to_owned(),
        pieces: 1,
        finish_reason: finish_reason.clone(),
        usage: usage.clone(),
        model: answer["model"].clone(),
        broken,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({"id": "c1", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}})
    }

    #[test]
    fn answer_that_keeps_every_promise_is_read() {
        let spoken = read(&answer()).unwrap();
        assert_eq!((spoken.text.as_str(), spoken.broken), ("Hi.", vec![]));
    }

    #[test]
    fn broken_promise_is_named() {
        for (member, value, wrong) in [
            ("/object", json!("text_completion"), "`object`"),
            ("/id", Value::Null, "`id`"),
            ("/choices/0/message/role", json!("user"), "role"),
            ("/choices/0/message/content", Value::Null, "text"),
            ("/choices/0/finish_reason", Value::Null, "`finish_reason`"),
            ("/usage", Value::Null, "`usage`"),
            ("/usage/total_tokens", json!(8), "`usage`"),
        ] {
            let mut answer = answer();
            *answer.pointer_mut(member).unwrap() = value;
            let broken = read(&answer).unwrap().broken;
            assert!(broken.len() == 1 && broken[0].contains(wrong), "{member}: {broken:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [json!({"error": "no"}), json!({"choices": []}), json!([])] {
            assert!(read(&answer).unwrap_err().contains("`choices`"));
        }
    }
}
