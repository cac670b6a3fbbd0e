//! The validators against published test sets, read from `LAKEHOUSE_EVAL_DATA` where that is set.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use validators::{address, leaks, segments};

/// Prints a line that is seen also when the test passes: what the macros print is captured then.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The file at `path` below the evaluation data, or a printed line and `None`.
pub(crate) fn evaluation_file(path: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("LAKEHOUSE_EVAL_DATA").map(PathBuf::from) else {
        say(&format!("SKIPPED: LAKEHOUSE_EVAL_DATA is not set, so {path} is not judged"));
        return None;
    };
    let file = folder.join(path);
    let text = std::fs::read(&file).unwrap_or_else(|error| panic!("read {}: {error}", file.display()));
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn example_phone_numbers_raise_no_ssn_alarm() {
    let Some(text) = evaluation_file("phone/metadata_1_examples.csv") else { return };
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

/// One test of the is_email set, its control pictures turned back into the control characters they stand for.
fn is_email_cases(xml: &str) -> Vec<(String, String)> {
    let field = |test: &str, name: &str| {
        let start = test.find(&format!("<{name}>"))? + name.len() + 2;
        Some(test[start..].split('<').next()?.to_owned())
    };
    let cases = xml.split("<test id=").skip(1);
    cases
        .map(|test| {
            let address = field(test, "address").unwrap_or_default();
            (unescape(&address), field(test, "category").unwrap_or_default())
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

/// We judge for the envelope, by syntax alone: what RFC 5321 lets through passes (also where a DNS look-up would warn);
/// comments, folding white space, obsolete forms and what only RFC 5322 allows are refused.
fn passes(category: &str) -> bool {
    match category {
        "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN" | "ISEMAIL_RFC5321" => true,
        "ISEMAIL_CFWS" | "ISEMAIL_DEPREC" | "ISEMAIL_RFC5322" | "ISEMAIL_ERR" => false,
        other => panic!("unknown category {other}"),
    }
}

#[test]
fn is_email_set_is_judged_by_category() {
    let Some(xml) = evaluation_file("email/isemail_tests.xml") else { return };
    let cases = is_email_cases(&xml);
    let mut by_category = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for (address, category) in &cases {
        match address::parse(address).is_ok() == passes(category) {
            true => *by_category.entry(category).or_default() += 1,
            false => wrong.push((address, category)),
        }
    }
    say(&format!("is_email: {} of {} as stated: {by_category:?}", cases.len() - wrong.len(), cases.len()));
    assert_eq!(cases.len(), 164);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An oracle of its own making: segments by the table of TS 23.038 as code points, filled greedily.
fn oracle_segments(text: &str) -> usize {
    const EXTRA: [u32; 46] = [
        0x0a, 0x0d, 0xa1, 0xa3, 0xa4, 0xa5, 0xa7, 0xbf, 0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xd1, 0xd6, 0xd8, 0xdc,
        0xdf, 0xe0, 0xe4, 0xe5, 0xe6, 0xe8, 0xe9, 0xec, 0xf1, 0xf2, 0xf6, 0xf8, 0xf9, 0xfc, 0x393, 0x394,
        0x398, 0x39b, 0x39e, 0x3a0, 0x3a3, 0x3a6, 0x3a8, 0x3a9, 0x40, 0x24, 0x5f, 0x20, 0x21,
    ];
    const DOUBLE: [u32; 10] = [0x0c, 0x5b, 0x5c, 0x5d, 0x5e, 0x7b, 0x7c, 0x7d, 0x7e, 0x20ac];
    let is_ascii = |c: u32| (0x20..0x7f).contains(&c) && c != 0x60 && !DOUBLE.contains(&c);
    let is_gsm =
        text.chars().map(u32::from).all(|c| is_ascii(c) || EXTRA.contains(&c) || DOUBLE.contains(&c));
    let widths: Vec<usize> = text
        .chars()
        .map(|c| if is_gsm { 1 + usize::from(DOUBLE.contains(&u32::from(c))) } else { c.len_utf16() })
        .collect();
    let (single, part) = if is_gsm { (160, 153) } else { (70, 67) };
    let total: usize = widths.iter().sum();
    if total <= single {
        return usize::from(total > 0);
    }
    let mut filled = vec![0];
    for width in widths {
        let last = filled.len() - 1;
        if filled[last] + width <= part { filled[last] += width } else { filled.push(width) }
    }
    filled.len()
}

#[test]
fn segments_of_real_messages_equal_the_oracle() {
    let Some(text) = evaluation_file("sms_uci/SMSSpamCollection") else { return };
    let messages: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect();
    let (mut long, mut unicode, mut several) = (0, 0, 0);
    for message in &messages {
        let found = segments::segment(message);
        assert_eq!(found.segments, oracle_segments(message), "{message:?}");
        long += usize::from(message.chars().count() > 160);
        unicode += usize::from(found.encoding == segments::Encoding::Ucs2);
        several += usize::from(found.segments > 1);
    }
    let alarms: Vec<_> = messages.iter().flat_map(|message| leaks::check("body", message)).collect();
    say(&format!(
        "{} real messages: {long} over 160 characters, {unicode} outside GSM-7, {several} of several segments, \
         {} SSN alarms",
        messages.len(),
        alarms.len()
    ));
    assert_eq!(messages.len(), 5574);
    // A British premium number of nine digits that nothing in its message calls a number: worth a look, no refusal.
    let alarms: Vec<&str> = alarms.iter().map(|alarm| alarm.rule.as_str()).collect();
    assert_eq!(alarms, ["ssn_unformatted"]);
}
