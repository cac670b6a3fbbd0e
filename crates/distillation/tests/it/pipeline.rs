//! From records to exports.

use distillation::{Inputs, Metrics, Source, distil, files};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::records::{
    TIME, event, exported, lines, metric, of_events, of_pathways, of_playbooks, pathway, playbook, reasons,
    rows, uuid,
};

const QUERY: &str = "forklift operator, night shift";

#[test]
fn same_answer_recorded_again_is_exported_once() {
    let again = [
        playbook(1, QUERY, "000116", 1.0),
        playbook(2, "Forklift operator,  NIGHT shift", "000116", 0.9),
        playbook(3, QUERY, "000117", 1.0),
    ];
    let run = of_playbooks(&again);
    assert_eq!((exported(&run), reasons(&run)), ([2, 0, 0], vec!["duplicate".to_owned()]));
    let mut other_role = playbook(4, QUERY, "000116", 1.0);
    other_role["role"] = json!("Welder");
    let run = of_playbooks(&[playbook(1, QUERY, "000116", 1.0), other_role]);
    assert_eq!((exported(&run), reasons(&run).len()), ([2, 0, 0], 0));
}

#[test]
fn answer_that_both_worked_and_did_not_is_in_no_export() {
    let both = [
        playbook(1, QUERY, "000116", 1.0),
        playbook(2, QUERY, "000116", 0.0),
        playbook(3, QUERY, "000117", 1.0),
    ];
    let run = of_playbooks(&both);
    assert_eq!((exported(&run), reasons(&run)), ([1, 0, 0], vec!["contradiction".to_owned(); 2]));
    assert_eq!(rows(&run, files::RETRIEVAL)[0]["answer"], "workers/000117");
}

#[test]
fn what_says_too_little_is_in_no_export() {
    let short = [
        pathway(1, "hi", &["called the warehouse, confirmed"], Some(1.0)),
        pathway(2, "fill the night shift", &["ok"], Some(1.0)),
        pathway(3, "fill the night shift", &[], Some(1.0)),
    ];
    let run = of_pathways(&short);
    assert_eq!((exported(&run), reasons(&run)), ([0; 3], vec!["too_short".to_owned(); 3]));
    let long = [pathway(2, "fill it", &["called two"], Some(1.0))];
    assert_eq!(exported(&of_pathways(&long)), [1, 1, 0]);
}

#[test]
fn what_worked_becomes_rows_in_the_forms_that_trainers_read() {
    let (good, bad) = ("Called three forklift operators, two confirmed.", "Sent one mail to everybody.");
    let mut worked = pathway(1, QUERY, &[good], Some(1.0));
    worked["role"] = json!("Forklift Operator");
    let mut failed = pathway(2, QUERY, &[bad], Some(0.0));
    failed["role"] = json!("forklift operator");
    let run = of_pathways(&[worked, failed]);
    let prompt = format!("{QUERY}\nRole: Forklift Operator");
    let messages =
        json!({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": good}]});
    assert_eq!(rows(&run, files::FINE_TUNING), [messages]);
    let pair = json!({"prompt": prompt, "chosen": good, "rejected": bad});
    assert_eq!(rows(&run, files::PREFERENCES), [pair]);
    let retrieval = rows(&run, files::RETRIEVAL);
    assert_eq!(retrieval.len(), 1);
    assert_eq!(retrieval[0]["text"], format!("{prompt}\n{good}"));
    assert_eq!((&retrieval[0]["verdict"], &retrieval[0]["time"]), (&json!("accepted"), &json!(TIME)));
    assert_eq!(reasons(&run), [""; 0]);
}

#[test]
fn answer_that_failed_stands_beside_the_best_one_to_the_same_question_alone() {
    let records = [
        playbook(1, QUERY, "good", 0.9),
        playbook(2, QUERY, "best", 1.0),
        playbook(3, QUERY, "partly", 0.6),
        playbook(4, QUERY, "bad", 0.1),
        playbook(5, "welder for pipes, Houston", "other", 0.0),
    ];
    let run = of_playbooks(&records);
    let pairs = rows(&run, files::PREFERENCES);
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert_eq!((&pairs[0]["chosen"], &pairs[0]["rejected"]), (&json!("workers/best"), &json!("workers/bad")));
    assert_eq!(exported(&run), [3, 0, 1]);
}

#[test]
fn exchange_of_a_model_waits_for_a_person_unless_it_failed() {
    let exchange = |id: &str, error: Option<&str>| {
        let said = |role, text| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
        let mut event = event(
            id,
            &json!({
                "gen_ai.input.messages": said("user", "Write to the three operators."),
                "gen_ai.output.messages": said("assistant", "Dear operators, we have a shift for you."),
            }),
        );
        event["kind"] = json!("gen_ai.client.inference.operation.details");
        if let Some(error) = error {
            event["attributes"]["error.type"] = json!(error);
        }
        event
    };
    let run = of_events(&[exchange("a", None), exchange("b", Some("timeout"))]);
    assert_eq!((metric(&run, "p3_human"), metric(&run, "p3_rejected")), (1, 1));
    assert_eq!((exported(&run), reasons(&run).len()), ([0; 3], 0));
    let evidence = rows(&run, files::EVIDENCE);
    assert_eq!(evidence[0]["query"], "Write to the three operators.");
    assert_eq!(evidence[0]["answer"]["text"], "Dear operators, we have a shift for you.");
}

#[test]
fn events_say_in_their_attributes_what_was_asked_answered_and_how_it_went() {
    let attributes = json!({"query": QUERY, "corpus": "workers", "answer_id": "000116", "outcome": "Hired", "actor": "bo"});
    let run = of_events(&[event("e1", &attributes)]);
    let row = &rows(&run, files::RETRIEVAL)[0];
    assert_eq!(
        (&row["answer"], &row["score"], &row["source"]),
        (&json!("workers/000116"), &Value::Null, &json!("events"))
    );
    assert_eq!(run.evidence[0].actor.as_deref(), Some("bo"));
}

#[test]
fn word_for_the_outcome_is_no_part_of_an_answer() {
    let (good, bad) = ("Called three forklift operators.", "Sent one mail to everybody.");
    let told = |n, steps: &[&str], result: Value| {
        let mut told = pathway(n, QUERY, steps, None);
        told["result"] = result;
        told
    };
    let worked = told(1, &[good], json!({"outcome": "filled", "came": 2}));
    let run = of_pathways(&[worked.clone(), told(2, &[bad], json!({"outcome": "failed"}))]);
    let pair = json!({"prompt": QUERY, "chosen": format!("{good}\ncame: 2"), "rejected": bad});
    assert_eq!((exported(&run), rows(&run, files::PREFERENCES)), ([1, 1, 1], vec![pair]));

    let run = of_pathways(&[worked, told(3, &[good], json!({"outcome": "failed", "came": 2}))]);
    assert_eq!((exported(&run), reasons(&run)), ([0; 3], vec!["contradiction".to_owned(); 2]));
    let run = of_pathways(&[told(4, &[], json!({"outcome": "succeeded"}))]);
    assert_eq!((exported(&run), reasons(&run)), ([0; 3], vec!["too_short".to_owned()]));
}

#[test]
fn playbook_that_pathwayd_lists_as_well_counts_once() {
    let mut listed = pathway(7, QUERY, &[], Some(1.0));
    listed["tags"] = json!(["playbook"]);
    listed["result"] = json!({"corpus": "workers", "answer_id": "000116"});
    let inputs = |playbooks: &[Value]| Inputs {
        pathways: lines(std::slice::from_ref(&listed)),
        playbooks: lines(playbooks),
        ..Inputs::default()
    };
    let both = distil(inputs(&[playbook(7, QUERY, "000116", 1.0)])).unwrap();
    assert_eq!((both.collect.records_in, both.collect.records_out, both.collect.same_record), (2, 1, 1));
    assert_eq!(both.evidence[0].source, Source::Playbooks);
    let alone = distil(inputs(&[])).unwrap();
    assert_eq!((alone.collect.records_out, exported(&alone)), (1, [1, 0, 0]));
}

#[test]
fn record_that_is_no_evidence_is_skipped_by_line_and_reason_and_repeated_nowhere() {
    let secret = "zebra";
    let mut odd_score = playbook(1, secret, "a", 1.0);
    odd_score["score"] = json!(7);
    let mut unknown = playbook(2, secret, "a", 1.0);
    unknown["score"] = json!(secret);
    let mut events = vec![event("e1", &json!({"note": secret})).to_string(), format!("{{\"{secret}")];
    events.push(String::new());
    let inputs = Inputs { events, playbooks: lines(&[odd_score, unknown]), ..Inputs::default() };
    let run = distil(inputs.clone()).unwrap();
    let skips = rows(&run, files::SKIPS);
    let inputs = inputs.sorted();
    for skip in &skips {
        let lines = inputs.of(serde_json::from_value(skip["source"].clone()).unwrap());
        let line = &lines[usize::try_from(skip["line"].as_u64().unwrap()).unwrap() - 1];
        let expected = match skip["reason"].as_str().unwrap() {
            "not_json" => line.starts_with("{\"zebra"),
            "no_query" => line.contains("note"),
            "bad_score" => line.contains(":7"),
            "unknown_shape" => line.contains(&uuid(2)),
            _ => false,
        };
        assert!(expected, "{skip} is of {line}");
    }
    assert_eq!((skips.len(), metric(&run, "p2_evidence_skips")), (4, 4));
    assert!(!run.contents[files::SKIPS].contains(secret));
}

#[test]
fn searches_are_kept_and_are_no_evidence() {
    let run = distil(Inputs { searches: vec!["{\"request\":{}}".into()], ..Inputs::default() }).unwrap();
    assert_eq!(run.contents[files::SEARCHES], "{\"request\":{}}\n");
    assert_eq!((run.collect.records_in, run.receipt.inputs[files::SEARCHES].rows), (0, 1));
    assert_eq!(run.receipt.metrics, Metrics::new([0; 10]));
}

/// A record of one of the sources, from few words, so that records meet.
fn record() -> impl Strategy<Value = (Source, String)> {
    let query = prop::sample::select(vec![
        QUERY,
        "Forklift operator, night  shift",
        "welder for pipes",
        "hi",
        "SSN 123-45-6789",
    ]);
    let answer = prop::sample::select(vec!["000116", "000117", "called two of them"]);
    let score = prop::sample::select(vec![0.0, 0.3, 0.6, 1.0]);
    (0..4u8, 0..6usize, query, answer, score).prop_map(|(kind, n, query, answer, score)| match kind {
        0 => (Source::Playbooks, playbook(n, query, answer, score).to_string()),
        1 => (Source::Pathways, pathway(n, query, &[answer], Some(score)).to_string()),
        2 => {
            let attributes = json!({"query": query, "answer": answer, "score": score});
            (Source::Events, event(&n.to_string(), &attributes).to_string())
        }
        _ => (Source::Events, format!("{n} is no event")),
    })
}

fn inputs(records: &[(Source, String)]) -> Inputs {
    let of = |source| {
        let records = records.iter().filter(move |(from, _)| *from == source);
        records.map(|(_, line)| line.clone()).collect()
    };
    Inputs {
        events: of(Source::Events),
        pathways: of(Source::Pathways),
        playbooks: of(Source::Playbooks),
        searches: Vec::new(),
    }
}

proptest! {
    #[test]
    fn records_in_another_order_give_the_same_bytes(
        (records, shuffled) in prop::collection::vec(record(), 0..40)
            .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle()))
    ) {
        let run = distil(inputs(&records)).unwrap();
        let again = distil(inputs(&shuffled)).unwrap();
        prop_assert_eq!(&run.contents, &again.contents);
        prop_assert_eq!(&run.receipt, &again.receipt);
        prop_assert_eq!(run.collect, again.collect);
    }

    #[test]
    fn every_record_is_accounted_for_and_every_row_has_one_place(records in prop::collection::vec(record(), 0..40)) {
        let run = distil(inputs(&records)).unwrap();
        prop_assert!(run.collect.adds_up(), "{:?}", run.collect);
        prop_assert_eq!(metric(&run, "p2_evidence_rows"), run.collect.records_out);
        let ids = |file: &str| -> Vec<String> {
            rows(&run, file).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
        };
        for file in [files::EVIDENCE, files::VERDICTS, files::RETRIEVAL, files::QUARANTINE] {
            prop_assert!(ids(file).is_sorted_by(|a, b| a < b), "{} is not sorted by id", file);
        }
        prop_assert_eq!(ids(files::EVIDENCE), ids(files::VERDICTS));
        let quarantined = ids(files::QUARANTINE);
        prop_assert!(ids(files::RETRIEVAL).iter().all(|id| !quarantined.contains(id)));
        for row in &run.evidence {
            prop_assert_eq!(&row.content_id().unwrap(), &row.id);
        }
        let worked = metric(&run, "p3_accepted") + metric(&run, "p3_partial");
        let kept: u64 = rows(&run, files::VERDICTS).iter()
            .filter(|row| row["verdict"] == "accepted" || row["verdict"] == "partial")
            .filter(|row| quarantined.iter().any(|id| row["id"] == id.as_str()))
            .count() as u64;
        prop_assert_eq!(metric(&run, "p4_rag_rows") + kept, worked);
    }
}
