//! Reads runs of digit groups out of a text, once from front to back.

use std::ops::Range;

use super::words::{self, Word};
use super::{Run, Separator};

/// What is read as a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Numerals; a word ends a run.
    Numerals,
    /// Numerals and number words (`one two dash 3`); runs without a word are left out.
    Words,
}

/// A run of so many groups is handed over and goes on with its last [`CARRIED_GROUPS`]: nothing that is looked for
/// has more groups than these, and memory stays small whatever the text.
const MAX_GROUPS: usize = 96;
const CARRIED_GROUPS: usize = 24;
/// The most characters between two groups of one run.
const MAX_GAP: u8 = 4;

/// Calls `judge` with every run of `text`, in its order. Where a very long run was cut, groups come twice.
pub(crate) fn for_each_run(text: &str, reading: Reading, mut judge: impl FnMut(&Run)) {
    let mut reader = Reader::new(reading);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let end = match reading {
            Reading::Words if c.is_alphabetic() => at + word_len(&text[at..]),
            // What cannot begin a number is passed over in one go.
            Reading::Numerals if reader.gap == Gap::Wide && is_plain(c) => {
                at + text[at..].chars().take_while(|c| is_plain(*c)).count()
            }
            _ => at + c.len_utf8(),
        };
        reader.read(text, at..end, c, &mut judge);
        at = end;
    }
    reader.hand_over(&mut judge);
}

fn is_plain(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_digit()
}

fn word_len(text: &str) -> usize {
    text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())
}

/// What has been read since the last digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Nothing,
    /// One separator, of so many characters.
    One(Separator, u8),
    /// Too much for one number.
    Wide,
}

struct Reader {
    reading: Reading,
    run: Run,
    gap: Gap,
    /// The last group ends in a round number in words, which a unit may still complete.
    is_tens: bool,
    /// `double` at this byte, and how often the next digit counts.
    times: Option<(usize, u8)>,
}

impl Reader {
    fn new(reading: Reading) -> Self {
        Self { reading, run: Run::default(), gap: Gap::Wide, is_tens: false, times: None }
    }

    /// Takes in the character or word at `span`, which begins with `c`.
    fn read(&mut self, text: &str, span: Range<usize>, c: char, judge: &mut impl FnMut(&Run)) {
        if is_invisible(c) {
            if self.gap == Gap::Nothing && matches!(c, VARIATION_SELECTOR | KEYCAP) {
                self.run.extend_to(span.end);
            }
            return;
        }
        if let Some(digit) = digit(c) {
            self.number(&[digit], span, false, judge);
            return;
        }
        if self.reading == Reading::Numerals || !c.is_alphabetic() {
            self.gap = self.then(c);
            return;
        }
        match words::meaning(&text[span.clone()]) {
            Some(Word::Digit(digit)) => self.unit(digit, span, judge),
            Some(Word::Teen(unit)) => self.number(&[1, unit], span, true, judge),
            Some(Word::Tens(tens)) => {
                self.number(&[tens, 0], span, true, judge);
                self.is_tens = true;
            }
            Some(Word::Times(times)) => self.times = Some((span.start, times)),
            Some(Word::Separator(c)) => self.gap = self.then(c),
            None => (self.gap, self.times) = (Gap::Wide, None),
        }
    }

    /// A digit in a word, which may complete `twenty` or be counted by `double`.
    fn unit(&mut self, digit: u8, span: Range<usize>, judge: &mut impl FnMut(&Run)) {
        let is_close = matches!(self.gap, Gap::One(Separator::Space | Separator::Dash, 1));
        if self.is_tens && is_close && digit > 0 {
            self.run.replace_last_digit(digit, span.end);
            (self.gap, self.is_tens) = (Gap::Nothing, false);
            return;
        }
        match self.times.take() {
            Some((start, 3)) => self.number(&[digit; 3], start..span.end, true, judge),
            Some((start, _)) => self.number(&[digit; 2], start..span.end, true, judge),
            None => self.number(&[digit], span, true, judge),
        }
    }

    fn number(&mut self, digits: &[u8], span: Range<usize>, is_word: bool, judge: &mut impl FnMut(&Run)) {
        match self.gap {
            Gap::Wide => self.hand_over(judge),
            Gap::One(separator, _) => {
                self.run.separators.push(separator);
                if self.run.len() >= MAX_GROUPS {
                    self.judge(judge);
                    self.run.cut(CARRIED_GROUPS);
                }
            }
            Gap::Nothing => {}
        }
        if self.gap != Gap::Nothing {
            self.run.push_group();
        }
        for digit in digits {
            self.run.push_digit(*digit, span.clone(), is_word);
        }
        (self.gap, self.is_tens, self.times) = (Gap::Nothing, false, None);
    }

    fn hand_over(&mut self, judge: &mut impl FnMut(&Run)) {
        self.judge(judge);
        self.run.cut(0);
        self.run.cut_after = None;
    }

    fn judge(&self, judge: &mut impl FnMut(&Run)) {
        let groups = 0..self.run.len();
        if !groups.is_empty() && (self.reading == Reading::Numerals || self.run.spelled(&groups) > 0) {
            judge(&self.run);
        }
    }

    /// The gap with one more character in it.
    fn then(&self, c: char) -> Gap {
        use Separator::{Dash, Dot, List, Mark, Parenthesis, Slash, Space, Underscore};
        let Some(next) = separator(c) else { return Gap::Wide };
        let (before, count) = match self.gap {
            Gap::Wide => return Gap::Wide,
            Gap::Nothing => return Gap::One(next, 1),
            Gap::One(_, MAX_GAP) => return Gap::Wide,
            Gap::One(before, count) => (before, count + 1),
        };
        let is_spoken = self.reading == Reading::Words;
        let both = match (before, next) {
            (Parenthesis, Space | Dash) => Parenthesis,
            (Space | List, Space | List) => List,
            (Space | Dash, Dash) | (Dash, Space | List) => Dash,
            (Space, Slash | Underscore | Mark) => next,
            (Slash | Underscore, Space) => before,
            (Mark, Space) => List,
            (Space | List, Dash | Dot) if is_spoken => next,
            (Dot, Dot | Space | List) if is_spoken => List,
            _ => return Gap::Wide,
        };
        Gap::One(both, count)
    }
}

fn separator(c: char) -> Option<Separator> {
    match c {
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => {
            Some(Separator::Dash)
        }
        '.' | '·' | '•' | '\u{2024}' | '\u{ff0e}' => Some(Separator::Dot),
        '/' | '\u{2044}' | '\u{2215}' | '\u{ff0f}' => Some(Separator::Slash),
        '_' | '\u{ff3f}' => Some(Separator::Underscore),
        ')' => Some(Separator::Parenthesis),
        ':' | '*' | '~' | '\\' => Some(Separator::Mark),
        ',' | ';' | '|' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(Separator::List),
        ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Some(Separator::Space)
        }
        _ => None,
    }
}

/// What makes `1️⃣` of `1`.
const VARIATION_SELECTOR: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// Characters that take no room of their own: soft hyphen, zero-width spaces and joiners, byte-order mark, marks of
/// direction, and the two that make a keycap of a digit.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | VARIATION_SELECTOR | KEYCAP | '\u{feff}'
    )
}

/// The value of a decimal digit in the scripts that a US phone's keyboard offers, and of the bold and other
/// mathematical ones that text generators offer (five sets from U+1D7CE on).
fn digit(c: char) -> Option<u8> {
    const ZEROS: [u32; 5] = [0x30, 0x660, 0x6f0, 0x966, 0xff10];
    let c = u32::from(c);
    let value = match c {
        0x1d7ce..=0x1d7ff => Some((c - 0x1d7ce) % 10),
        _ => ZEROS.iter().find_map(|zero| c.checked_sub(*zero).filter(|value| *value < 10)),
    };
    value.and_then(|value| u8::try_from(value).ok())
}
