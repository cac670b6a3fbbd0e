//! One request and what becomes of it.

use llm::budget::{Hold, now_s};
use llm::{Attempt, Observer};

/// Follows a request to its end; dropped when there is nothing more to come.
#[derive(Debug)]
pub(crate) struct Exchange {
    hold: Option<Hold>,
}

impl Exchange {
    /// What it costs is taken from `hold`.
    pub(crate) fn new(hold: Option<Hold>) -> Self {
        Self { hold }
    }
}

impl Observer for Exchange {
    fn ended(&self, attempt: &Attempt<'_>) {
        if let Some(hold) = &self.hold {
            hold.spend(attempt.usage.total_tokens, now_s());
        }
    }
}
