//! Figures of several rounds, and between two settings.

pub(crate) use bench_kit::spread::Spread;
use bench_kit::table::ABSENT;

/// [`Spread::show`] of `figures`, if there are any.
pub(crate) fn show(figures: &[f64], decimals: usize) -> String {
    Spread::of(figures).map_or(ABSENT.to_owned(), |spread| spread.show(decimals))
}

/// The value below which the part `quantile` of `sorted` lies (nearest rank).
pub(crate) fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

/// The rate at recall `target`, by linear interpolation of its logarithm between the two settings around it. `points` are
/// recall and rate, by rising setting. If the first setting reaches the target, its rate; if none does, `None`.
pub(crate) fn rate_at_recall(points: &[(f64, f64)], target: f64) -> Option<f64> {
    let above = points.iter().position(|(recall, _)| *recall >= target)?;
    let (recall, rate) = points[above];
    let Some((recall_below, rate_below)) = above.checked_sub(1).map(|below| points[below]) else {
        return Some(rate);
    };
    let part = (target - recall_below) / (recall - recall_below);
    Some((rate_below.ln() + part * (rate.ln() - rate_below.ln())).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_shows_the_median_and_the_ends() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[1.0, 2.0]).unwrap().show(1), "1.5 (1.0-2.0)");
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn quantile_is_a_value_that_was_seen() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|q| quantile(&sorted, q)), [1.0, 50.0, 99.0, 100.0]);
    }

    #[test]
    fn rate_is_interpolated_between_the_settings_around_the_target() {
        let points = [(0.90, 8000.0), (0.97, 4000.0), (0.99, 1000.0)];
        let halfway = rate_at_recall(&points, 0.98).unwrap();
        assert!((halfway - 2000.0).abs() < 1e-6, "{halfway}");
        assert_eq!(rate_at_recall(&points, 0.5), Some(8000.0));
        assert_eq!(rate_at_recall(&points, 0.999), None);
    }
}
