//! Recall and false positives on seeded drafts, against the bars of the guard.

use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use validators::leaks;
use wire::matrix::{Severity, SmsDraft, Violation};

use super::{Draft, negatives, phones, planted};
use crate::evaluation::{evaluation_text, say};

/// Drafts with a planted number, and as many without.
const PLANTED: u64 = 50_000;
const MIN_RECALL: f64 = 0.99;
const MAX_FALSE_POSITIVES: f64 = 0.001;
const PHONE_DRAFTS: u64 = 1_000_000;
/// Every so many of them goes through the SMS validator as a whole: 33,334 in all.
const SMS_EVERY: u64 = 30;
/// What both machines that this is built on have.
const THREADS: u64 = 2;

/// What the guard said about drafts of one kind.
#[derive(Debug, Default, Clone)]
struct Tally {
    drafts: usize,
    /// With an `ssn*` rule; for planted numbers, whose span covers the number.
    found: usize,
    /// Of these, with one that stops the draft.
    refused: usize,
    /// One of those judged wrongly.
    example: Option<String>,
}

fn ssn_alarms(body: &str) -> Vec<Violation> {
    let mut violations = leaks::check("body", body);
    violations.retain(|violation| violation.rule.starts_with("ssn"));
    violations
}

fn judge(draft: &Draft, tallies: &mut BTreeMap<&'static str, Tally>) {
    let mut alarms = ssn_alarms(&draft.body);
    if let Some(planted) = &draft.planted {
        alarms.retain(|alarm| alarm.span[0] <= planted.start && planted.end <= alarm.span[1]);
    }
    let tally = tallies.entry(draft.kind).or_default();
    tally.drafts += 1;
    tally.found += usize::from(!alarms.is_empty());
    tally.refused += usize::from(alarms.iter().any(|alarm| alarm.severity == Severity::Error));
    if alarms.is_empty() == draft.planted.is_some() {
        tally.example.get_or_insert_with(|| draft.body.clone());
    }
}

/// Prints a table and gives the sum of its rows.
fn sum(title: &str, tallies: &BTreeMap<&str, Tally>) -> Tally {
    let mut sum = Tally::default();
    say(title);
    for (kind, tally) in tallies {
        let example = tally.example.as_ref().map(|example| format!("  e.g. {example:?}")).unwrap_or_default();
        say(&format!("  {:7} {:7} {:7}  {kind}{example}", tally.drafts, tally.found, tally.refused));
        sum.drafts += tally.drafts;
        sum.found += tally.found;
        sum.refused += tally.refused;
    }
    sum
}

#[test]
fn recall_and_false_positives_on_a_hundred_thousand_drafts_keep_the_bar() {
    const SEED: u64 = 0x0055_4e00;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut leaking, mut clean) = (BTreeMap::new(), BTreeMap::new());
    let started = Instant::now();
    for _ in 0..PLANTED {
        judge(&planted::draft(&mut rng), &mut leaking);
        judge(&negatives::draft(&mut rng), &mut clean);
    }
    let took = started.elapsed();
    let leaking = sum("drafts, found, refused by spelling of the planted number:", &leaking);
    let clean = sum("drafts, false alarms, falsely refused by kind of other number:", &clean);
    let share = |part: usize, tally: &Tally| part as f64 / tally.drafts as f64;
    let (recall, false_positives) = (share(leaking.found, &leaking), share(clean.found, &clean));
    say(&format!(
        "seed {SEED:#x}: recall {:.3}% ({:.3}% refused, the rest warned of), false positives {:.4}% ({:.4}% refused), \
         {} drafts written and judged in {took:.1?}",
        recall * 100.0,
        share(leaking.refused, &leaking) * 100.0,
        false_positives * 100.0,
        share(clean.refused, &clean) * 100.0,
        leaking.drafts + clean.drafts,
    ));
    assert!(recall >= MIN_RECALL, "recall {recall}");
    assert!(false_positives < MAX_FALSE_POSITIVES, "false positives {false_positives}");
}

/// The messages were written by people who never heard of the guard or of the drafts above.
#[test]
fn number_planted_in_real_messages_is_found() {
    const SEED: u64 = 0x0075_6369;
    let Some(messages) = evaluation_text("sms_uci/SMSSpamCollection") else { return };
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut tallies = BTreeMap::new();
    for message in messages.lines().filter_map(|line| Some(line.split_once('\t')?.1)) {
        judge(&planted::within(&mut rng, message), &mut tallies);
    }
    let sum = sum("real messages, found, refused by spelling of the number planted in them:", &tallies);
    let recall = sum.found as f64 / sum.drafts as f64;
    say(&format!("seed {SEED:#x}: recall {:.3}% in {} real messages", recall * 100.0, sum.drafts));
    assert!(recall >= MIN_RECALL, "recall {recall}");
}

#[test]
fn million_drafts_with_phone_numbers_raise_no_ssn_alarm() {
    const SEED: u64 = 0x0070_686f;
    let judge = |thread: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + thread);
        let mut judging = std::time::Duration::ZERO;
        for at in 0..PHONE_DRAFTS / THREADS {
            let body = phones::draft(&mut rng);
            let started = Instant::now();
            let alarms = ssn_alarms(&body);
            judging += started.elapsed();
            assert!(alarms.is_empty(), "{body:?} raised {alarms:?}");
            if at % SMS_EVERY == 0 {
                let report = validators::sms::validate(&SmsDraft {
                    to: "+1 415 555 0132".into(),
                    body,
                    ..SmsDraft::default()
                });
                let refused = report
                    .violations
                    .iter()
                    .any(|found| found.severity == Severity::Error && found.rule != "sms_too_long");
                assert!(!refused, "{report:?}");
            }
        }
        judging
    };
    let judging: f64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || judge(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().as_secs_f64()).sum()
    });
    say(&format!(
        "seed {SEED:#x}: {PHONE_DRAFTS} drafts with phone numbers, no alarm, {:.0} drafts judged per second and core",
        PHONE_DRAFTS as f64 / judging
    ));
}
