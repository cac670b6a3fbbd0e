//! The words around a number, which say what it is.

/// How far back a word can name a number, in bytes: about eight words.
const REACH_BYTES: usize = 48;
/// How far ahead: `123456789 is my SSN`.
const REACH_AHEAD_BYTES: usize = 20;

const SSN_WORDS: [&str; 6] = ["ssn", "ssns", "ss", "soc", "social", "socsec"];
const PHONE_WORDS: [&str; 17] = [
    "phone",
    "phones",
    "tel",
    "telephone",
    "call",
    "cell",
    "mobile",
    "fax",
    "text",
    "txt",
    "sms",
    "whatsapp",
    "dial",
    "ext",
    "extension",
    "ph",
    "reach",
];
const IDENTIFIER_WORDS: [&str; 37] = [
    "order",
    "job",
    "jobs",
    "invoice",
    "inv",
    "ticket",
    "po",
    "ref",
    "reference",
    "tracking",
    "shipment",
    "case",
    "req",
    "requisition",
    "confirmation",
    "conf",
    "badge",
    "sku",
    "serial",
    "lot",
    "item",
    "part",
    "quote",
    "contract",
    "policy",
    "claim",
    "routing",
    "aba",
    "account",
    "acct",
    "ein",
    "fein",
    "zip",
    "zipcode",
    "postal",
    "id",
    "duns",
];
/// Words that may stand between a name and its number.
const FILLERS: [&str; 9] = ["no", "nr", "num", "number", "code", "id", "is", "the", "was"];

/// What the nearest telling word says that a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    None,
    Ssn,
    Phone,
    Identifier,
}

/// What the words before `start`, or else those after `end`, say.
pub(super) fn before(text: &str, start: usize, end: usize) -> Label {
    let nearest = words_before(text, start).map(|word| classify(&word)).find(|label| *label != Label::None);
    match nearest {
        Some(label) => label,
        None if is_named_after(text, end) => Label::Ssn,
        None => Label::None,
    }
}

/// Whether the number at `start` is spelled as part of an identifier: right after the name of one (`order no.`), or
/// after a prefix in capitals (`WH-`).
pub(super) fn is_identifier_prefix(text: &str, start: usize) -> bool {
    let named = words_before(text, start).find(|word| !FILLERS.contains(&word.as_str()));
    if named.is_some_and(|word| classify(&word) == Label::Identifier) {
        return true;
    }
    let Some(prefix) = text[..start].strip_suffix('-') else { return false };
    let capitals = prefix.bytes().rev().take_while(u8::is_ascii_uppercase).count();
    let is_word_start = !prefix[..prefix.len() - capitals].ends_with(char::is_alphanumeric);
    capitals >= 2 && is_word_start
}

fn is_named_after(text: &str, end: usize) -> bool {
    let reach = floor(text, end + REACH_AHEAD_BYTES);
    let ahead = text[end..reach].split(['.', ';', '\n']).next().unwrap_or_default();
    ahead.split(|c: char| !c.is_alphanumeric()).any(|word| classify(&word.to_lowercase()) == Label::Ssn)
}

/// Lower-case words before `start`, the nearest first; single letters with dots count as one word (`S.S.N.`).
fn words_before(text: &str, start: usize) -> impl Iterator<Item = String> {
    let reach = floor(text, start.saturating_sub(REACH_BYTES));
    // A word that reaches out of sight would be read as another one.
    let cut = text[..reach].ends_with(char::is_alphanumeric);
    let near = &text[reach..start];
    let near = if cut { near.trim_start_matches(char::is_alphanumeric) } else { near };
    let near = near.to_lowercase().replace("s.s.n", "ssn").replace("s.s.", "ss ");
    let words: Vec<String> = near
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter().rev()
}

fn classify(word: &str) -> Label {
    if SSN_WORDS.contains(&word) {
        Label::Ssn
    } else if PHONE_WORDS.contains(&word) {
        Label::Phone
    } else if IDENTIFIER_WORDS.contains(&word) {
        Label::Identifier
    } else {
        Label::None
    }
}

/// The largest character boundary that is not beyond `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
