//! Runs of digit groups: what a person reads as one number, or as several side by side.

use std::ops::Range;

/// What stands between two groups of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Dash,
    Dot,
    Space,
    Slash,
    Underscore,
    /// A closing parenthesis, as after an area code.
    Parenthesis,
}

/// Groups of digits with one separator between each two of them.
#[derive(Debug, Default)]
pub(super) struct Run {
    digits: Vec<u8>,
    groups: Vec<Group>,
    separators: Vec<Separator>,
}

#[derive(Debug)]
struct Group {
    /// Bytes of the text.
    span: Range<usize>,
    /// Indexes into the digits of the run.
    digits: Range<usize>,
}

impl Run {
    /// Number of groups.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The bytes of the text that `groups` take; `groups` is not empty.
    pub(super) fn span(&self, groups: &Range<usize>) -> Range<usize> {
        self.groups[groups.start].span.start..self.groups[groups.end - 1].span.end
    }

    /// The digits of `groups`, which is not empty.
    pub(super) fn digits(&self, groups: &Range<usize>) -> &[u8] {
        &self.digits[self.groups[groups.start].digits.start..self.groups[groups.end - 1].digits.end]
    }

    /// How many digits each of `groups` has.
    pub(super) fn lengths(&self, groups: &Range<usize>) -> impl Iterator<Item = usize> {
        self.groups[groups.clone()].iter().map(|group| group.digits.len())
    }

    /// What stands between a group and the next.
    pub(super) fn separator_after(&self, group: usize) -> Option<Separator> {
        self.separators.get(group).copied()
    }

    fn push_group(&mut self) {
        let at = self.digits.len();
        self.groups.push(Group { span: 0..0, digits: at..at });
    }

    fn push_digit(&mut self, digit: u8, span: Range<usize>) {
        self.digits.push(digit);
        let end = self.digits.len();
        if let Some(group) = self.groups.last_mut() {
            if group.digits.is_empty() {
                group.span.start = span.start;
            }
            group.span.end = span.end;
            group.digits.end = end;
        }
    }
}

/// What has been read since the last digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Nothing,
    One(Separator),
    /// Too much for one number.
    Wide,
}

impl Gap {
    fn then(self, c: char) -> Self {
        match (self, separator(c)) {
            (Self::Wide, _) | (_, None) => Self::Wide,
            (Self::Nothing, Some(separator)) => Self::One(separator),
            (Self::One(Separator::Space), Some(Separator::Dash))
            | (Self::One(Separator::Dash), Some(Separator::Space)) => Self::One(Separator::Dash),
            (Self::One(Separator::Parenthesis), Some(Separator::Space | Separator::Dash)) => self,
            (Self::One(_), Some(_)) => Self::Wide,
        }
    }
}

/// All runs of `text`, in its order.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut gap = Gap::Wide;
    for (at, c) in text.char_indices().filter(|(_, c)| !is_invisible(*c)) {
        let Some(digit) = digit(c) else {
            gap = gap.then(c);
            continue;
        };
        if gap == Gap::Wide {
            runs.push(Run::default());
        }
        let Some(run) = runs.last_mut() else { continue };
        if let Gap::One(separator) = gap {
            run.separators.push(separator);
        }
        if gap != Gap::Nothing {
            run.push_group();
        }
        run.push_digit(digit, at..at + c.len_utf8());
        gap = Gap::Nothing;
    }
    runs
}

fn separator(c: char) -> Option<Separator> {
    match c {
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => Some(Separator::Dash),
        '.' | '·' | '•' | '\u{ff0e}' => Some(Separator::Dot),
        '/' => Some(Separator::Slash),
        '_' => Some(Separator::Underscore),
        ')' => Some(Separator::Parenthesis),
        ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => Some(Separator::Space),
        _ => None,
    }
}

/// Characters that take no room: soft hyphen, zero-width spaces and joiners, byte-order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The value of a decimal digit in the scripts that a US phone's keyboard offers.
fn digit(c: char) -> Option<u8> {
    const ZEROS: [char; 5] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'];
    let value =
        ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero as u32).filter(|value| *value < 10))?;
    u8::try_from(value).ok()
}
