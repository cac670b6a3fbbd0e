//! Drafts with a social security number in them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Draft, phones, pick};

/// Area, group and serial of a number that could be somebody's (no 000, 666, 9xx; no 00; no 0000).
pub(super) fn number(rng: &mut ChaCha8Rng) -> [String; 3] {
    let area = loop {
        let area = rng.random_range(1..900);
        if area != 666 {
            break area;
        }
    };
    [
        format!("{area:03}"),
        format!("{:02}", rng.random_range(1..100)),
        format!("{:04}", rng.random_range(1..10_000)),
    ]
}

/// How a number is written.
type Spelling = fn(&mut ChaCha8Rng, &[String; 3]) -> String;

/// Spellings that show what they are, with or without a name.
const CLEAR: &[(&str, Spelling)] = &[
    ("dashes", |_, n| n.join("-")),
    ("spaces", |_, n| n.join(" ")),
    ("dots", |_, n| n.join(".")),
    ("slashes", |_, n| n.join("/")),
    ("underscores", |_, n| n.join("_")),
    ("other dashes", |rng, n| n.join(pick(rng, &["–", "—", "\u{2010}", "\u{2011}", "\u{2212}", "－"]))),
    ("other spaces", |rng, n| n.join(pick(rng, &["\u{a0}", "\u{2009}", "\u{202f}", "\t"]))),
    ("dashes and spaces", |rng, n| n.join(pick(rng, &[" - ", "- ", " -", " – "]))),
    ("doubled dashes", |_, n| n.join("--")),
    ("colons, stars, tildes", |rng, n| n.join(pick(rng, &[":", "*", "~"]))),
    ("line broken at a dash", |rng, n| {
        let breaks = pick(rng, &["-\n", "-\r\n"]);
        format!("{}-{}{breaks}{}", n[0], n[1], n[2])
    }),
    ("other digits", |rng, n| {
        let zero = pick(rng, &['０', '𝟎', '𝟢', '٠']);
        n.join("-")
            .chars()
            .map(|c| c.to_digit(10).map_or(Some(c), |d| char::from_u32(u32::from(zero) + d)).unwrap())
            .collect()
    }),
    ("keycaps", |_, n| {
        n.join("-")
            .chars()
            .map(|c| if c == '-' { "-".to_owned() } else { format!("{c}\u{fe0f}\u{20e3}") })
            .collect()
    }),
    ("zero-width characters", |rng, n| {
        let hidden = pick(rng, &["\u{200b}", "\u{ad}", "\u{2060}", "\u{feff}"]);
        n.join("-")
            .chars()
            .map(|c| format!("{c}{hidden}"))
            .collect::<String>()
            .trim_end_matches(hidden)
            .to_owned()
    }),
    ("digit by digit, grouped", |rng, n| {
        let [minor, major] = pick(rng, &[[" ", " - "], [" ", "-"], [" ", " / "], ["-", " "]]);
        n.clone().map(|group| spread(&group, minor)).join(major)
    }),
    ("words and dashes", |rng, n| {
        let major = pick(rng, &[" dash ", " - ", "-", " hyphen ", ", ", " -- "]);
        n.clone().map(|group| in_words(rng, &group, " ")).join(major)
    }),
    ("hyphened words", |rng, n| n.clone().map(|group| in_words(rng, &group, "-")).join(" ")),
    ("words line by line", |rng, n| n.clone().map(|group| in_words(rng, &group, " ")).join("\n")),
    ("words and numerals mixed", |rng, n| {
        let major = pick(rng, &[" dash ", "-", " - "]);
        let spelled = rng.random_range(0..3);
        let mut groups = n.clone();
        groups[spelled] = in_words(rng, &n[spelled], " ");
        groups.join(major)
    }),
    ("words and numerals mixed within groups", |rng, n| {
        let mut mixed = |group: &str| {
            let token = |digit: char| {
                if rng.random() { in_words(rng, &digit.to_string(), " ") } else { digit.to_string() }
            };
            group.chars().map(token).collect::<Vec<_>>().join(" ")
        };
        // One word at least, or it would be another spelling.
        format!(
            "{} dash {} dash {} {}",
            mixed(&n[0]),
            mixed(&n[1]),
            WORDS[digit(&n[2], 0)],
            mixed(&n[2][1..])
        )
    }),
    ("capital words", |rng, n| {
        n.clone().map(|group| in_words(rng, &group, " ")).join(" dash ").to_uppercase()
    }),
    ("Spanish words", |_, n| {
        n.clone()
            .map(|group| group.chars().map(|c| SPANISH[c as usize - 48]).collect::<Vec<_>>().join(" "))
            .join(" guión ")
    }),
];

/// Spellings that may be anything, unless somebody says what it is.
const UNCLEAR: &[(&str, Spelling)] = &[
    ("nine digits", |_, n| n.concat()),
    ("3-6", |_, n| format!("{}-{}{}", n[0], n[1], n[2])),
    ("5-4", |rng, n| format!("{}{}{}{}", n[0], n[1], pick(rng, &["-", " "]), n[2])),
    ("3-3-3", |rng, n| {
        let all = n.concat();
        [&all[..3], &all[3..6], &all[6..]].join(pick(rng, &["-", " ", "."]))
    }),
    ("mixed separators", |rng, n| {
        let [a, b] =
            pick(rng, &[["-", "."], [".", "-"], [" ", "-"], ["-", " "], ["/", "-"], [") ", "-"], ["", "-"]]);
        format!("{}{a}{}{b}{}", n[0], n[1], n[2])
    }),
    ("commas, bars, wide spaces", |rng, n| n.join(pick(rng, &[",", ", ", "|", "  ", " | "]))),
    ("groups line by line", |rng, n| n.join(pick(rng, &["\n", "\r\n"]))),
    ("digit by digit", |rng, n| spread(&n.concat(), pick(rng, &[" ", "-", ".", "\n", ", "]))),
    ("words", |rng, n| in_words(rng, &n.concat(), " ")),
    ("words with commas", |rng, n| in_words(rng, &n.concat(), ", ")),
    ("words in pairs", |_, n| n.clone().map(|group| in_pairs(&group)).join(" ")),
    ("double and triple", |rng, n| {
        let start = in_words(rng, &n.concat()[..6], " ");
        let last = WORDS[digit(&n[2], 3).max(1)];
        let [first, second] = pick(rng, &[["triple", ""], ["double", "seven "]]);
        format!("{start} {second}{first} {last}")
    }),
];

const WORDS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const SPANISH: [&str; 10] =
    ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"];

fn digit(group: &str, at: usize) -> usize {
    usize::from(group.as_bytes()[at] - b'0')
}

fn spread(group: &str, separator: &str) -> String {
    group.chars().map(String::from).collect::<Vec<_>>().join(separator)
}

fn in_words(rng: &mut ChaCha8Rng, group: &str, separator: &str) -> String {
    let zero = pick(rng, &["zero", "oh", "o"]);
    let word = |c: char| if c == '0' { zero } else { WORDS[c as usize - 48] };
    group.chars().map(word).collect::<Vec<_>>().join(separator)
}

/// `one twenty-three`, `forty-five`, `sixty-seven eighty-nine`: how people say it.
fn in_pairs(group: &str) -> String {
    const TEENS: [&str; 10] = [
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["oh", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let pair = |pair: &str| match (digit(pair, 0), digit(pair, 1)) {
        (1, unit) => TEENS[unit].to_owned(),
        (0, unit) => format!("oh {}", WORDS[unit]),
        (tens, 0) => TENS[tens].to_owned(),
        (tens, unit) => format!("{}-{}", TENS[tens], WORDS[unit]),
    };
    match group.len() {
        3 => format!("{} {}", WORDS[digit(group, 0)], pair(&group[1..])),
        4 => format!("{} {}", pair(&group[..2]), pair(&group[2..])),
        _ => pair(group),
    }
}

/// Texts that say what the number is.
const NAMED: [&str; 34] = [
    "SSN: {}",
    "SSN {}",
    "ssn={}",
    "SSN# {}",
    "SS# {}",
    "S.S.N. {}",
    "My SSN is {}.",
    "Her social is {}, please update the file.",
    "Social security number: {}",
    "Soc. Sec. No. {}",
    "social security no {}",
    "Hi Ana, is {} still your social?",
    "{} is my SSN",
    "{} (SSN)",
    "{}, that's my social security number",
    "Here you go, my SSN:\n{}",
    "What's your social? {}",
    "employee_ssn: {}",
    "Applicant SSN {} on form I-9",
    "We have your SSN {} on file.",
    "SSN on file is {}. Reply YES if correct.",
    "SSN for Ana Ruiz is {}",
    "Número de seguro social: {}",
    "Mi seguro social es {}",
    "Name: Ana Ruiz\nSSN: {}\nStart: 12/04/2026",
    "For the W-4: social security {} and two dependents",
    "background check needs ssn, mine is {} thx",
    "SSN ({})",
    "SSN - {}",
    "\"ssn\":\"{}\"",
    "Worker 4821, SSN {}, night shift",
    "ss number {}",
    "Please confirm the social security number {} by 5pm.",
    "SSN/TIN: {}",
];

/// Texts that do not say it.
const UNNAMED: [&str; 26] = [
    "{}",
    "Is {} right?",
    "{} for the background check, thanks.",
    "Ana Ruiz, {}, born 1980",
    "My number is {}.",
    "Here it is: {}",
    "I-9: {}",
    "W-4 for Ana {}",
    "new hire {} starts Monday",
    "The payroll portal shows {} for you",
    "Please verify {}",
    "ok so it's {} thanks",
    "Name: Ana Ruiz / {} / day shift",
    "Ana Ruiz\n{}\nTulsa",
    "({})",
    "Re: {}",
    "sending it again {}",
    "this is what I have: {}!",
    "He gave us {} at the desk.",
    "{} - that one?",
    "Tax form shows {}",
    "E-Verify says {} does not match",
    "Her ID is {}",
    "Use {} when you register",
    "It was {} last year",
    "Background: {}; drug test: passed",
];

/// What else stands in a draft, before or after.
const AROUND: [&str; 12] = [
    "Call {p} with questions.",
    "Shift starts 12/04/2026 at 06:00.",
    "Order 4821 is ready.",
    "Pay is $21.50/h.",
    "Dock 4, 1200 Main St, Tulsa, OK 74103-1234.",
    "Reply STOP to opt out.",
    "Thanks!",
    "Our EIN is 12-3456789.",
    "Job #99182 is open.",
    "Office: {p}",
    "Bring two forms of ID.",
    "See https://example.com/jobs/48213.",
];

/// `message` with a number between two of its words, in a spelling that needs no name.
pub(super) fn within(rng: &mut ChaCha8Rng, message: &str) -> Draft {
    let number = number(rng);
    let (kind, spelling) = pick(rng, CLEAR);
    let text = spelling(rng, &number);
    let words: Vec<&str> = message.split(' ').collect();
    let at = rng.random_range(0..=words.len());
    let (before, after) = (words[..at].join(" "), words[at..].join(" "));
    let head = if before.is_empty() { before } else { format!("{before} ") };
    let planted = head.len()..head.len() + text.len();
    Draft { body: format!("{head}{text} {after}"), kind, planted: Some(planted) }
}

/// A draft with a planted number.
pub(super) fn draft(rng: &mut ChaCha8Rng) -> Draft {
    let number = number(rng);
    // Every fifth has a spelling that only a name gives away; nine bare digits count without one, too.
    let (kind, body, text) = match rng.random_range(0..10) {
        0..=2 => {
            let (kind, spelling) = pick(rng, CLEAR);
            (kind, pick(rng, &UNNAMED), spelling(rng, &number))
        }
        3 | 4 => {
            let (kind, spelling) = pick(rng, CLEAR);
            (kind, pick(rng, &NAMED), spelling(rng, &number))
        }
        5 => ("dashes", pick(rng, &UNNAMED), number.join("-")),
        6 => ("dashes", pick(rng, &NAMED), number.join("-")),
        7 => ("nine digits, without a name", pick(rng, &UNNAMED), number.concat()),
        _ => {
            let (kind, spelling) = pick(rng, UNCLEAR);
            (kind, pick(rng, &NAMED), spelling(rng, &number))
        }
    };
    let around = |rng: &mut ChaCha8Rng| match rng.random_range(0..3) {
        0 => pick(rng, &AROUND).replace("{p}", &phones::phone(rng)),
        _ => String::new(),
    };
    let (before, after) = (around(rng), around(rng));
    let joint = pick(rng, &[" ", "\n", "\n\n"]);
    let (head, tail) = body.split_once("{}").unwrap();
    let head = if before.is_empty() { head.to_owned() } else { format!("{before}{joint}{head}") };
    let tail = if after.is_empty() { tail.to_owned() } else { format!("{tail}{joint}{after}") };
    let planted = head.len()..head.len() + text.len();
    Draft { body: format!("{head}{text}{tail}"), kind, planted: Some(planted) }
}
