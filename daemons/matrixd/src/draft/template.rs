//! The draft that needs no model: plain sentences, and all the facts in them.

use serde_json::{Map, Value};
use wire::drafts::{Channel, Draft};

use super::Brief;

/// What is nested deeper is written as JSON.
const MAX_DEPTH: usize = 4;

pub(super) fn write(brief: &Brief<'_>) -> Draft {
    let to = brief.recipient.to.clone();
    match brief.request.channel {
        Channel::Email => {
            let (subject, body) = email(brief);
            Draft { to, subject: Some(subject), body }
        }
        Channel::Sms => Draft { to, subject: None, body: sms(brief) },
    }
}

fn email(brief: &Brief<'_>) -> (String, String) {
    let role = brief.request.role.trim();
    let facts: String =
        facts(&brief.request.facts).iter().map(|(name, value)| format!("- {name}: {value}\n")).collect();
    let what = if facts.is_empty() { String::new() } else { format!("\n{facts}") };
    let greeting = match brief.recipient.name.trim() {
        "" => "Hello".to_owned(),
        name => format!("Hello {name}"),
    };
    let sender = brief.request.sender.as_deref().map(str::trim).filter(|sender| !sender.is_empty());
    let signature = sender.map_or_else(String::new, |sender| format!("\n{sender}"));
    let body = format!(
        "{greeting},\n\nwe have work for you: {role}.\n{what}\nAre you interested? Please answer this message.\n\n\
         Kind regards{signature}\n"
    );
    (format!("Work for you: {role}"), body)
}

/// Short, as all of it has to fit into one message.
fn sms(brief: &Brief<'_>) -> String {
    let role = brief.request.role.trim();
    let sender = brief.request.sender.as_deref().map(str::trim).filter(|sender| !sender.is_empty());
    let from = sender.map_or_else(String::new, |sender| format!("{sender}: "));
    let first_name = brief.recipient.name.split_whitespace().next();
    let greeting = first_name.map_or_else(String::new, |name| format!("Hi {name}, "));
    let facts: Vec<String> =
        facts(&brief.request.facts).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    let what = if facts.is_empty() { String::new() } else { format!(", {}", facts.join(", ")) };
    format!("{from}{greeting}work as {role}{what}. Interested? Reply YES, or STOP to opt out.")
}

/// Names and values; what is nested is named by its way: `shift start`.
fn facts(facts: &Map<String, Value>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in facts {
        gather(&mut found, &spaced(name), value, 1);
    }
    found
}

fn gather(found: &mut Vec<(String, String)>, name: &str, value: &Value, depth: usize) {
    let text = match value {
        Value::Null => return,
        Value::Object(object) if depth < MAX_DEPTH => {
            for (inner, value) in object {
                gather(found, &format!("{name} {}", spaced(inner)), value, depth + 1);
            }
            return;
        }
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            items.iter().map(plain).collect::<Vec<_>>().join(", ")
        }
        value => plain(value),
    };
    found.push((name.to_owned(), text));
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}
