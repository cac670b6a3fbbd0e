//! Drafts that carry a phone number must pass: the predecessor's load run sent 33,000 of them.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wire::matrix::SmsDraft;

/// How people write a North American number; `A`, `E`, `L` stand for area, exchange and line.
const FORMATS: [&str; 24] = [
    "A-E-L",
    "(A) E-L",
    "(A)E-L",
    "A.E.L",
    "A E L",
    "AEL",
    "1-A-E-L",
    "1 A E L",
    "1AEL",
    "+1AEL",
    "+1 A E L",
    "+1-A-E-L",
    "+1 (A) E-L",
    "+1.A.E.L",
    "1 (A) E-L",
    "A/E-L",
    "A - E - L",
    "A-EL",
    "E-L",
    "A E-L",
    "tel:+1-A-E-L",
    "A-E-L x12",
    "A-E-L ext. 123",
    "(A) E L",
];
const INTERNATIONAL: [&str; 8] = [
    "+44 20 7946 0E",
    "+49 30 12E45",
    "+33 1 42 68 53 00",
    "+55 11 98456 5666",
    "+91 4155550132",
    "+61 2 5550 E1",
    "+39 06 678 4343",
    "+34 612 34 5678",
];
const DRAFTS: [&str; 8] = [
    "Hi Ana, night shift at Dock 4 tomorrow 22:00. Questions? {}",
    "Call me at {} about order 123456789.",
    "{}",
    "Reply STOP to opt out. {}, ZIP 74103-1234",
    "Job #4821 pays $21.50/h from 2026-12-01. Phone {}.",
    "Never text your SSN. Office: {}",
    "New number: {} (cell), old one 415-555-0132",
    "Start 06:00, gate code 4711; {} or reply",
];

fn phone() -> impl Strategy<Value = String> {
    let national = (0..FORMATS.len(), 201..=989u32, 200..=999u32, 0..=9999u32).prop_map(
        |(format, area, exchange, line)| {
            let (area, exchange, line) = (area.to_string(), exchange.to_string(), format!("{line:04}"));
            // The letters of the format are replaced once each; "ext." and "tel" are lower case.
            FORMATS[format].replacen('A', &area, 1).replacen('E', &exchange, 1).replacen('L', &line, 1)
        },
    );
    let international = (0..INTERNATIONAL.len(), 100..=999u32)
        .prop_map(|(format, digits)| INTERNATIONAL[format].replacen('E', &digits.to_string(), 1));
    prop_oneof![9 => national, 1 => international]
}

#[test]
fn thirty_three_thousand_drafts_with_phone_numbers_raise_no_ssn_alarm() {
    let config = Config { cases: 33_000, failure_persistence: None, ..Config::default() };
    let drafts =
        (phone(), 0..DRAFTS.len()).prop_map(|(phone, draft)| DRAFTS[draft].replacen("{}", &phone, 1));
    let verdict = TestRunner::new(config).run(&drafts, |body| {
        let report = validators::sms::validate(&SmsDraft {
            to: "+1 415 555 0132".into(),
            body: body.clone(),
            ..SmsDraft::default()
        });
        let alarms: Vec<_> = report.violations.iter().filter(|found| found.rule.starts_with("ssn")).collect();
        prop_assert!(alarms.is_empty(), "{body:?} raised {alarms:?}");
        prop_assert!(report.ok, "{body:?} was refused: {report:?}");
        Ok(())
    });
    verdict.unwrap();
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn issuable_number_is_found_in_every_format_and_never_repeated(
        area in (1..=899u32).prop_filter("never issued", |area| *area != 666),
        group in 1..=99u32,
        serial in 1..=9999u32,
        separator in prop::sample::select(vec!["-", " ", ".", "/", "–", "\u{a0}"]),
        draft in prop::sample::select(vec!["{}", "My number is {}.", "({}), thanks", "Ana {} Ruiz, call 415-555-0132"]),
    ) {
        let (area, group, serial) = (format!("{area:03}"), format!("{group:02}"), format!("{serial:04}"));
        let number = [area.clone(), group.clone(), serial.clone()].join(separator);
        prop_assume!(!["078051120", "219099999"].contains(&format!("{area}{group}{serial}").as_str()));
        let text = draft.replacen("{}", &number, 1);
        let found = validators::ssn::check("body", &text);
        prop_assert_eq!(found.len(), 1, "{:?}: {:?}", &text, &found);
        prop_assert_eq!(&text[found[0].span[0]..found[0].span[1]], number.as_str());
        prop_assert!(!found[0].message.contains(&serial) && !found[0].fix.contains(&serial));
    }
}
