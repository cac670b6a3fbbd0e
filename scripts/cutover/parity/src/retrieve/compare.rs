//! Whether two answers to a question are alike.

use serde::Deserialize;
use serde_json::{Value, json};
use wire::matrix::RetrievedRow;

/// How far apart two distances of one row may be.
pub(super) const TOLERANCE: f32 = 1e-3;
/// Rows whose distances differ by no more stand in an order that rounding has chosen.
pub(super) const TIE: f32 = 1e-5;
/// Of numbers that are computed, relative.
const ROUNDING: f64 = 1e-9;

/// An answer, nearest first.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Found {
    columns: Vec<String>,
    rows: Vec<RetrievedRow>,
}

impl Found {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, id: &str) -> Option<&RetrievedRow> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// Whether `id` may as well stand at `place`: it is as far away there, or was left out for one that is.
    fn may_have(&self, id: &str, place: usize) -> bool {
        let own = self.row(id).or(self.rows.last());
        own.is_some_and(|own| (own.distance - self.rows[place].distance).abs() <= TIE)
    }
}

/// What is different first, if anything is.
pub(super) fn difference(left: &Found, right: &Found) -> Option<Value> {
    if left.columns != right.columns {
        return Some(json!({ "columns": { "left": left.columns, "right": right.columns } }));
    }
    if left.len() != right.len() {
        return Some(json!({ "row count": { "left": left.len(), "right": right.len() } }));
    }
    let mut places = left.rows.iter().zip(&right.rows).enumerate();
    let wrong = places.find(|(place, (a, b))| {
        let is_as_far = (a.distance - b.distance).abs() <= TOLERANCE;
        let is_same = a.id == b.id || (left.may_have(&b.id, *place) && right.may_have(&a.id, *place));
        !is_as_far || !is_same
    });
    if let Some((place, (a, b))) = wrong {
        let shown = |row: &RetrievedRow| json!({ "id": row.id, "distance": row.distance });
        return Some(json!({ "place": place, "left": shown(a), "right": shown(b) }));
    }
    let mut shared = left.rows.iter().filter_map(|row| Some((row, right.row(&row.id)?)));
    shared.find_map(|(a, b)| different_value(&left.columns, a, b))
}

fn different_value(columns: &[String], left: &RetrievedRow, right: &RetrievedRow) -> Option<Value> {
    let different =
        columns.iter().find(|column| match (left.values.get(*column), right.values.get(*column)) {
            (Some(a), Some(b)) => !are_alike(a, b),
            _ => true,
        });
    different.map(|column| {
        let [a, b] = [left, right].map(|row| row.values.get(column));
        json!({ "id": left.id, "column": column, "left": a, "right": b })
    })
}

fn are_alike(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= ROUNDING * a.abs().max(b.abs()),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: &[(&str, f32, Value)]) -> Found {
        let row = |(id, distance, years): &(&str, f32, Value)| RetrievedRow {
            id: (*id).to_owned(),
            distance: *distance,
            values: [("years".to_owned(), years.clone())].into(),
        };
        Found { columns: vec!["years".to_owned()], rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn rows_at_one_distance_may_change_places_and_others_may_not() {
        let seven = || json!(7);
        let left = found(&[("a", 0.1, seven()), ("b", 0.2, seven()), ("c", 0.2, seven())]);
        let swapped = found(&[("a", 0.1, seven()), ("c", 0.2, seven()), ("b", 0.2, seven())]);
        assert_eq!(difference(&left, &swapped), None);
        let cut = found(&[("a", 0.1, seven()), ("b", 0.2, seven()), ("d", 0.2, seven())]);
        assert_eq!(difference(&left, &cut), None, "the last may be any of those at its distance");
        let moved = found(&[("b", 0.1, seven()), ("a", 0.2, seven()), ("c", 0.2, seven())]);
        assert_eq!(difference(&left, &moved).unwrap()["place"], 0);
        let stranger = found(&[("z", 0.1, seven()), ("b", 0.2, seven()), ("c", 0.2, seven())]);
        assert_eq!(difference(&left, &stranger).unwrap()["right"]["id"], "z");
    }

    #[test]
    fn distances_are_compared_up_to_the_tolerance() {
        let at = |distance| found(&[("a", distance, json!(7))]);
        assert_eq!(difference(&at(0.5), &at(0.5004)), None);
        assert_eq!(difference(&at(0.5), &at(0.502)).unwrap()["place"], 0);
    }

    #[test]
    fn value_that_differs_is_shown_with_its_row_and_column() {
        let with = |years| found(&[("a", 0.5, years)]);
        assert_eq!(difference(&with(json!(7)), &with(json!(7.0))), None);
        assert_eq!(difference(&with(Value::Null), &with(Value::Null)), None);
        for (left, right) in [(json!(7), Value::Null), (json!(7), json!("7")), (json!(7), json!(8))] {
            let difference = difference(&with(left.clone()), &with(right.clone())).unwrap();
            assert_eq!(difference, json!({ "id": "a", "column": "years", "left": left, "right": right }));
        }
        let mut without = with(json!(7));
        without.rows[0].values.clear();
        assert_eq!(difference(&with(json!(7)), &without).unwrap()["right"], Value::Null);
    }

    #[test]
    fn rows_or_columns_that_are_missing_are_a_difference() {
        let left = found(&[("a", 0.5, json!(7))]);
        assert_eq!(difference(&left, &found(&[])).unwrap()["row count"], json!({ "left": 1, "right": 0 }));
        let mut renamed = left.clone();
        renamed.columns[0] = "age".to_owned();
        assert!(difference(&left, &renamed).unwrap()["columns"].is_object());
        assert_eq!(difference(&found(&[]), &found(&[])), None);
    }
}
