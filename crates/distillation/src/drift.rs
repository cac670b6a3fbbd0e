//! How an audit differs from the last one.

use serde::Serialize;

use crate::Metrics;

/// One metric, then and now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DriftLine {
    /// One of [`METRICS`](crate::METRICS).
    pub metric: &'static str,
    /// In the last baseline, if it had this metric.
    pub before: Option<u64>,
    /// In this audit.
    pub now: Option<u64>,
    /// By how much it has changed, as a share of what it was; none where that was 0 or is not known.
    pub relative: Option<f64>,
    /// Whether that is more than the tolerance. A metric that was 0 and no longer is has drifted, as has one that appeared or went.
    pub is_drift: bool,
}

/// Compares `now` to the last baseline. A change of up to `tolerance`, a share of the value before (0.1 is a tenth), is none.
pub fn build_audit_drift_table(before: &Metrics, now: &Metrics, tolerance: f64) -> Vec<DriftLine> {
    let line = |((metric, before), (_, now)): ((&'static str, Option<u64>), (_, Option<u64>))| {
        let relative = before.zip(now).filter(|(before, _)| *before > 0).map(|(before, now)| {
            let (before, now) = (before as f64, now as f64);
            (now - before) / before
        });
        let is_drift = relative.map_or(before != now, |relative| relative.abs() > tolerance);
        DriftLine { metric, before, now, relative, is_drift }
    };
    before.iter().zip(now.iter()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_drifts_beyond_the_tolerance_from_zero_and_when_it_comes_or_goes() {
        let before = Metrics::new([100, 100, 100, 0, 0, 7, 1, 1, 1, 1]);
        let now = Metrics::new([110, 111, 89, 0, 1, 7, 0, 1, 1, 1]);
        let table = build_audit_drift_table(&before, &now, 0.1);
        let drifted: Vec<_> = table.iter().filter(|line| line.is_drift).map(|line| line.metric).collect();
        assert_eq!(drifted, ["p2_evidence_skips", "p3_accepted", "p3_rejected", "p4_rag_rows"]);
        assert_eq!(table.first().and_then(|line| line.relative), Some(0.1));
        assert_eq!(table.iter().find(|line| line.metric == "p3_rejected").unwrap().relative, None);

        let unknown = build_audit_drift_table(&Metrics::default(), &now, 0.1);
        assert!(unknown.iter().all(|line| line.is_drift && line.before.is_none()));
        assert!(build_audit_drift_table(&now, &now, 0.0).iter().all(|line| !line.is_drift));
    }
}
