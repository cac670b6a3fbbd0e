//! Whether two lists of vectors are alike.

use serde_json::json;

use super::shape::Answer;
use crate::{Findings, Row};

/// Components that are shown of a vector.
const SHOWN: usize = 4;
/// A vector whose length differs from one by more is no unit vector.
const UNIT: f64 = 1e-3;

impl Answer {
    /// The same, once it is sure that it can be compared.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn checked(self, texts: usize) -> Result<Self, String> {
        if self.vectors.len() != texts {
            return Err(format!("{} vectors came back for {texts} texts", self.vectors.len()));
        }
        let length = self.len();
        if let Some(other) = self.vectors.iter().find(|vector| vector.len() != length) {
            return Err(format!("its vectors differ in dimension: {length} and {}", other.len()));
        }
        match self.dimension {
            Some(stated) if stated != length as u64 => {
                return Err(format!("it states dimension {stated}, and its vectors have {length}"));
            }
            _ => {}
        }
        if self.vectors.iter().any(|vector| norm(vector) == 0.0 || !norm(vector).is_finite()) {
            return Err("a vector has no direction".to_owned());
        }
        Ok(self)
    }

    /// # Errors
    /// Which model made it, where that is not the one that was forced.
    pub(super) fn is_by(&self, forced: &str) -> Result<(), String> {
        // Ollama puts a tag behind a name that came without one.
        let plain = |name: &str| name.trim_end_matches(":latest").to_owned();
        match &self.model {
            Some(model) if plain(model) != plain(forced) => {
                Err(format!("model {forced} was asked for, and {model} answered"))
            }
            _ => Ok(()),
        }
    }

    fn len(&self) -> usize {
        self.vectors.first().map_or(0, Vec::len)
    }
}

/// Compares checked answers to `texts`; any of the `causes` that are known before makes it fail.
pub(super) fn compare(
    texts: &[&str],
    left: &Answer,
    right: &Answer,
    threshold: f64,
    mut causes: Vec<String>,
) -> Findings {
    if left.len() != right.len() {
        causes.push(format!("dimensions differ: left {}, right {}", left.len(), right.len()));
        return Findings::of(&causes, Vec::new(), Vec::new());
    }
    let row = |(text, (left, right)): (&&str, (&Vec<f64>, &Vec<f64>))| {
        let cosine = cosine(left, right);
        Row {
            case: (*text).to_owned(),
            figure: cosine,
            is_alike: cosine >= threshold,
            evidence: json!({ "left": shown(left), "right": shown(right) }),
        }
    };
    let rows: Vec<Row> = texts.iter().zip(left.vectors.iter().zip(&right.vectors)).map(row).collect();
    let alike = rows.iter().filter(|row| row.is_alike).count();
    if alike < rows.len() {
        causes.push(format!("only {alike} of {} texts reach cosine {threshold}", rows.len()));
    }
    let across = nearest_of_different(&left.vectors, &right.vectors);
    if across >= threshold {
        causes.push(format!(
            "different texts have the same vector (cosine {across:.6}): nothing is told apart"
        ));
    }
    let mut remarks = vec![format!("The nearest vectors of two different texts have cosine {across:.6}.")];
    remarks.extend(norms("left", left));
    remarks.extend(norms("right", right));
    Findings::of(&causes, rows, remarks)
}

/// A remark if the vectors of a side are no unit vectors.
fn norms(side: &str, answer: &Answer) -> Option<String> {
    let norms: Vec<_> = answer.vectors.iter().map(|vector| norm(vector)).collect();
    let (least, most) = norms.iter().fold((f64::MAX, 0.0_f64), |(a, b), &n| (a.min(n), b.max(n)));
    let is_unit = norms.iter().all(|norm| (norm - 1.0).abs() <= UNIT);
    (!is_unit).then(|| {
        format!("Vectors of the {side} have norm {least:.3} to {most:.3}, not 1: harmless under cosine, and a trap elsewhere.")
    })
}

fn shown(vector: &[f64]) -> serde_json::Value {
    json!({ "norm": norm(vector), "first": vector[..vector.len().min(SHOWN)] })
}

fn nearest_of_different(left: &[Vec<f64>], right: &[Vec<f64>]) -> f64 {
    let pairs = left.iter().enumerate().flat_map(|(i, left)| {
        right.iter().enumerate().filter(move |(j, _)| i != *j).map(move |(_, right)| cosine(left, right))
    });
    pairs.fold(-1.0, f64::max)
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b) / (norm(a) * norm(b))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    const TEXTS: [&str; 2] = ["a", "b"];

    fn answer(vectors: [[f64; 2]; 2]) -> Answer {
        Answer { vectors: vectors.map(|vector| vector.to_vec()).to_vec(), dimension: None, model: None }
    }

    #[test]
    fn length_of_vectors_does_not_matter_but_is_remarked() {
        let raw = compare(
            &TEXTS,
            &answer([[1.0, 0.0], [0.0, 1.0]]),
            &answer([[21.0, 0.0], [0.0, 22.5]]),
            0.9999,
            Vec::new(),
        );
        assert_eq!((raw.outcome, raw.cause), (Outcome::Pass, None));
        assert!(
            raw.remarks.iter().any(|remark| remark.contains("right have norm 21.000 to 22.500")),
            "{:?}",
            raw.remarks
        );
    }

    #[test]
    fn one_vector_that_differs_fails_and_so_does_one_vector_for_all() {
        let left = answer([[1.0, 0.0], [0.0, 1.0]]);
        let differs = compare(&TEXTS, &left, &answer([[1.0, 0.0], [0.1, 1.0]]), 0.9999, Vec::new());
        assert_eq!(
            (differs.outcome, differs.rows[0].is_alike, differs.rows[1].is_alike),
            (Outcome::Fail, true, false)
        );
        assert!(differs.cause.unwrap().contains("only 1 of 2"));
        let same = answer([[1.0, 0.0], [1.0, 0.0]]);
        let constant = compare(&TEXTS, &same, &same, 0.9999, Vec::new());
        assert_eq!(constant.outcome, Outcome::Fail);
        assert!(constant.cause.unwrap().contains("told apart"));
    }

    #[test]
    fn answer_that_cannot_be_compared_is_refused_with_the_reason() {
        let short = Answer { vectors: vec![vec![1.0]], ..answer([[1.0; 2]; 2]) };
        assert!(short.checked(2).unwrap_err().contains("1 vectors came back for 2"));
        let ragged = Answer { vectors: vec![vec![1.0], vec![1.0, 2.0]], ..answer([[1.0; 2]; 2]) };
        assert!(ragged.checked(2).unwrap_err().contains("1 and 2"));
        let stated = Answer { dimension: Some(3), ..answer([[1.0; 2]; 2]) };
        assert!(stated.checked(2).unwrap_err().contains("states dimension 3"));
        assert!(answer([[1.0, 0.0], [0.0, 0.0]]).checked(2).unwrap_err().contains("direction"));
    }

    #[test]
    fn model_that_answers_must_be_the_one_that_was_forced() {
        let by = |model: &str| Answer { model: Some(model.into()), ..answer([[1.0; 2]; 2]) };
        assert_eq!(by("nomic-embed-text:latest").is_by("nomic-embed-text"), Ok(()));
        assert_eq!(answer([[1.0; 2]; 2]).is_by("nomic-embed-text"), Ok(()), "the predecessor does not say");
        assert!(
            by("all-MiniLM-L6-v2")
                .is_by("nomic-embed-text")
                .unwrap_err()
                .contains("all-MiniLM-L6-v2 answered")
        );
    }
}
