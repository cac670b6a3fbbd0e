//! What the interfaces that are not OpenAI's need to know of a conversation.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use wire::chat::{FunctionCall, Message, Role};

/// Which function each call of a conversation was for, by the id of the call.
pub(super) fn functions(messages: &[Message]) -> HashMap<&str, &str> {
    let calls = messages.iter().flat_map(|message| &message.tool_calls);
    calls.map(|call| (call.id.as_str(), call.function.name.as_str())).collect()
}

/// The function that `message` has a result of.
pub(super) fn function_of<'a>(message: &'a Message, functions: &HashMap<&str, &'a str>) -> Option<&'a str> {
    message.name.as_deref().or_else(|| functions.get(message.tool_call_id.as_deref()?).copied())
}

/// The arguments of a call, as the object that they should be.
pub(super) fn arguments(call: &FunctionCall) -> Result<Map<String, Value>, String> {
    if call.arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&call.arguments).map_err(|error| {
        format!("the `arguments` of the call of {:?} are no JSON object ({error}): mend them", call.name)
    })
}

/// The rules of the conversation, where they stand apart from its messages.
pub(super) fn system(messages: &[Message]) -> Option<String> {
    let rules = messages.iter().filter(|message| message.role == Role::System);
    let rules: Vec<String> = rules.map(|message| message.content.text()).collect();
    (!rules.is_empty()).then(|| rules.join("\n\n"))
}

/// The schema of a function without parameters.
pub(super) fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}})
}

/// Adds `parts` under `role`, to the last turn if it is of the same role: where roles must take turns, all results of tools
/// stand in one.
pub(super) fn add_turn(turns: &mut Vec<(&'static str, Vec<Value>)>, role: &'static str, parts: Vec<Value>) {
    match turns.last_mut() {
        Some((last, held)) if *last == role => held.extend(parts),
        _ if parts.is_empty() => {}
        _ => turns.push((role, parts)),
    }
}
