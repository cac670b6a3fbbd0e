//! Words that a US staffing firm must not choose workers by: age, sex, family, national origin, religion, race, disability.
//!
//! A hint, never a verdict: whether a phrase discriminates depends on the job (29 U.S.C. 623(f)(1) and 42 U.S.C.
//! 2000e-2(e) allow bona fide occupational qualifications), so each finding is a warning that a person looks at. The
//! phrases are in [`phrases`]; a trie over words finds the longest one at each word, in one pass over the text.

mod phrases;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use wire::matrix::Violation;

use self::phrases::{GROUPS, Ground, Group, PHRASES, Phrase, TEMPLATES, Unless};
use crate::violation::{capped, warning};

/// Words longer than any in a phrase need not be looked at.
const MAX_WORD_BYTES: usize = 24;
/// Between two words of a phrase, line breaks and indentation included.
const MAX_GAP_BYTES: usize = 16;
/// An age that somebody is to be below. The ages of the law (18, 21) are lower, and asked for as minima.
const YOUNGEST_LIMIT: u8 = 25;
/// Stands in a phrase for a number from [`YOUNGEST_LIMIT`] to 99.
const AGE: &str = "#";
/// Stands in a phrase for any number of one or two digits.
const NUMBER: &str = "##";

/// What must not be said in `text`, as warnings of `field`, in the order of the text.
pub fn check(field: &str, text: &str) -> Vec<Violation> {
    capped(find(text).map(|found| violation(field, found)))
}

struct Found {
    span: Range<usize>,
    ground: Ground,
    instead: &'static str,
}

fn violation(field: &str, Found { span, ground, instead }: Found) -> Violation {
    let message = format!("this may read as a preference by {}: {}", ground.name(), ground.citation());
    warning(ground.rule(), field, span, &message, instead)
}

fn find(text: &str) -> impl Iterator<Item = Found> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(word) = next_word(text, at) {
            at = word.end;
            if let Some((entry, end)) = longest_at(text, &TRIE.nodes[0], &word)
                && !entry.is_excused(text, word.start..end)
            {
                at = end;
                return Some(Found { span: word.start..end, ground: entry.ground, instead: entry.instead });
            }
        }
        None
    })
}

/// The longest phrase that goes on from `node` with the word at `word`, and where it ends.
fn longest_at(text: &str, node: &'static Node, word: &Range<usize>) -> Option<(&'static Entry, usize)> {
    let longest_by = |next: &usize| {
        let node = &TRIE.nodes[*next];
        let longer = match node.children.is_empty() {
            true => None,
            false => following(text, word).and_then(|word| longest_at(text, node, &word)),
        };
        longer.or_else(|| node.entry.as_ref().map(|entry| (entry, word.end)))
    };
    steps(node, &text[word.clone()]).filter_map(|next| longest_by(&next)).max_by_key(|(_, end)| *end)
}

/// The nodes that `word` leads to; a number may stand for itself as an age and as any number.
fn steps(node: &'static Node, word: &str) -> impl Iterator<Item = usize> {
    let child = |word: &str| node.children.get(word).copied();
    let is_number = matches!(word.len(), 1..=2) && word.bytes().all(|byte| byte.is_ascii_digit());
    let found = if word.len() > MAX_WORD_BYTES {
        [None, None]
    } else if is_number {
        let is_age = word.parse().is_ok_and(|age: u8| age >= YOUNGEST_LIMIT);
        [child(AGE).filter(|_| is_age), child(NUMBER)]
    } else if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        [child(&word.to_ascii_lowercase()), None]
    } else {
        [child(word), None]
    };
    found.into_iter().flatten()
}

/// The next word from byte `at` on: letters, digits and inner apostrophes.
fn next_word(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at + text.get(at..)?.find(char::is_alphanumeric)?;
    let end = text[start..].find(|c: char| !c.is_alphanumeric() && c != '\'');
    Some(start..end.map_or(text.len(), |length| start + length))
}

/// The word after `word`, if nothing but spaces, hyphens or the dot of an abbreviation is between.
fn following(text: &str, word: &Range<usize>) -> Option<Range<usize>> {
    let is_initial = word.len() == 1;
    let rest = &text[word.end..];
    let is_gap =
        |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2013}') || (is_initial && c == '.');
    let gap = rest.find(|c| !is_gap(c))?;
    let is_word = rest[gap..].starts_with(char::is_alphanumeric);
    (is_word && (1..=MAX_GAP_BYTES).contains(&gap)).then(|| next_word(text, word.end + gap)).flatten()
}

/// The word before byte `end`, if one stands directly before it.
fn preceding(text: &str, end: usize) -> Option<&str> {
    let before = text[..end].trim_end_matches([' ', '\n', '-', '.']);
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '\'').map_or(0, |at| {
        // The character that is no part of the word may take several bytes.
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    (start < before.len()).then(|| &before[start..])
}

struct Entry {
    ground: Ground,
    instead: &'static str,
    unless: Unless,
}

impl Entry {
    /// Whether the words around the phrase, or the way it is written, make it something else.
    fn is_excused(&self, text: &str, span: Range<usize>) -> bool {
        let is_among =
            |word: &str, words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        let next = following(text, &span).map(|next| &text[next]);
        let before = || preceding(text, span.start);
        next.is_some_and(|next| is_among(next, self.unless.before))
            || (!self.unless.after.is_empty()
                && before().is_some_and(|word| is_among(word, self.unless.after)))
            || (self.unless.is_name && is_name(text, &span, next))
            || (self.unless.is_of_pair && is_of_pair(text, &span, next))
    }
}

/// A capital letter inside a sentence, or before another or before no word at all, is a name: "Ms. Young", "Young Co.".
fn is_name(text: &str, span: &Range<usize>, next: Option<&str>) -> bool {
    let starts_upper = |word: &str| word.starts_with(char::is_uppercase);
    let word = &text[span.clone()];
    if !starts_upper(word) || (word.len() > 1 && word.chars().all(char::is_uppercase)) {
        return false;
    }
    let before = text[..span.start].trim_end();
    let begins = before.is_empty() || before.ends_with(['.', '!', '?', ':', '\u{2022}', '*']);
    !begins || next.is_none_or(starts_upper)
}

/// Whether a slash, "or" or "and" joins the word to its counterpart.
fn is_of_pair(text: &str, span: &Range<usize>, next: Option<&str>) -> bool {
    let joins = |word: &str| word.eq_ignore_ascii_case("or") || word.eq_ignore_ascii_case("and");
    let (before, after) = (&text[..span.start], &text[span.end..]);
    before.ends_with('/')
        || after.starts_with('/')
        || next.is_some_and(joins)
        || preceding(text, span.start).is_some_and(joins)
}

#[derive(Default)]
struct Node {
    children: HashMap<String, usize>,
    entry: Option<Entry>,
}

struct Trie {
    nodes: Vec<Node>,
}

static TRIE: LazyLock<Trie> = LazyLock::new(|| {
    let mut trie = Trie { nodes: vec![Node::default()] };
    for Phrase { words, ground, instead, unless } in PHRASES {
        trie.insert(words, Entry { ground: *ground, instead, unless: *unless });
    }
    for Group { names, ground, instead } in GROUPS {
        for name in *names {
            for (template, unless) in TEMPLATES {
                let entry = Entry { ground: *ground, instead, unless: *unless };
                trie.insert(&template.replace("{}", name), entry);
            }
        }
    }
    trie
});

impl Trie {
    fn insert(&mut self, words: &str, entry: Entry) {
        let mut at = 0;
        for word in words.split(' ') {
            let fresh = self.nodes.len();
            let next = *self.nodes[at].children.entry(word.to_owned()).or_insert(fresh);
            if next == fresh {
                self.nodes.push(Node::default());
            }
            at = next;
        }
        self.nodes[at].entry = Some(entry);
    }
}

#[cfg(test)]
mod tests;
