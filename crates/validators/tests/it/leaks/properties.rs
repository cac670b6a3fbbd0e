//! What holds for any text.

use proptest::prelude::*;
use proptest::test_runner::Config;
use validators::leaks;
use wire::matrix::{EmailDraft, SmsDraft};

/// Texts dense with what the readers look at, and anything at all between.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[0-9]{1,10}",
        3 => "[-. /_():*,|+#$]{1,2}|\n|\t|\u{a0}|–|\u{200b}|\u{fe0f}\u{20e3}",
        2 => prop::sample::select(vec![
            "one", "TWO", "three ", "twenty", " double ", "oh ", " dash ", "nueve", "SSN ", "social security ", "S.S.N. ",
            "order ", "account ", "passport ", "driver's license ", "ITIN ", "is my ssn", "call ", "+", "011 ", "OK ",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[０-９٠-٩𝟎-𝟗é़ñß🙂]{1,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(Config { cases: 4_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_text_is_judged_without_panic_and_spans_are_in_order_on_character_boundaries(text in text()) {
        let violations = leaks::check("body", &text);
        for violation in &violations {
            let [from, to] = violation.span;
            prop_assert!(from < to && text.get(from..to).is_some(), "{violation:?} in {text:?}");
        }
        let is_ordered = violations.windows(2).all(|two| two[0].span[1] <= two[1].span[0]);
        prop_assert!(is_ordered, "{violations:?} in {text:?}");
    }

    #[test]
    fn no_violation_repeats_what_it_found(text in text()) {
        for violation in leaks::check("body", &text) {
            let [from, to] = violation.span;
            let (found, told) = (&text[from..to], format!("{} {} {}", violation.rule, violation.message, violation.fix));
            prop_assert!(!told.contains(found), "{told:?} repeats {found:?}");
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            let (found, told) = (digits(found), digits(&told));
            let is_told = found.as_bytes().windows(4).any(|four| told.as_bytes().windows(4).any(|other| other == four));
            prop_assert!(!is_told, "{told:?} repeats part of {found:?}");
        }
    }

    #[test]
    fn whole_drafts_are_judged_without_panic(text in "\\PC{0,200}|[0-9 .()+-]{0,60}") {
        let email = EmailDraft { to: text.clone(), subject: text.clone(), body: text.clone(), ..EmailDraft::default() };
        let sms = SmsDraft { to: text.clone(), body: text.clone(), ..SmsDraft::default() };
        let reports = [validators::email::validate(&email), validators::sms::validate(&sms)];
        for violation in reports.iter().flat_map(|report| &report.violations) {
            let [from, to] = violation.span;
            prop_assert!(text.get(from..to).is_some(), "{violation:?} in {text:?}");
        }
    }

    #[test]
    fn issuable_number_is_found_once_in_every_format(
        area in (1..=899u32).prop_filter("never issued", |area| *area != 666),
        group in 1..=99u32,
        serial in 1..=9999u32,
        separator in prop::sample::select(vec!["-", " ", ".", "/", "–", "\u{a0}"]),
        draft in prop::sample::select(vec!["{}", "My number is {}.", "({}), thanks", "Ana {} Ruiz, call 415-555-0132"]),
    ) {
        let number = format!("{area:03}{separator}{group:02}{separator}{serial:04}");
        let text = draft.replacen("{}", &number, 1);
        let found = leaks::check("body", &text);
        prop_assert_eq!(found.len(), 1, "{:?}: {:?}", &text, &found);
        prop_assert_eq!(&text[found[0].span[0]..found[0].span[1]], number.as_str());
    }
}

/// A reader that looks back or ahead without bound takes hours for one of these, ours less than a second each on a
/// machine that has nothing else to do.
#[test]
fn megabytes_of_anything_are_judged_in_linear_time() {
    const BYTES: usize = 1 << 20;
    let pieces = [
        "1",
        "1 ",
        "1-",
        "123 ",
        "123-45-",
        "123-45-6789 ",
        "one ",
        "one-",
        "twenty ",
        "double ",
        "dash ",
        "a",
        "A-",
        "(",
        "+",
        "SSN ",
        "ssn 12 ",
        "\u{200b}",
        "1\u{200b}",
        "x\u{301}",
        "4111 1111 1111 ",
        "021000021 ",
        "order ",
        ". ",
        "\n",
    ];
    for piece in pieces {
        let started = std::time::Instant::now();
        let violations = leaks::check("body", &piece.repeat(BYTES / piece.len()));
        let took = started.elapsed();
        assert!(violations.len() <= 2_000, "{} violations of {piece:?}", violations.len());
        assert!(took.as_secs() < 60, "{piece:?} took {took:?}");
    }
}

#[test]
fn sixteen_mebibytes_hide_no_number() {
    let filler = "Hi Ana, shift 12/04/2026 06:00 at dock 4, call (415) 555-0132. Job #4821 pays $21.50. ";
    let mut text = filler.repeat((16 << 20) / filler.len());
    text.push_str("Number 536-22-8141");
    let found = leaks::check("body", &text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(&text[found[0].span[0]..found[0].span[1]], "536-22-8141");
}

#[test]
fn number_in_a_run_that_is_cut_is_found_and_told_once() {
    for before in 0..120 {
        let text = format!("{}123-45-6789{}", "7 ".repeat(before), " 7".repeat(120));
        let found = leaks::check("body", &text);
        let spans: Vec<[usize; 2]> = found.iter().map(|violation| violation.span).collect();
        assert_eq!(spans, [[2 * before, 2 * before + 11]], "{before} groups before");
    }
}
