//! Who hears what becomes of a request.

use std::fmt::Debug;
use std::time::Duration;

use wire::chat::{FinishReason, Usage};

/// Hears how each attempt at an answer has ended, also where the caller has left. It is called in the middle of the answer,
/// so it neither waits nor takes long.
pub trait Observer: Debug + Send + Sync {
    /// An attempt has ended; another may follow where it has failed.
    fn ended(&self, attempt: &Attempt<'_>);
}

/// One attempt of one provider.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Which provider.
    pub provider: &'a str,
    /// Which model; empty if the provider has not said which it has.
    pub model: &'a str,
    /// `answered`, `abandoned` by the caller, or the code of the failure.
    pub outcome: &'static str,
    /// What it has cost.
    pub usage: Usage,
    /// Why the answer ended, if it is whole.
    pub finish_reason: Option<FinishReason>,
    /// How long the first token of a streamed answer took.
    pub first_token: Option<Duration>,
    /// How long all of it took.
    pub took: Duration,
}
