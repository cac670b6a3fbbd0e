//! What must not leave the house: the bars that `validators::leaks` is held to.
//!
//! The drafts are written here from what people write, not from what the guard looks for: none of its word lists,
//! readers or rules is used, and neither module knows the other's.

mod bars;
mod dialling;
mod identifiers;
mod negatives;
mod phones;
mod planted;
mod presidio;
mod properties;

use std::ops::Range;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A generated text.
struct Draft {
    body: String,
    /// Which spelling of a planted number, or which kind of other number.
    kind: &'static str,
    /// Where a social security number is planted, in bytes.
    planted: Option<Range<usize>>,
}

/// Any one of `choices`.
fn pick<T: Copy>(rng: &mut ChaCha8Rng, choices: &[T]) -> T {
    choices[rng.random_range(0..choices.len())]
}

/// `pattern` with every `#` replaced by a digit.
fn digits(rng: &mut ChaCha8Rng, pattern: &str) -> String {
    let digit = |c| if c == '#' { char::from(b'0' + rng.random_range(0..10u8)) } else { c };
    pattern.chars().map(digit).collect()
}
