//! Stage p3: what a row of evidence proves.

use serde::{Deserialize, Serialize};

use crate::{Evidence, Outcome};

/// From this score on something worked.
pub const ACCEPTED_FROM: f64 = 0.8;
/// From this score on it worked in part, below it failed; the learning loop draws the same line (policy `evidence`).
pub const PARTIAL_FROM: f64 = 0.5;

/// What becomes of a row, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It worked.
    Accepted,
    /// It worked in part.
    Partial,
    /// It did not work.
    Rejected,
    /// A person has to say.
    Human,
}

/// The rule behind a verdict. The first that applies decides:
///
/// | score | words | rule | verdict |
/// |---|---|---|---|
/// | any | not known | `unclear` | human |
/// | none | none | `unjudged` | human |
/// | below 0.5 | good or mixed | `disagree` | human |
/// | 0.5 and more | bad | `disagree` | human |
/// | below 0.5 | none or bad | `score_low` | rejected |
/// | 0.8 and more | mixed | `said_mixed` | partial |
/// | 0.8 and more | none or good | `score_high` | accepted |
/// | 0.5 to below 0.8 | none, good or mixed | `score_middle` | partial |
/// | none | good | `said_good` | accepted |
/// | none | mixed | `said_mixed` | partial |
/// | none | bad | `said_bad` | rejected |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The words for the outcome are not known.
    Unclear,
    /// Nobody has said how it went.
    Unjudged,
    /// Score and words contradict each other.
    Disagree,
    /// The score is below [`PARTIAL_FROM`].
    ScoreLow,
    /// The score is below [`ACCEPTED_FROM`].
    ScoreMiddle,
    /// The score is [`ACCEPTED_FROM`] or more.
    ScoreHigh,
    /// There are only words, or the words are more careful than the score.
    SaidMixed,
    /// There are only words, and they are good.
    SaidGood,
    /// There are only words, and they are bad.
    SaidBad,
}

impl Rule {
    /// The rule that decides.
    fn of(score: Option<f64>, outcome: Option<Outcome>) -> Self {
        use Outcome::{Bad, Good, Mixed, Unclear};
        match (score, outcome) {
            (_, Some(Unclear)) => Self::Unclear,
            (None, None) => Self::Unjudged,
            (None, Some(Good)) => Self::SaidGood,
            (None, Some(Mixed)) => Self::SaidMixed,
            (None, Some(Bad)) => Self::SaidBad,
            (Some(score), outcome) if score < PARTIAL_FROM => match outcome {
                Some(Good | Mixed) => Self::Disagree,
                _ => Self::ScoreLow,
            },
            (Some(_), Some(Bad)) => Self::Disagree,
            (Some(score), _) if score < ACCEPTED_FROM => Self::ScoreMiddle,
            (Some(_), Some(Mixed)) => Self::SaidMixed,
            (Some(_), _) => Self::ScoreHigh,
        }
    }

    /// What it decides.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::ScoreHigh | Self::SaidGood => Verdict::Accepted,
            Self::ScoreMiddle | Self::SaidMixed => Verdict::Partial,
            Self::ScoreLow | Self::SaidBad => Verdict::Rejected,
            Self::Unclear | Self::Unjudged | Self::Disagree => Verdict::Human,
        }
    }
}

/// A row of evidence, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// Id of the evidence.
    pub id: String,
    /// What it proves.
    pub verdict: Verdict,
    /// By which rule.
    pub rule: Rule,
}

impl Scored {
    /// Judges one row by itself.
    pub fn of(evidence: &Evidence) -> Self {
        let rule = Rule::of(evidence.score, evidence.outcome);
        Self { id: evidence.id.clone(), verdict: rule.verdict(), rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_score_and_words_has_the_verdict_of_the_table() {
        use Outcome::{Bad, Good, Mixed, Unclear};
        use Verdict::{Accepted, Human, Partial, Rejected};
        // Without words, then good, mixed, bad and unclear ones.
        let table = [
            (None, [Human, Accepted, Partial, Rejected, Human]),
            (Some(0.0), [Rejected, Human, Human, Rejected, Human]),
            (Some(0.49), [Rejected, Human, Human, Rejected, Human]),
            (Some(0.5), [Partial, Partial, Partial, Human, Human]),
            (Some(0.79), [Partial, Partial, Partial, Human, Human]),
            (Some(0.8), [Accepted, Accepted, Partial, Human, Human]),
            (Some(1.0), [Accepted, Accepted, Partial, Human, Human]),
        ];
        for (score, verdicts) in table {
            let words = [None, Some(Good), Some(Mixed), Some(Bad), Some(Unclear)];
            assert_eq!(words.map(|words| Rule::of(score, words).verdict()), verdicts, "{score:?}");
        }
    }

    #[test]
    fn words_are_read_in_any_case_and_unknown_ones_are_left_to_people() {
        let read = ["Hired", " failed\n", "PARTIAL", "needs_review", ""].map(Outcome::of);
        assert_eq!(read, [Outcome::Good, Outcome::Bad, Outcome::Mixed, Outcome::Unclear, Outcome::Unclear]);
    }
}
