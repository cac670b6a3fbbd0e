//! Whatever the text is: no panic, spans that can be cut out, reports that repeat nothing and stay small, linear time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::Config;
use validators::fill::{HoursPolicy, Known, MarketRange, WorkerFacts};
use wire::matrix::{Assignment, EmailDraft, FillProposal, Job, MessageKind, SmsDraft, Violation};

use crate::evaluation::say;

/// What the validators look for, to be cut short and put together in any order.
const PIECES: [&str; 34] = [
    "<a href=\"",
    "<A\nHREF='",
    "<a ",
    "\">",
    "'>",
    ">",
    "</a>",
    "<b>",
    "[",
    "](",
    ")",
    "http://",
    "HTTPS://",
    "javascript:",
    "//",
    "@",
    "&#",
    "x2f;",
    "&amp;",
    "{",
    "{{",
    "}",
    "$",
    "young",
    "no ",
    "women only",
    "ages 18-35",
    "u.s. citizens only",
    "74103",
    ", OK ",
    "’",
    "é",
    "😀",
    "\u{2028}",
];

/// A word that stands for what must not be repeated; no message or fix has it.
const SECRET: &str = "zq7xk9";

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        2 => Just(SECRET.to_owned()),
        1 => "\\PC{0,8}",
        1 => "[0-9 .()+\r\n\t-]{0,12}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn kind() -> impl Strategy<Value = MessageKind> {
    prop::sample::select(vec![MessageKind::Transactional, MessageKind::Commercial])
}

/// Spans lie in their field, on character boundaries, and nothing of the draft is repeated.
fn assert_sound(violations: &[Violation], fields: &[(&str, &str)]) -> Result<(), TestCaseError> {
    for violation in violations {
        let [from, to] = violation.span;
        let field = fields.iter().find(|(name, _)| *name == violation.field).map_or("", |(_, text)| text);
        prop_assert!(field.get(from..to).is_some(), "{violation:?} in {field:?}");
        let said = format!("{} {}", violation.message, violation.fix).to_lowercase();
        prop_assert!(!said.contains(SECRET), "{violation:?} repeats what it judges");
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 1000, ..Config::default() })]

    #[test]
    fn any_email_is_judged_without_panic_and_without_being_repeated(
        to in text(), subject in text(), body in text(), sender in prop::option::of(text()), kind in kind(),
    ) {
        let fields = [("to", to.as_str()), ("subject", &subject), ("body", &body)];
        let draft = EmailDraft {
            to: to.clone(), subject: subject.clone(), body: body.clone(), worker_id: None, kind, sender,
        };
        assert_sound(&validators::email::validate(&draft).violations, &fields)?;
    }

    #[test]
    fn any_sms_is_judged_without_panic_and_without_being_repeated(
        to in text(), body in text(), sender in prop::option::of(text()), kind in kind(),
    ) {
        let draft = SmsDraft { to: to.clone(), body: body.clone(), kind, sender };
        assert_sound(&validators::sms::validate(&draft).violations, &[("to", &to), ("body", &body)])?;
    }

    #[test]
    fn any_fill_is_judged_without_panic_and_without_being_repeated(
        texts in prop::collection::vec(text(), 4),
        times in prop::collection::vec("20[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9](T[0-2][0-9]:[0-5][0-9](Z|[+-]0[0-9]:00)?)?", 6),
        pay_rate in prop::option::of(any::<f64>()),
        p10 in prop::option::of(any::<f64>()),
        hours in (any::<u32>(), any::<u32>(), any::<u32>()),
    ) {
        let job = Job {
            id: texts[0].clone(),
            role: texts[1].clone(),
            start: Some(times[0].clone()),
            end: Some(times[1].clone()),
            pay_rate,
            headcount: 1,
            required_certifications: texts.clone(),
            ..Job::default()
        };
        let assignment = |n: usize| Assignment {
            worker_id: texts[2 + n].clone(), start: times[2 + n].clone(), end: times[4 + n].clone(),
        };
        let worker_ids = texts[2..].to_vec();
        let proposal = FillProposal { job, worker_ids, assignments: vec![assignment(0), assignment(1)], ..FillProposal::default() };
        let workers = BTreeMap::from([(texts[2].clone(), WorkerFacts::default())]);
        let known = Known {
            workers: &workers,
            market: Some(MarketRange { p10, p90: p10 }),
            today: jiff::civil::date(2026, 11, 26),
            hours: HoursPolicy { min_rest_h: hours.0, max_day_h: hours.1, max_week_h: hours.2 },
        };
        let fields: Vec<(String, &str)> = [("job.start", times[0].as_str()), ("job.end", times[1].as_str())]
            .into_iter()
            .map(|(field, text)| (field.to_owned(), text))
            .chain((0..2).flat_map(|n| [(format!("assignments[{n}].start"), times[2 + n].as_str()),
                                        (format!("assignments[{n}].end"), times[4 + n].as_str())]))
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(field, text)| (field.as_str(), *text)).collect();
        assert_sound(&validators::fill::validate(&proposal, &known).violations, &fields)?;
    }
}

/// Long enough that a quadratic pass takes minutes, and a linear one much less than a second.
const LONG_BYTES: usize = 256 << 10;
/// Of one text, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn long_body_made_of_any_piece_is_judged_in_linear_time_with_a_small_report() {
    let mut slowest = (Duration::ZERO, "");
    for piece in PIECES.into_iter().chain([
        "<a href=x>",
        "[](",
        "young ",
        "{a}",
        "x ",
        "- ",
        "a@b.c ",
        "é ",
        "no women ",
    ]) {
        let body = piece.repeat(LONG_BYTES / piece.len());
        let email = EmailDraft { body: body.clone(), kind: MessageKind::Commercial, ..EmailDraft::default() };
        let sms = SmsDraft { body, ..SmsDraft::default() };
        let started = Instant::now();
        let found = validators::email::validate(&email).violations.len()
            + validators::sms::validate(&sms).violations.len();
        let took = started.elapsed();
        assert!(took < PATIENCE, "{took:?} for 256 KiB of {piece:?}");
        assert!(found < 1000, "{found} violations in 256 KiB of {piece:?}");
        slowest = slowest.max((took, piece));
    }
    say(&format!(
        "256 KiB of each of {} pieces: the slowest took {:?} ({:?})",
        PIECES.len() + 9,
        slowest.0,
        slowest.1
    ));
}
