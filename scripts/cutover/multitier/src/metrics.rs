//! `/metrics` of a daemon, as far as it is read here: counters and the counts of histograms, in Prometheus' text format.

use std::collections::HashMap;

/// What one daemon's `/metrics` said at some moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Metrics(HashMap<String, f64>);

impl Metrics {
    /// Reads the text exposition format; what is no sample, such as a comment, is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (series, value) = line.trim().rsplit_once(' ')?;
            (!series.starts_with('#')).then_some((series.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter_map(sample).collect())
    }

    /// The sum over all series of that name which carry `label`, written `name="value"`, or over all if that is empty;
    /// `None` if there is none.
    pub(crate) fn sum(&self, name: &str, label: &str) -> Option<f64> {
        let is_asked = |series: &str| {
            let labels = series.strip_prefix(name)?;
            let is_of_name = labels.is_empty() || labels.starts_with('{');
            (is_of_name && labels.contains(label)).then_some(())
        };
        let asked = self.0.iter().filter(|(series, _)| is_asked(series).is_some()).map(|(_, value)| *value);
        asked.reduce(|sum, value| sum + value)
    }
}

/// By how much a counter grew; one that is not there has not begun to count. `None` if it is not there afterwards either,
/// or went back because its daemon started anew.
pub(crate) fn grown(before: &Metrics, after: &Metrics, name: &str, label: &str) -> Option<u64> {
    let by = after.sum(name, label)? - before.sum(name, label).unwrap_or_default();
    (by >= 0.0).then_some(by.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "\
# HELP matrixd_result_cache_total answers by where they came from
# TYPE matrixd_result_cache_total counter
matrixd_result_cache_total{daemon=\"matrixd\",outcome=\"hit\"} 10
matrixd_result_cache_total{daemon=\"matrixd\",outcome=\"miss\"} 5

matrixd_result_cache_total_created 1.7e9
vectord_search_seconds_bucket{le=\"+Inf\"} 7
vectord_search_seconds_count 7
";

    #[test]
    fn series_are_summed_by_name_and_label() {
        let metrics = Metrics::parse(BEFORE);
        assert_eq!(metrics.sum("matrixd_result_cache_total", ""), Some(15.0));
        assert_eq!(metrics.sum("matrixd_result_cache_total", "outcome=\"hit\""), Some(10.0));
        assert_eq!(metrics.sum("vectord_search_seconds_count", ""), Some(7.0));
        assert_eq!(metrics.sum("matrixd_result_cache_total", "outcome=\"stale\""), None);
        assert_eq!(metrics.sum("vectord_search_seconds", ""), None);
    }

    #[test]
    fn growth_counts_from_nothing_and_ends_with_a_restart() {
        let before = Metrics::parse(BEFORE);
        let after = Metrics::parse("vectord_search_seconds_count 12\nmatrixd_playbooks_recorded_total 3\n");
        assert_eq!(grown(&before, &after, "vectord_search_seconds_count", ""), Some(5));
        assert_eq!(grown(&before, &after, "matrixd_playbooks_recorded_total", ""), Some(3));
        assert_eq!(grown(&before, &after, "matrixd_result_cache_total", ""), None);
        let restarted = Metrics::parse("vectord_search_seconds_count 2\n");
        assert_eq!(grown(&before, &restarted, "vectord_search_seconds_count", ""), None);
    }
}
