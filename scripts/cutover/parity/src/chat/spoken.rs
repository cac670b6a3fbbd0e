//! An answer, whichever way it came.

use serde_json::Value;

/// What a model said, and what of the promises of the shape it came without.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) text: String,
    /// In how many pieces the text came.
    pub(super) pieces: usize,
    /// `null` without one; so are the others.
    pub(super) finish_reason: Value,
    pub(super) usage: Value,
    pub(super) model: Value,
    /// Promises that are broken, each as what is wrong.
    pub(super) broken: Vec<&'static str>,
}

/// What is wrong, of promises that are kept or not.
pub(super) fn broken(promises: &[(bool, &'static str)]) -> Vec<&'static str> {
    promises.iter().filter(|(is_kept, _)| !is_kept).map(|(_, wrong)| *wrong).collect()
}

/// Whether a usage has all its numbers, and the total is the sum.
pub(super) fn adds_up(usage: &Value) -> bool {
    let tokens = |name: &str| usage[name].as_u64();
    match (tokens("prompt_tokens"), tokens("completion_tokens"), tokens("total_tokens")) {
        (Some(prompt), Some(completion), Some(total)) => {
            prompt > 0 && completion > 0 && prompt.checked_add(completion) == Some(total)
        }
        _ => false,
    }
}

/// Whether a reason for the end is one that an answer without tools can have.
pub(super) fn is_reason(reason: &Value) -> bool {
    matches!(reason.as_str(), Some("stop" | "length"))
}
