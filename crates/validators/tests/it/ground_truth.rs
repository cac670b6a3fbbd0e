//! The validators against published test sets, read from `LAKEHOUSE_EVAL_DATA` where that is set.

use std::collections::BTreeMap;

use validators::{address, leaks};

use crate::evaluation::{evaluation_text, say};

#[test]
fn example_phone_numbers_raise_no_ssn_alarm() {
    let Some(text) = evaluation_text("phone/metadata_1_examples.csv") else { return };
    let numbers: Vec<&str> = text.lines().skip(1).filter_map(|line| line.rsplit(';').next()).collect();
    let mut drafts = 0;
    for number in numbers.iter().map(|number| number.trim().trim_matches('"')) {
        let spellings = match (number.get(..3), number.get(3..6), number.get(6..)) {
            (Some(a), Some(e), Some(l)) => {
                vec![
                    format!("({a}) {e}-{l}"),
                    format!("{a}.{e}.{l}"),
                    format!("+1 {a} {e} {l}"),
                    format!("1{number}"),
                ]
            }
            _ => vec![],
        };
        for spelling in spellings.into_iter().chain([number.to_owned(), format!("call {number} now")]) {
            assert!(leaks::check("body", &spelling).is_empty(), "{spelling:?}");
            drafts += 1;
        }
    }
    say(&format!("{} example numbers in {drafts} spellings: no alarm", numbers.len()));
}

/// One test of the is_email set.
struct Case {
    /// Its control pictures turned back into the control characters they stand for.
    address: String,
    category: String,
    diagnosis: String,
}

fn is_email_cases(xml: &str) -> Vec<Case> {
    let field = |test: &str, name: &str| {
        let start = test.find(&format!("<{name}>"))? + name.len() + 2;
        Some(test[start..].split('<').next()?.to_owned())
    };
    let cases = xml.split("<test id=").skip(1);
    cases
        .map(|test| Case {
            address: unescape(&field(test, "address").unwrap_or_default()),
            category: field(test, "category").unwrap_or_default(),
            diagnosis: field(test, "diagnosis").unwrap_or_default(),
        })
        .collect()
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        let (name, after) = entity.split_once(';').unwrap();
        plain.push_str(before);
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            code => {
                let code = u32::from_str_radix(code.strip_prefix("#x").unwrap(), 16).unwrap();
                char::from_u32(if (0x2400..0x2420).contains(&code) { code - 0x2400 } else { code }).unwrap()
            }
        });
        rest = after;
    }
    plain + rest
}

/// The verdict of each category, and why. We judge for the envelope and by syntax alone.
const VERDICTS: [(&str, bool, &str); 7] = [
    ("ISEMAIL_VALID_CATEGORY", true, "an ordinary address"),
    ("ISEMAIL_DNSWARN", true, "syntax is right; whether the domain exists is not looked up"),
    (
        "ISEMAIL_RFC5321",
        true,
        "quoted, at an address literal or at a top-level domain: RFC 5321 lets it through",
    ),
    ("ISEMAIL_CFWS", false, "comments and folding white space belong to header fields, not to an envelope"),
    ("ISEMAIL_DEPREC", false, "obsolete forms that RFC 5322 forbids to generate"),
    ("ISEMAIL_RFC5322", false, "RFC 5322 alone allows it; no transport takes it (RFC 5321)"),
    ("ISEMAIL_ERR", false, "no address by any specification"),
];

#[test]
fn is_email_set_is_judged_by_category() {
    let Some(xml) = evaluation_text("email/isemail_tests.xml") else { return };
    let cases = is_email_cases(&xml);
    assert_eq!(cases.len(), 164);
    let mut table = BTreeMap::<&str, BTreeMap<&str, usize>>::new();
    let mut wrong = Vec::new();
    for Case { address, category, diagnosis } in &cases {
        let passes = VERDICTS.iter().find(|(known, ..)| known == category).map(|(_, passes, _)| *passes);
        match passes == Some(address::parse(address).is_ok()) {
            true => *table.entry(category).or_default().entry(diagnosis).or_default() += 1,
            false => wrong.push((address, category, diagnosis)),
        }
    }
    say(&format!("is_email: {} of {} as stated", cases.len() - wrong.len(), cases.len()));
    for (category, passes, why) in VERDICTS {
        let diagnoses = table.get(category).cloned().unwrap_or_default();
        let verdict = if passes { "passes" } else { "is refused" };
        say(&format!("  {category} {verdict} ({}): {why}; {diagnoses:?}", diagnoses.values().sum::<usize>()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn real_messages_raise_one_ssn_alarm_that_is_worth_a_look() {
    let Some(text) = evaluation_text("sms_uci/SMSSpamCollection") else { return };
    let messages = text.lines().filter_map(|line| Some(line.split_once('\t')?.1));
    let alarms: Vec<String> =
        messages.flat_map(|message| leaks::check("body", message)).map(|alarm| alarm.rule).collect();
    // A British premium number of nine digits that nothing in its message calls a number.
    assert_eq!(alarms, ["ssn_unformatted"]);
}
