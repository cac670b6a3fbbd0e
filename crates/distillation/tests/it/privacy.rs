//! What identifies a person ends in quarantine, wherever in a record it stands.

use distillation::{Inputs, Run, distil, files};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::records::{event, lines, of_events, of_pathways, pathway, playbook, reasons, rows};

const GOAL: &str = "fill the night shift in Tulsa";
const STEP: &str = "called three forklift operators, two confirmed";

/// Puts `text` into one place of a record: pathways first, then playbooks, then events.
fn planted(place: usize, text: &str) -> Inputs {
    let mut pathway = pathway(1, GOAL, &[STEP], Some(1.0));
    let mut playbook = playbook(2, GOAL, "000116", 1.0);
    let mut event = event("e3", &json!({"query": GOAL, "answer": STEP, "score": 1}));
    match place {
        0 => pathway["goal"] = json!(text),
        1 => pathway["steps"] = json!([STEP, text]),
        2 => pathway["steps"] = json!([{"tool": "mail", "said": {"body": [text]}}]),
        3 => pathway["result"] = json!({"note": text}),
        4 => pathway["tags"] = json!(["spring", text]),
        5 => pathway["provenance"] = json!({"request": text}),
        6 => pathway["role"] = json!(text),
        7 => pathway["steps"] = json!([{(text): null}]),
        8 => playbook["query_text"] = json!(text),
        9 => playbook["actor"] = json!(text),
        10 => playbook["tags"] = json!([text]),
        11 => playbook["answer_id"] = json!(text),
        12 => event["attributes"]["query"] = json!(text),
        13 => event["attributes"]["answer"] = json!(text),
        14 => event["attributes"]["more"] = json!({"deep": [text]}),
        _ => event["id"] = json!(text),
    }
    Inputs {
        pathways: lines(&[pathway]),
        playbooks: lines(&[playbook]),
        events: lines(&[event]),
        ..Inputs::default()
    }
}

/// Whether any file but the inputs has `text`.
fn is_told(run: &Run, text: &str) -> bool {
    let outputs = run.contents.iter().filter(|(name, _)| !name.starts_with("inputs/"));
    outputs.into_iter().any(|(_, content)| content.contains(text))
}

proptest! {
    #[test]
    fn planted_social_security_number_is_told_nowhere_and_its_record_is_in_quarantine(
        place in 0..16usize,
        (area, group, serial) in (1..666u32, 1..100u32, 1..10_000u32),
    ) {
        let number = format!("{area:03}-{group:02}-{serial:04}");
        // A few numbers were printed in advertisements and identify nobody.
        prop_assume!(!validators::leaks::check("", &number).is_empty());
        let text = if place == 15 { number.clone() } else { format!("take {number} along") };
        let run = distil(planted(place, &text)).unwrap();
        prop_assert!(!is_told(&run, &number), "place {}: {:?}", place, run.contents);
        let of_it: Vec<Value> =
            rows(&run, files::QUARANTINE).into_iter().filter(|row| row["reason"] == "pii").collect();
        prop_assert_eq!(of_it.len(), 1, "place {}", place);
        let source = match place { 0..8 => "pathways", 8..12 => "playbooks", _ => "events" };
        prop_assert_eq!(&of_it[0]["source"], source);
        prop_assert!(of_it[0]["rules"][0].as_str().unwrap().starts_with("ssn"), "{}", of_it[0]);
    }
}

#[test]
fn record_without_anything_personal_is_not_suspected() {
    let run = distil(planted(1, "called 212-555-0123, order 123456789, 2026-11-26 at 07:00")).unwrap();
    assert_eq!(reasons(&run), [""; 0]);
    let mut with_figures = pathway(1, GOAL, &[STEP], Some(1.0));
    with_figures["provenance"] = json!({"took_us": 123_456_789, "at": "2026-11-26T10:00:00.123456789Z", "ratio": 0.123_456_789, "request_id": "123456789"});
    assert_eq!(reasons(&of_pathways(&[with_figures])), [""; 0]);
}

#[test]
fn name_of_a_member_gives_its_number_away() {
    let attributes = json!({"query": GOAL, "answer": STEP, "score": 1, "ssn": 123_456_789});
    let run = of_events(&[event("e1", &attributes)]);
    assert_eq!(reasons(&run), ["pii"]);
    assert!(!is_told(&run, "123456789"));
}

#[test]
fn other_numbers_of_a_person_are_kept_out_as_well() {
    for text in ["passport A12345678", "card 4111 1111 1111 1111", "it is 123456789"] {
        let run = of_pathways(&[pathway(1, GOAL, &[STEP, text], Some(1.0))]);
        assert_eq!(reasons(&run), ["pii"], "{text}");
    }
}

#[test]
fn personal_pathway_under_the_id_of_a_playbook_is_not_taken_for_the_same_record() {
    let mut inputs = planted(5, "SSN 123-45-6789");
    inputs.playbooks = lines(&[playbook(1, GOAL, "000116", 1.0)]);
    let run = distil(inputs).unwrap();
    assert_eq!((run.collect.same_record, reasons(&run)), (0, vec!["pii".to_owned()]));
}
