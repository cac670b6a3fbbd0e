//! How often the language rules speak up on real texts about work, written by people who know the law.

use std::collections::BTreeMap;
use std::io::Read as _;

use validators::language;

use crate::evaluation::{evaluation_bytes, say};

#[test]
fn official_task_statements_raise_hardly_any_warning() {
    let Some(packed) = evaluation_bytes("onet_29_1/task_statements.tsv.gz") else { return };
    let mut table = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut table).unwrap();
    let mut rows = table.lines();
    let column = rows.next().unwrap().split('\t').position(|name| name == "Task").unwrap();
    let texts: Vec<&str> = rows.filter_map(|row| row.split('\t').nth(column)).collect();
    let mut by_phrase = BTreeMap::<String, usize>::new();
    let mut flagged = 0;
    for text in &texts {
        let found = language::check("body", text);
        flagged += usize::from(!found.is_empty());
        for violation in found {
            let phrase = text[violation.span[0]..violation.span[1]].to_lowercase();
            *by_phrase.entry(format!("{}: {phrase}", violation.rule)).or_default() += 1;
        }
    }
    let rate = flagged as f64 / texts.len() as f64;
    say(&format!(
        "O*NET: {flagged} of {} task statements ({:.3}%) raise a language warning: {by_phrase:?}",
        texts.len(),
        100.0 * rate
    ));
    assert!(texts.len() > 10_000, "only {} statements were read", texts.len());
    assert!(rate <= MAX_RATE, "{rate}");
}

/// One in a thousand: what is left is looked at by a person without wearing that person out.
const MAX_RATE: f64 = 0.001;
