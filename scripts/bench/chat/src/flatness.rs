//! Whether a figure that was looked at again and again has stayed where it was.

use bench_kit::spread::Spread;
use serde::Serialize;

/// By which part of it a figure may grow.
const MAX_GROWTH: f64 = 0.05;

/// A figure early and late in a run. The second fifth is early: in the first one caches and pools fill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Flatness {
    /// The median of the second fifth.
    pub(crate) early: f64,
    /// The median of the last fifth.
    pub(crate) late: f64,
    /// What the late one may be at most.
    pub(crate) allowed: f64,
}

impl Flatness {
    /// Of `figures` in the order in which they were seen. They may grow by 5 %, or by `least` if that is more. `None` where there are
    /// fewer than five.
    pub(crate) fn of(figures: &[f64], least: f64) -> Option<Self> {
        let fifths: Vec<f64> = medians(figures, 5).into_iter().collect::<Option<_>>()?;
        let (early, late) = (fifths[1], fifths[4]);
        Some(Self { early, late, allowed: early + least.max(early * MAX_GROWTH) })
    }
}

/// The median of each of `parts` equal parts of `figures`; `None` of those that are empty.
pub(crate) fn medians(figures: &[f64], parts: usize) -> Vec<Option<f64>> {
    let part = |number: usize| {
        let (from, to) = (figures.len() * number / parts, figures.len() * (number + 1) / parts);
        Spread::of(&figures[from..to]).map(|spread| spread.median)
    };
    (0..parts).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_flat(figures: &[f64], least: f64) -> bool {
        Flatness::of(figures, least).is_some_and(|flatness| flatness.late <= flatness.allowed)
    }

    #[test]
    fn figure_that_fills_up_first_and_then_stays_is_flat() {
        let figure = |at: u8| if at < 20 { f64::from(at) } else { 20.0 + f64::from(at % 3) };
        assert!(is_flat(&(0..100).map(figure).collect::<Vec<_>>(), 0.0));
    }

    #[test]
    fn figure_that_goes_on_growing_is_not_flat_unless_it_grows_by_little() {
        let growing: Vec<f64> = (0..100).map(|at| 100.0 + f64::from(at) / 5.0).collect();
        let flatness = Flatness::of(&growing, 0.0).unwrap();
        assert!(
            (flatness.early - 105.9).abs() < 1e-9 && (flatness.late - 117.9).abs() < 1e-9,
            "{flatness:?}"
        );
        assert!(!is_flat(&growing, 0.0) && !is_flat(&growing, 11.9) && is_flat(&growing, 12.1));
    }

    #[test]
    fn one_peak_decides_nothing_and_too_few_figures_are_no_verdict() {
        let mut figures = vec![10.0; 50];
        figures[45] = 1e6;
        assert!(is_flat(&figures, 0.0));
        assert_eq!(Flatness::of(&[1.0; 4], 0.0), None);
        assert!(!is_flat(&[], 1.0));
    }

    #[test]
    fn each_part_has_its_median() {
        assert_eq!(medians(&[1.0, 3.0, 2.0, 9.0, 9.0, 5.0], 2), [Some(2.0), Some(9.0)]);
        assert_eq!(medians(&[1.0], 2), [None, Some(1.0)]);
    }
}
