//! Phone numbers in all usual spellings, and drafts around them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::dialling::GROUPINGS;
use super::{digits, pick};

/// How people write a North American number; `A`, `E`, `L` stand for area, exchange and line.
const NATIONAL: [&str; 46] = [
    "A-E-L",
    "(A) E-L",
    "(A)E-L",
    "(A) E L",
    "(A)-E-L",
    "(A) E.L",
    "A.E.L",
    "A E L",
    "AEL",
    "A/E-L",
    "A/E/L",
    "A - E - L",
    "A-EL",
    "A E-L",
    "A EL",
    "AE L",
    "AE-L",
    "A_E_L",
    "A–E–L",
    "A\u{a0}E\u{a0}L",
    "A\u{2011}E\u{2011}L",
    "A·E·L",
    "1-A-E-L",
    "1 A E L",
    "1.A.E.L",
    "1AEL",
    "1 (A) E-L",
    "1-(A)-E-L",
    "1/A/E-L",
    "+1AEL",
    "+1 A E L",
    "+1-A-E-L",
    "+1 (A) E-L",
    "+1(A)E-L",
    "+1.A.E.L",
    "+1 AEL",
    "001 A E L",
    "011 1 A E L",
    "tel:+1-A-E-L",
    "tel:+1AEL",
    "https://wa.me/1AEL",
    "A-E-L x12",
    "A-E-L ext. 123",
    "A-E-L, ext 4567",
    "A.E.L x 1234",
    "E-L",
];
/// Spellings with words of a North American number.
const SPOKEN_SEPARATORS: [&str; 4] = [" ", ", ", " dash ", "-"];
const WORDS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

const DRAFTS: [&str; 26] = [
    "Hi Ana, night shift at Dock 4 tomorrow 22:00. Questions? {}",
    "Call me at {} about order 123456789.",
    "{}",
    "Reply STOP to opt out. {}, ZIP 74103-1234",
    "Job #4821 pays $21.50/h from 2026-12-01. Phone {}.",
    "Never text your SSN. Office: {}",
    "New number: {} (cell), old one 415-555-0132",
    "Start 06:00, gate code 4711; {} or reply",
    "Bring your social security card and call {} when you are at the gate.",
    "Your SSN is needed for payroll: give it in person or by phone at {}, never by text.",
    "{} is the dispatcher's cell.",
    "Tel. {}\nFax {}",
    "Contact: Maria Lopez / {} / maria@example.com",
    "Shift 12/04/2026 0600-1430, supervisor {}",
    "Text YES to {} by 5pm",
    "{}, {} or {}",
    "- {}\n- {}\n",
    "Name,Phone\nAna,{}\nBo,{}",
    "Pay is $18.50, 40 hours. {} for details",
    "we tried {} twice today",
    "Meet at 1200 Main St, Tulsa, OK 74103. {}.",
    "Emergency contact on file: {}. Still right?",
    "Dial {}, then 2 for dispatch",
    "You have 3 missed calls from {}",
    "({})",
    "WhatsApp: {} | Office: {}",
];

/// A number in one of the usual spellings, half of them North American.
pub(super) fn phone(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..20) {
        0 => spoken(rng),
        1..=9 => international(rng),
        _ => national(rng),
    }
}

/// Area and exchange never begin with 0 or 1, nor is either an N11 code (NANP numbering rules).
fn area(rng: &mut ChaCha8Rng) -> u32 {
    loop {
        let code = rng.random_range(200..1000);
        if code % 100 != 11 {
            return code;
        }
    }
}

fn national(rng: &mut ChaCha8Rng) -> String {
    let (area, exchange, line) = (area(rng), area(rng), rng.random_range(0..10_000));
    let format = pick(rng, &NATIONAL);
    // "ext", "tel" and "wa.me" are lower case: each capital stands once.
    format.replacen('A', &area.to_string(), 1).replacen('E', &exchange.to_string(), 1).replacen(
        'L',
        &format!("{line:04}"),
        1,
    )
}

fn international(rng: &mut ChaCha8Rng) -> String {
    let (grouping, countries) = pick(rng, GROUPINGS);
    let country = pick(rng, countries);
    let leading = rng.random_range(1..10u8);
    let number = digits(rng, &grouping.replacen('#', &leading.to_string(), 1));
    let plain = |number: &str| number.replace([' ', '-', '.'], "");
    match rng.random_range(0..8) {
        0 => format!("+{country}{}", plain(&number)),
        1 => format!("tel:+{country}-{}", number.replace(' ', "-")),
        2 => format!("00{country} {number}"),
        3 => format!("011 {country} {number}"),
        4 => format!("+{country} (0) {number}"),
        5 => format!("+{country}.{}", number.replace(' ', ".")),
        _ => format!("+{country} {number}"),
    }
}

fn spoken(rng: &mut ChaCha8Rng) -> String {
    let number = format!("{}{}{:04}", area(rng), area(rng), rng.random_range(0..10_000));
    let zero = pick(rng, &["zero", "oh"]);
    let words: Vec<&str> = number
        .bytes()
        .map(|digit| if digit == b'0' { zero } else { WORDS[usize::from(digit - b'0')] })
        .collect();
    let separator = pick(rng, &SPOKEN_SEPARATORS);
    match rng.random_range(0..3) {
        0 => words.join(" "),
        1 => words.join(separator),
        _ => [&words[..3], &words[3..6], &words[6..]].map(|group| group.join(" ")).join(separator),
    }
}

/// A draft with phone numbers, and nothing that could be a social security number.
pub(super) fn draft(rng: &mut ChaCha8Rng) -> String {
    let mut body = pick(rng, &DRAFTS).to_owned();
    while body.contains("{}") {
        body = body.replacen("{}", &phone(rng), 1);
    }
    body
}
