//! What answers are held to. Each check can fail; the tests show how.

use std::collections::BTreeSet;

use wire::matrix::{Severity, ValidationReport, Violation};

use crate::answer::{Found, Hit};
use crate::failure::{Result, promise};

/// How far a distance may be from its arithmetic, over HTTP and in f32.
pub(crate) const TOLERANCE: f32 = 1e-4;
/// Ids of the rules of the SSN guard begin with this.
const SSN_RULES: &str = "ssn";

/// Exactly `k` results that keep [`ranked`].
pub(crate) fn full_page(response: &Found<'_>, k: usize) -> Result {
    let found = response.results.len();
    promise("a search returns k results", found == k, || format!("{found} of {k}"))?;
    ranked(response)
}

/// Live results, each once, nearest first, moved by playbooks alone, and counted rightly.
pub(crate) fn ranked(response: &Found<'_>) -> Result {
    let hits = &response.results;
    let is_sorted = hits.is_sorted_by(|a, b| a.distance <= b.distance);
    promise("results are sorted by distance", is_sorted, || format!("{:?}", distances(hits)))?;

    let distinct: BTreeSet<_> = hits.iter().map(|hit| (&hit.corpus, &hit.id)).collect();
    promise("no result comes twice", distinct.len() == hits.len(), || format!("{:?}", ids(hits)))?;

    let dead = hits.iter().find(|hit| hit.metadata() == "{}");
    promise("results are live", dead.is_none(), || format!("{:?} has no metadata", ids(dead)))?;

    let moved = hits.iter().find(|hit| !hit.boosted && !hit.injected && hit.distance != hit.base_distance);
    promise("only a playbook moves a distance", moved.is_none(), || format!("{:?}", ids(moved)))?;

    let counted = (response.boosted, response.injected);
    let marked = (count(hits, |hit| hit.boosted), count(hits, |hit| hit.injected));
    promise("boosted and injected count the results", counted == marked, || {
        format!("counted {counted:?}, marked {marked:?}")
    })
}

/// No playbook has touched the results.
pub(crate) fn untouched(response: &Found<'_>) -> Result {
    let (boosted, injected) = (response.boosted, response.injected);
    promise("another role's recording touches nothing", (boosted, injected) == (0, 0), || {
        format!("boosted {boosted}, injected {injected}")
    })
}

/// The answer recorded with score 1 at the distance `cold` is here at half of it, because of a playbook.
pub(crate) fn halved(response: &Found<'_>, answer_id: &str, cold: f32) -> Result {
    let hit = response.results.iter().find(|hit| hit.id == answer_id);
    let distance = hit.map(|hit| hit.distance);
    let is_half = distance.is_some_and(|warm| (warm - cold * 0.5).abs() <= TOLERANCE);
    promise("a recorded answer comes at half its distance", is_half, || {
        format!(
            "cold {cold}, warm {distance:?}, boosted {}, injected {}",
            response.boosted, response.injected
        )
    })?;
    let is_marked = hit.is_some_and(|hit| hit.boosted || hit.injected);
    promise("a recorded answer is marked", is_marked, || {
        format!("{answer_id} is neither boosted nor injected")
    })
}

/// The second list has as many results as the first, and none of them.
pub(crate) fn swapped(first: &Found<'_>, second: &Found<'_>) -> Result {
    let (before, after) = (first.results.len(), second.results.len());
    promise("others come for those excluded", before == after, || format!("{before}, then {after}"))?;
    let excluded: BTreeSet<&str> = first.results.iter().map(|hit| hit.id.as_ref()).collect();
    let back = second.results.iter().find(|hit| excluded.contains(hit.id.as_ref()));
    promise("excluded ids never come back", back.is_none(), || format!("{:?}", ids(back)))
}

/// The same question has the same answer.
pub(crate) fn same(first: &Found<'_>, again: &Found<'_>) -> Result {
    let is_same = first.results == again.results;
    promise("the same query has the same answer", is_same, || {
        format!("{:?}, then {:?}", ids(&first.results), ids(&again.results))
    })
}

/// The same question has the same answer as far as daemons that were killed between the two can give it: a model that was
/// loaded anew agrees with the old one to a cosine of 0.99999, and results that are equally near may change places.
pub(crate) fn alike(first: &Found<'_>, again: &Found<'_>) -> Result {
    let (before, after) = (distances(&first.results), distances(&again.results));
    let is_alike = before.len() == after.len()
        && before.iter().zip(&after).all(|(before, after)| (before - after).abs() <= TOLERANCE);
    promise("the same query has the same answer", is_alike, || {
        format!("{:?} at {before:?}, then {:?} at {after:?}", ids(&first.results), ids(&again.results))
    })
}

/// At least one result, and each of the role that the filter asks for.
pub(crate) fn of_role(response: &Found<'_>, role: &str) -> Result {
    promise("a filter finds those who match", !response.results.is_empty(), || {
        format!("nobody is a {role}")
    })?;
    let other = response.results.iter().find(|hit| hit.profile().role.is_none_or(|found| found != role));
    promise("a filter lets only those through who match", other.is_none(), || {
        format!("{:?} is no {role}", ids(other))
    })
}

/// A draft or proposal without fault passes.
pub(crate) fn passed(report: &ValidationReport) -> Result {
    promise("what has no fault passes", report.ok, || rules(report))
}

/// Nothing in the draft was taken for a social security number, not even as a warning.
pub(crate) fn no_ssn_alarm(report: &ValidationReport) -> Result {
    let alarm = report.violations.iter().any(is_ssn);
    promise("a phone number is no social security number", !alarm, || rules(report))
}

/// What breaks `rule` is refused because of it.
pub(crate) fn refused(report: &ValidationReport, rule: &str) -> Result {
    let is_stopped_by =
        |violation: &Violation| violation.rule == rule && violation.severity == Severity::Error;
    let is_refused = !report.ok && report.violations.iter().any(is_stopped_by);
    promise("a planted fault is refused by its rule", is_refused, || {
        format!("{rule} was planted; ok is {}, rules: {}", report.ok, rules(report))
    })
}

/// The SSN guard has stopped the draft.
pub(crate) fn ssn_refused(report: &ValidationReport) -> Result {
    let is_refused = !report.ok && report.violations.iter().any(is_ssn);
    promise("a social security number is refused", is_refused, || {
        format!("ok is {}, rules: {}", report.ok, rules(report))
    })
}

fn is_ssn(violation: &Violation) -> bool {
    violation.rule.starts_with(SSN_RULES)
}

/// Rules and fields; texts of drafts stay out of reports.
fn rules(report: &ValidationReport) -> String {
    let rules =
        report.violations.iter().map(|violation| format!("{} in {}", violation.rule, violation.field));
    rules.collect::<Vec<_>>().join(", ")
}

fn ids<'a>(hits: impl IntoIterator<Item = &'a Hit<'a>>) -> Vec<&'a str> {
    hits.into_iter().map(|hit| hit.id.as_ref()).collect()
}

fn distances(hits: &[Hit<'_>]) -> Vec<f32> {
    hits.iter().map(|hit| hit.distance).collect()
}

fn count(hits: &[Hit<'_>], is_counted: impl Fn(&Hit<'_>) -> bool) -> usize {
    hits.iter().filter(|hit| is_counted(hit)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A welder, as one comes over the wire.
    fn hit(id: &'static str, distance: f32) -> Hit<'static> {
        hit_with(id, distance, r#"{"role":"Welder"}"#)
    }

    fn hit_with(id: &'static str, distance: f32, metadata: &str) -> Hit<'static> {
        let text = format!(
            r#"{{"id":"{id}","corpus":"workers","distance":0,"base_distance":0,"boosted":false,"injected":false,
                 "metadata":{metadata}}}"#
        );
        let hit: Hit<'static> = serde_json::from_str(text.leak()).unwrap();
        Hit { distance, base_distance: distance, ..hit }
    }

    fn boosted(id: &'static str, base_distance: f32) -> Hit<'static> {
        Hit { distance: base_distance * 0.5, boosted: true, ..hit(id, base_distance) }
    }

    fn response(results: Vec<Hit<'static>>) -> Found<'static> {
        let (boosted, injected) = (count(&results, |hit| hit.boosted), count(&results, |hit| hit.injected));
        Found { results, boosted, injected }
    }

    fn report(rules: &[(&str, Severity)]) -> ValidationReport {
        let violation = |(rule, severity): &(&str, Severity)| Violation {
            rule: (*rule).to_owned(),
            severity: *severity,
            field: "body".into(),
            span: [0, 0],
            message: String::new(),
            fix: String::new(),
        };
        let ok = rules.iter().all(|(_, severity)| *severity == Severity::Warning);
        ValidationReport { ok, violations: rules.iter().map(violation).collect() }
    }

    #[track_caller]
    fn assert_broken(outcome: Result, promise: &str) {
        assert_eq!(outcome.unwrap_err().kind(), promise);
    }

    #[test]
    fn good_page_passes_and_a_short_one_fails() {
        let good = response(vec![boosted("a", 0.3), hit("b", 0.2), hit("c", 0.2)]);
        full_page(&good, 3).unwrap();
        assert_broken(full_page(&good, 4), "a search returns k results");
    }

    #[test]
    fn unsorted_repeated_and_dead_results_fail() {
        assert_broken(
            ranked(&response(vec![hit("a", 0.2), hit("b", 0.1)])),
            "results are sorted by distance",
        );
        assert_broken(
            ranked(&response(vec![hit("a", f32::NAN), hit("b", 0.1)])),
            "results are sorted by distance",
        );
        assert_broken(ranked(&response(vec![hit("a", 0.1), hit("a", 0.1)])), "no result comes twice");
        assert_broken(ranked(&response(vec![hit_with("a", 0.1, "{}")])), "results are live");
    }

    #[test]
    fn distance_that_moved_unmarked_and_a_wrong_count_fail() {
        let moved = Hit { base_distance: 0.3, ..hit("a", 0.1) };
        assert_broken(ranked(&response(vec![moved])), "only a playbook moves a distance");
        let miscounted = Found { boosted: 0, ..response(vec![boosted("a", 0.3)]) };
        assert_broken(ranked(&miscounted), "boosted and injected count the results");
    }

    #[test]
    fn recording_that_does_not_halve_the_distance_fails() {
        halved(&response(vec![boosted("a", 0.4)]), "a", 0.4).unwrap();
        let promise = "a recorded answer comes at half its distance";
        assert_broken(halved(&response(vec![hit("a", 0.4)]), "a", 0.4), promise);
        assert_broken(halved(&response(vec![boosted("b", 0.4)]), "a", 0.4), promise);
        assert_broken(halved(&response(vec![boosted("a", 0.4)]), "a", 0.4 + 4.0 * TOLERANCE), promise);
        assert_broken(halved(&response(vec![hit("a", 0.2)]), "a", 0.4), "a recorded answer is marked");
    }

    #[test]
    fn recording_that_touches_another_role_fails() {
        untouched(&response(vec![hit("a", 0.4)])).unwrap();
        assert_broken(
            untouched(&response(vec![boosted("a", 0.4)])),
            "another role's recording touches nothing",
        );
        let injected = Hit { injected: true, ..hit("a", 0.4) };
        assert_broken(untouched(&response(vec![injected])), "another role's recording touches nothing");
    }

    #[test]
    fn excluded_id_that_comes_back_or_leaves_a_gap_fails() {
        let first = response(vec![hit("a", 0.1), hit("b", 0.2)]);
        swapped(&first, &response(vec![hit("c", 0.3), hit("d", 0.4)])).unwrap();
        let back = response(vec![hit("b", 0.2), hit("c", 0.3)]);
        assert_broken(swapped(&first, &back), "excluded ids never come back");
        assert_broken(swapped(&first, &response(vec![hit("c", 0.3)])), "others come for those excluded");
    }

    #[test]
    fn answer_that_changes_fails() {
        let first = response(vec![hit("a", 0.1)]);
        same(&first, &first.clone()).unwrap();
        alike(&first, &response(vec![hit("a", 0.1 + 0.5 * TOLERANCE)])).unwrap();
        for other in [vec![hit("a", 0.11)], vec![]] {
            let other = response(other);
            assert_broken(same(&first, &other), "the same query has the same answer");
            assert_broken(alike(&first, &other), "the same query has the same answer");
        }
        let other_metadata = response(vec![hit_with("a", 0.1, r#"{"role":"Porter"}"#)]);
        assert_broken(same(&first, &other_metadata), "the same query has the same answer");
    }

    #[test]
    fn filter_that_finds_nobody_or_the_wrong_ones_fails() {
        of_role(&response(vec![hit("a", 0.1)]), "Welder").unwrap();
        assert_broken(of_role(&response(vec![]), "Welder"), "a filter finds those who match");
        let other = response(vec![hit("a", 0.1)]);
        assert_broken(of_role(&other, "Porter"), "a filter lets only those through who match");
    }

    #[test]
    fn false_alarms_and_leaks_fail() {
        let (clean, ssn) = (report(&[]), report(&[("ssn_formatted", Severity::Error)]));
        passed(&clean).unwrap();
        no_ssn_alarm(&clean).unwrap();
        ssn_refused(&ssn).unwrap();
        assert_broken(passed(&ssn), "what has no fault passes");
        let warning = report(&[("ssn_unformatted", Severity::Warning)]);
        assert_broken(no_ssn_alarm(&warning), "a phone number is no social security number");
        assert_broken(ssn_refused(&warning), "a social security number is refused");
        let other = report(&[("sms_too_long", Severity::Error)]);
        assert_broken(ssn_refused(&other), "a social security number is refused");
    }

    #[test]
    fn planted_fault_that_passes_or_breaks_another_rule_fails() {
        let promise = "a planted fault is refused by its rule";
        refused(&report(&[("fill_headcount", Severity::Error)]), "fill_headcount").unwrap();
        assert_broken(refused(&report(&[]), "fill_headcount"), promise);
        assert_broken(
            refused(&report(&[("fill_role_mismatch", Severity::Error)]), "fill_headcount"),
            promise,
        );
        let warned = [("fill_headcount", Severity::Warning), ("fill_role_mismatch", Severity::Error)];
        assert_broken(refused(&report(&warned), "fill_headcount"), promise);
    }
}
