//! What two sides said beside each other, and which promises they broke.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::spoken::Spoken;
use crate::{Fault, Findings, Given, Row};

/// Characters of a text that are shown from the first difference on.
const SHOWN: usize = 24;

/// All pairs of answers so far.
#[derive(Debug)]
pub(super) struct Comparison {
    /// Whether a text that differs fails.
    same_text: bool,
    rows: Vec<Row>,
    faults: Vec<String>,
    /// What left and right came without, and how often.
    broken: [BTreeMap<&'static str, usize>; 2],
    /// A sentence for each pair of texts that differ.
    texts: Vec<String>,
    /// What else is worth a remark.
    prompts: Vec<String>,
}

impl Comparison {
    pub(super) fn new(same_text: bool) -> Self {
        let (rows, faults, broken) = (Vec::new(), Vec::new(), [BTreeMap::new(), BTreeMap::new()]);
        Self { same_text, rows, faults, broken, texts: Vec::new(), prompts: Vec::new() }
    }

    /// Adds what left and right gave.
    pub(super) fn add(&mut self, case: &str, given: Given<Spoken>) {
        match given {
            [Ok(left), Ok(right)] => self.add_pair(case, &left, &right),
            given => {
                for (side, fault) in ["left", "right"].iter().zip(&given) {
                    self.faults.extend(fault.as_ref().err().map(|why| format!("{side}, {case}: {why}")));
                }
                self.rows.push(Row::of_faults(case, given));
            }
        }
    }

    fn add_pair(&mut self, case: &str, left: &Spoken, right: &Spoken) {
        for (counts, spoken) in self.broken.iter_mut().zip([left, right]) {
            for wrong in &spoken.broken {
                *counts.entry(*wrong).or_default() += 1;
            }
        }
        let equal = equal_chars(&left.text, &right.text);
        let [of_left, of_right] = [left, right].map(|spoken| spoken.text.chars().count());
        let is_same = left.text == right.text;
        if !is_same {
            self.texts.push(format!(
                "{case}: the texts are equal up to character {equal}, of {of_left} on the left and {of_right} on the right."
            ));
        }
        let [of_left_prompt, of_right_prompt] = [left, right].map(|spoken| &spoken.usage["prompt_tokens"]);
        // Where a side does not count, there is nothing to compare; where it estimates, no more.
        let are_counted = [left, right]
            .iter()
            .all(|spoken| spoken.usage["prompt_tokens"].is_u64() && spoken.usage["estimated"] != true);
        if are_counted && of_left_prompt != of_right_prompt {
            self.prompts.push(format!(
                "{case}: the prompt has {of_left_prompt} tokens on the left and {of_right_prompt} on the right: it is not the same one."
            ));
        }
        self.rows.push(Row {
            case: case.to_owned(),
            figure: equal as f64 / of_left.max(of_right).max(1) as f64,
            is_alike: right.broken.is_empty() && (is_same || !self.same_text),
            evidence: json!({
                "equal_leading_chars": equal,
                "left": shown(left, equal, is_same),
                "right": shown(right, equal, is_same),
            }),
        });
    }

    /// All of it; `asked` says whether there would have been more.
    pub(super) fn findings(self, asked: Result<(), Fault>) -> Findings {
        let Self { same_text, rows, faults, broken, texts, prompts } = self;
        if let Err(fault) = asked {
            return Findings::ended(fault, rows);
        }
        let answers = rows.len();
        let [of_left, of_right] = broken;
        let mut causes = faults;
        causes.extend(of_right.iter().map(|(wrong, n)| format!("right: {wrong} ({n} of {answers} answers)")));
        let mut remarks: Vec<String> =
            of_left.iter().map(|(wrong, n)| format!("Left: {wrong} ({n} of {answers} answers).")).collect();
        let told = if same_text { &mut causes } else { &mut remarks };
        told.extend(texts);
        remarks.extend(prompts);
        Findings::of(&causes, rows, remarks)
    }
}

/// How many characters both texts begin with.
fn equal_chars(left: &str, right: &str) -> usize {
    left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count()
}

fn shown(spoken: &Spoken, equal: usize, is_same: bool) -> Value {
    let Spoken { text, pieces, finish_reason, usage, broken, .. } = spoken;
    let mut shown = json!({
        "chars": text.chars().count(), "pieces": pieces, "finish_reason": finish_reason, "usage": usage, "broken": broken,
    });
    if !is_same {
        shown["from_there"] = json!(text.chars().skip(equal).take(SHOWN).collect::<String>());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn spoken(text: &str, broken: &[&'static str]) -> Spoken {
        Spoken {
            text: text.to_owned(),
            pieces: 1,
            finish_reason: json!("stop"),
            usage: json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}),
            model: json!("m"),
            broken: broken.to_vec(),
        }
    }

    fn findings(same_text: bool, left: Spoken, right: Spoken) -> Findings {
        let mut comparison = Comparison::new(same_text);
        comparison.add("whole: a", [Ok(left), Ok(right)]);
        comparison.findings(Ok(()))
    }

    #[test]
    fn text_that_only_begins_alike_is_remarked_with_the_place_and_fails_if_it_may_not_differ() {
        let (left, right) = (|| spoken("Größe 42 fits", &[]), || spoken("Größe 43", &[]));
        let lenient = findings(false, left(), right());
        assert_eq!((lenient.outcome, lenient.rows[0].is_alike), (Outcome::Pass, true));
        assert!(
            lenient.remarks[0].contains("up to character 7, of 13 on the left and 8"),
            "{:?}",
            lenient.remarks
        );
        assert!((lenient.rows[0].figure - 7.0 / 13.0).abs() < 1e-12);
        assert_eq!(lenient.rows[0].evidence["right"]["from_there"], "3");

        let strict = findings(true, left(), right());
        assert_eq!((strict.outcome, strict.rows[0].is_alike), (Outcome::Fail, false));
        assert!(strict.cause.unwrap().contains("up to character 7"));
        let shorter = findings(true, spoken("Größe", &[]), spoken("Größe 4", &[]));
        assert_eq!(shorter.outcome, Outcome::Fail, "the beginning of a text is not the text");
        let same = findings(true, left(), left());
        assert_eq!((same.outcome, same.rows[0].figure, same.remarks.len()), (Outcome::Pass, 1.0, 0));
    }

    #[test]
    fn promise_broken_on_the_right_fails_and_on_the_left_is_remarked() {
        let right = findings(false, spoken("a", &[]), spoken("a", &["no usage"]));
        assert_eq!((right.outcome, right.rows[0].is_alike), (Outcome::Fail, false));
        assert_eq!(right.cause.unwrap(), "right: no usage (1 of 1 answers)");
        let left = findings(false, spoken("a", &["no usage"]), spoken("a", &[]));
        assert_eq!((left.outcome, left.cause), (Outcome::Pass, None));
        assert_eq!(left.remarks, ["Left: no usage (1 of 1 answers)."]);
    }

    #[test]
    fn side_without_an_answer_fails_whichever_it_is() {
        for given in [
            [Err("it answered 404".to_owned()), Ok(spoken("a", &[]))],
            [Ok(spoken("a", &[])), Err("it answered 404".to_owned())],
        ] {
            let mut comparison = Comparison::new(false);
            comparison.add("whole: a", given);
            let findings = comparison.findings(Ok(()));
            assert_eq!((findings.outcome, findings.rows[0].is_alike), (Outcome::Fail, false));
            assert!(findings.cause.unwrap().contains("whole: a: it answered 404"));
        }
    }

    #[test]
    fn prompt_of_another_length_is_remarked() {
        let mut longer = spoken("a", &[]);
        longer.usage["prompt_tokens"] = json!(19);
        let findings = findings(false, spoken("a", &[]), longer);
        assert_eq!(findings.outcome, Outcome::Pass);
        assert!(findings.remarks[0].contains("7 tokens on the left and 19"), "{:?}", findings.remarks);
    }
}
