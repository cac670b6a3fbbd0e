//! Figures beside the bounds that somebody asked for.

use serde::{Deserialize, Serialize};

use crate::table::table;

/// A figure and its bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Of what.
    pub what: String,
    /// In words.
    pub bar: String,
    /// In words.
    pub figure: String,
    /// In the unit of the bar.
    pub value: Option<f64>,
    /// Whether the figure is within its bound.
    pub is_met: bool,
    /// By which part of the bound it was missed.
    pub missed_by: Option<f64>,
}

impl Bar {
    /// `value` must be `bound` or more.
    pub fn at_least(what: impl Into<String>, unit: &str, bound: f64, value: Option<f64>) -> Self {
        Self::new(what.into(), format!(">= {bound}{unit}"), unit, value, |value| value / bound - 1.0)
    }

    /// `value` must be `bound` or less.
    pub fn at_most(what: impl Into<String>, unit: &str, bound: f64, value: Option<f64>) -> Self {
        Self::new(what.into(), format!("<= {bound}{unit}"), unit, value, |value| 1.0 - value / bound)
    }

    /// `to_spare` is negative for a value that misses.
    fn new(what: String, bar: String, unit: &str, value: Option<f64>, to_spare: impl Fn(f64) -> f64) -> Self {
        let figure = value.map_or("not reached".to_owned(), |value| format!("{}{unit}", significant(value)));
        let to_spare = value.map(to_spare);
        let is_met = to_spare.is_some_and(|to_spare| to_spare >= 0.0);
        let missed_by = to_spare.filter(|_| !is_met).map(|to_spare| -to_spare);
        Self { what, bar, figure, value, is_met, missed_by }
    }

    /// The same, met also by a value that misses by no more than `noise`, a part of the bound.
    pub fn allowing(mut self, noise: f64) -> Self {
        self.bar = format!("{}, +- {} %", self.bar, noise * 100.0);
        self.is_met |= self.missed_by.is_some_and(|part| part <= noise);
        self.missed_by = self.missed_by.filter(|_| !self.is_met);
        self
    }

    /// The same, saying more of the figure.
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.figure = format!("{} {detail}", self.figure);
        self
    }
}

/// Three significant digits.
fn significant(value: f64) -> String {
    let decimals = (2 - value.abs().max(1e-3).log10().floor() as i32).clamp(0, 4) as usize;
    format!("{value:.decimals$}")
}

/// All bars as a Markdown table.
pub fn bar_table(bars: &[Bar]) -> String {
    let row = |bar: &Bar| {
        let verdict = match (bar.is_met, bar.missed_by) {
            (true, _) => "met".to_owned(),
            (false, Some(part)) => format!("**missed by {:.0} %**", part * 100.0),
            (false, None) => "**missed**".to_owned(),
        };
        [bar.what.clone(), bar.bar.clone(), bar.figure.clone(), verdict]
    };
    format!("{}\n", table(&["what", "bar", "measured", ""], bars.iter().map(row), 1..=2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_says_whether_it_is_met_and_by_how_much_it_is_missed() {
        let met = Bar::at_least("rate", " x", 1.5, Some(1.62));
        assert_eq!((met.bar.as_str(), met.figure.as_str(), met.is_met), (">= 1.5 x", "1.62 x", true));
        assert_eq!(met.missed_by, None);
        let missed = Bar::at_most("memory", " MB", 450.0, Some(900.0));
        assert_eq!((missed.is_met, missed.missed_by, missed.figure.as_str()), (false, Some(1.0), "900 MB"));
        let unknown = Bar::at_least("rate", "", 1.0, None);
        assert_eq!(
            (unknown.is_met, unknown.missed_by, unknown.figure.as_str()),
            (false, None, "not reached")
        );
    }

    #[test]
    fn figures_have_three_significant_digits() {
        assert_eq!([0.0123, 1.234, 45.67, 4567.8].map(significant), ["0.0123", "1.23", "45.7", "4568"]);
    }
}
