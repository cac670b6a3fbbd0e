//! What answers are held to. Each check can fail; the tests show how.

use std::collections::BTreeSet;

use wire::matrix::{Hit, SearchResponse, ValidationReport, Violation};

use crate::failure::{Result, promise};

/// How far a distance may be from its arithmetic, over HTTP and in f32.
pub(crate) const TOLERANCE: f32 = 1e-4;
/// Ids of the rules of the SSN guard begin with this.
const SSN_RULES: &str = "ssn";

/// Exactly `k` results that keep [`ranked`].
pub(crate) fn full_page(response: &SearchResponse, k: usize) -> Result {
    let found = response.results.len();
    promise("a search returns k results", found == k, || format!("{found} of {k}"))?;
    ranked(response)
}

/// Live results, each once, nearest first, moved by playbooks alone, and counted rightly.
pub(crate) fn ranked(response: &SearchResponse) -> Result {
    let hits = &response.results;
    let is_sorted = hits.is_sorted_by(|a, b| a.distance <= b.distance);
    promise("results are sorted by distance", is_sorted, || format!("{:?}", distances(hits)))?;

    let distinct: BTreeSet<_> = hits.iter().map(|hit| (&hit.corpus, &hit.id)).collect();
    promise("no result comes twice", distinct.len() == hits.len(), || format!("{:?}", ids(hits)))?;

    let dead = hits.iter().find(|hit| hit.metadata.is_empty());
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
pub(crate) fn untouched(response: &SearchResponse) -> Result {
    let (boosted, injected) = (response.boosted, response.injected);
    promise("another role's recording touches nothing", (boosted, injected) == (0, 0), || {
        format!("boosted {boosted}, injected {injected}")
    })
}

/// The answer recorded with score 1 at the distance `cold` is here at half of it, because of a playbook.
pub(crate) fn halved(response: &SearchResponse, answer_id: &str, cold: f32) -> Result {
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
pub(crate) fn swapped(first: &SearchResponse, second: &SearchResponse) -> Result {
    let (before, after) = (first.results.len(), second.results.len());
    promise("others come for those excluded", before == after, || format!("{before}, then {after}"))?;
    let excluded: BTreeSet<&str> = first.results.iter().map(|hit| hit.id.as_str()).collect();
    let back = second.results.iter().find(|hit| excluded.contains(hit.id.as_str()));
    promise("excluded ids never come back", back.is_none(), || format!("{:?}", ids(back)))
}

/// The same question has the same answer.
pub(crate) fn same(first: &SearchResponse, again: &SearchResponse) -> Result {
    let is_same = first.results == again.results;
    promise("the same query has the same answer", is_same, || {
        format!("{:?}, then {:?}", ids(&first.results), ids(&again.results))
    })
}

/// At least one result, and each of the role that the filter asks for.
pub(crate) fn of_role(response: &SearchResponse, role: &str) -> Result {
    promise("a filter finds those who match", !response.results.is_empty(), || {
        format!("nobody is a {role}")
    })?;
    let other =
        response.results.iter().find(|hit| hit.metadata.get("role").is_none_or(|found| found != role));
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

fn ids<'a>(hits: impl IntoIterator<Item = &'a Hit>) -> Vec<&'a str> {
    hits.into_iter().map(|hit| hit.id.as_str()).collect()
}

fn distances(hits: &[Hit]) -> Vec<f32> {
    hits.iter().map(|hit| hit.distance).collect()
}

fn count(hits: &[Hit], is_counted: impl Fn(&Hit) -> bool) -> usize {
    hits.iter().filter(|hit| is_counted(hit)).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::matrix::Severity;
    use wire::metadata::RawObject;

    use super::*;

    fn hit(id: &str, distance: f32) -> Hit {
        let metadata = json!({"role": "Welder"}).as_object().cloned().unwrap();
        let corpus = "workers".to_owned();
        Hit {
            id: id.into(),
            corpus,
            distance,
            base_distance: distance,
            boosted: false,
            injected: false,
            metadata: metadata.into(),
        }
    }

    fn boosted(id: &str, base_distance: f32) -> Hit {
        Hit { distance: base_distance * 0.5, boosted: true, ..hit(id, base_distance) }
    }

    fn response(results: Vec<Hit>) -> SearchResponse {
        let (boosted, injected) = (count(&results, |hit| hit.boosted), count(&results, |hit| hit.injected));
        SearchResponse { results, boosted, injected, took_ms: 1.0, explain: None }
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
        let dead = Hit { metadata: RawObject::default(), ..hit("a", 0.1) };
        assert_broken(ranked(&response(vec![dead])), "results are live");
    }

    #[test]
    fn distance_that_moved_unmarked_and_a_wrong_count_fail() {
        let moved = Hit { base_distance: 0.3, ..hit("a", 0.1) };
        assert_broken(ranked(&response(vec![moved])), "only a playbook moves a distance");
        let miscounted = SearchResponse { boosted: 0, ..response(vec![boosted("a", 0.3)]) };
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
        same(&first, &SearchResponse { took_ms: 9.0, ..first.clone() }).unwrap();
        assert_broken(same(&first, &response(vec![hit("a", 0.11)])), "the same query has the same answer");
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
}
