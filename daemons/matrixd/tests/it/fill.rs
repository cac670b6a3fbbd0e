//! Fill proposals against workers of vectord and wages of queryd.

use serde_json::{Value, json};
use wire::{DaemonName, ErrorCode};

use crate::support::{Bench, Reply, Script, fake, index_info, ok, problem};

/// vectord with one worker, a welder in Tulsa.
fn vectord() -> (DaemonName, Script) {
    fake(DaemonName::Vectord, |asked| match asked.path.starts_with("GET") {
        true => ok(index_info("workers", "cosine")),
        false => ok(json!({"version": 1, "results": [
            {"id": "w1", "distance": 0.5, "metadata": {"role": "Welder", "area": "Tulsa, OK"}}
        ]})),
    })
}

fn answer(rows: &Value) -> Reply {
    let count = rows.as_array().map_or(0, Vec::len);
    ok(json!({"columns": [], "rows": rows, "row_count": count}))
}

fn proposal(pay_rate: Option<f64>) -> Value {
    let job =
        json!({"id": "j", "role": "Welder", "location": "Tulsa, OK", "headcount": 1, "pay_rate": pay_rate});
    json!({"job": job, "worker_ids": ["w1"]})
}

async fn rules(bench: &Bench, proposal: Value) -> Vec<String> {
    let answer = bench.post("/matrix/validate/fill", proposal).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let violations = answer.body["violations"].as_array().unwrap();
    violations.iter().map(|violation| violation["rule"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pay_is_held_against_the_wages_of_what_the_role_is_called_and_asked_for_once() {
    let queryd =
        fake(DaemonName::Queryd, |asked| match asked.body["sql"].as_str().unwrap().contains("DISTINCT") {
            true => answer(&json!([["Welders, Cutters, Solderers, and Brazers"]])),
            false => answer(&json!([[18.5, 31.0]])),
        });
    let bench = Bench::new(vec![vectord(), queryd]).await;
    for (rate, expected) in
        [(18.0, "fill_pay_below_market"), (31.5, "fill_pay_above_market"), (7.0, "fill_below_minimum_wage")]
    {
        assert_eq!(rules(&bench, proposal(Some(rate))).await, [expected]);
    }
    assert_eq!(rules(&bench, proposal(Some(20.0))).await, [""; 0]);
    let asked = bench.asked("/sql");
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(
        asked[1].body["params"],
        json!(["tulsa, ok", "welder", "welders, cutters, solderers, and brazers"])
    );
}

#[tokio::test]
async fn fill_without_pay_rate_or_place_asks_queryd_nothing() {
    let bench = Bench::new(vec![vectord(), fake(DaemonName::Queryd, |_| answer(&json!([])))]).await;
    assert_eq!(rules(&bench, proposal(None)).await, [""; 0]);
    let mut nowhere = proposal(Some(20.0));
    nowhere["job"]["location"] = Value::Null;
    assert_eq!(rules(&bench, nowhere).await, [""; 0]);
    assert_eq!(bench.asked("/sql").len(), 0);
}

#[tokio::test]
async fn missing_table_or_queryd_fails_no_fill_and_is_not_asked_for_again_at_once() {
    let unknown = fake(DaemonName::Queryd, |_| problem(ErrorCode::NotFound));
    let bench = Bench::new(vec![vectord(), unknown]).await;
    for _ in 0..3 {
        assert_eq!(rules(&bench, proposal(Some(20.0))).await, [""; 0]);
    }
    // One for the occupations of the role, one for the wages.
    assert_eq!(bench.asked("/sql").len(), 2);

    let bench = Bench::new(vec![vectord()]).await;
    assert_eq!(rules(&bench, proposal(Some(7.0))).await, ["fill_below_minimum_wage"]);
}

#[tokio::test]
async fn occupation_that_the_table_does_not_have_is_cached_as_such() {
    let bench =
        Bench::new(vec![vectord(), fake(DaemonName::Queryd, |_| answer(&json!([[null, null]])))]).await;
    for _ in 0..3 {
        assert_eq!(rules(&bench, proposal(Some(20.0))).await, [""; 0]);
    }
    assert_eq!(bench.asked("/sql").len(), 2);
}

#[tokio::test]
async fn hours_are_those_of_the_configuration() {
    let mut config = matrixd::Config::default();
    config.facts.hours.min_rest_h = 0;
    let mut proposal = proposal(None);
    proposal["job"]["start"] = json!("2036-12-02T22:00");
    proposal["job"]["end"] = json!("2036-12-03T06:00");
    proposal["assignments"] =
        json!([{"worker_id": "w1", "start": "2036-12-03T08:00", "end": "2036-12-03T16:00"}]);
    let bench = Bench::new(vec![vectord()]).await;
    assert_eq!(rules(&bench, proposal.clone()).await, ["fill_short_rest", "fill_daily_hours"]);
    let bench = Bench::with_config(config, vec![vectord()]).await;
    assert_eq!(rules(&bench, proposal).await, ["fill_daily_hours"]);
}
