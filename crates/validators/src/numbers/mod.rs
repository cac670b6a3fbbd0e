//! Numbers as people write them: runs of digit groups, in numerals or in words.

mod aside;
mod reader;
mod words;

use std::ops::Range;

pub(crate) use self::aside::set_aside;
pub(crate) use self::reader::{Reading, for_each_run};

/// What stands between two groups of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    Dash,
    Dot,
    Space,
    Slash,
    Underscore,
    /// A closing parenthesis, as after an area code.
    Parenthesis,
    /// A mark that nobody uses by custom: `:` `*` `~` `\`.
    Mark,
    /// What separates the items of a list or the cells of a table: comma, semicolon, bar, line break, several spaces.
    List,
}

/// Groups of digits with one separator between each two of them.
#[derive(Debug, Default)]
pub(crate) struct Run {
    digits: Vec<u8>,
    groups: Vec<Group>,
    /// One less than groups.
    separators: Vec<Separator>,
    /// What stood before the first group, where a longer run was cut.
    cut_after: Option<Separator>,
}

#[derive(Debug, Clone)]
struct Group {
    /// Bytes of the text.
    span: Range<usize>,
    /// Index of its first digit among those of the run.
    first: usize,
    /// How many digits it has; only the first [`Run::KEPT_DIGITS`] are kept.
    len: usize,
    /// How many of them are written as words.
    spelled: usize,
}

impl Run {
    /// Digits that are kept of a group; no number of interest has more.
    const KEPT_DIGITS: usize = 20;

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The bytes of the text that `groups` take; `groups` is not empty.
    pub(crate) fn span(&self, groups: &Range<usize>) -> Range<usize> {
        self.groups[groups.start].span.start..self.groups[groups.end - 1].span.end
    }

    /// The digits of `groups`, which is not empty; of a longer group the first [`Self::KEPT_DIGITS`].
    pub(crate) fn digits(&self, groups: &Range<usize>) -> &[u8] {
        let end = self.groups.get(groups.end).map_or(self.digits.len(), |group| group.first);
        &self.digits[self.groups[groups.start].first..end]
    }

    /// How many digits each of `groups` has.
    pub(crate) fn lengths(&self, groups: &Range<usize>) -> impl Iterator<Item = usize> {
        self.groups[groups.clone()].iter().map(|group| group.len)
    }

    /// Whether `groups` have these many digits, each.
    pub(crate) fn is_grouped(&self, groups: &Range<usize>, lengths: &[usize]) -> bool {
        groups.len() == lengths.len() && self.lengths(groups).eq(lengths.iter().copied())
    }

    /// How many digits of `groups` are written as words.
    pub(crate) fn spelled(&self, groups: &Range<usize>) -> usize {
        self.groups[groups.clone()].iter().map(|group| group.spelled).sum()
    }

    /// The groups from `start`, not beyond `end`, that have exactly `digits` digits together.
    pub(crate) fn window(&self, start: usize, end: usize, digits: usize) -> Option<Range<usize>> {
        let mut total = 0;
        for (at, group) in self.groups[start..end].iter().enumerate() {
            total += group.len;
            if total >= digits {
                return (total == digits).then_some(start..start + at + 1);
            }
        }
        None
    }

    /// What stands between a group and the next.
    pub(crate) fn separator_after(&self, group: usize) -> Option<Separator> {
        self.separators.get(group).copied()
    }

    /// What stands between a group and the one before.
    pub(crate) fn separator_before(&self, group: usize) -> Option<Separator> {
        match group.checked_sub(1) {
            Some(before) => self.separator_after(before),
            None => self.cut_after,
        }
    }

    /// The separator that stands between all of `groups`, if it is one and the same.
    pub(crate) fn separator_within(&self, groups: &Range<usize>) -> Option<Separator> {
        let within = &self.separators[groups.start..groups.end - 1];
        within.first().copied().filter(|first| within.iter().all(|separator| separator == first))
    }

    /// What stands between the blocks of 3, 2 and 4 digits that `groups`, of nine digits, consist of: between those
    /// two times alone. Blocks of several groups are spelled digit by digit or in words: `1 2 3 - 4 5 - six 7 8 9`.
    pub(crate) fn major_separator(&self, groups: &Range<usize>) -> Option<Separator> {
        let (mut digits, mut majors, mut minors) = (0, Vec::new(), Vec::new());
        for at in groups.start..groups.end - 1 {
            digits += self.groups[at].len;
            let side = if matches!(digits, 3 | 5) { &mut majors } else { &mut minors };
            side.push((at, self.separators[at]));
        }
        let [(_, major), (_, other)] = majors[..] else { return None };
        let is_small = |at: usize| self.groups[at].len == 1 || self.groups[at].spelled > 0;
        let is_minor =
            |(at, minor): &(usize, Separator)| *minor != major && is_small(*at) && is_small(at + 1);
        (major == other && minors.iter().all(is_minor)).then_some(major)
    }

    /// Whether `separator` goes on before or after `groups`, within `piece`, so that they are part of something longer.
    pub(crate) fn goes_on(&self, groups: &Range<usize>, piece: &Range<usize>, separator: Separator) -> bool {
        let has_before = groups.start > piece.start || groups.start == 0;
        let has_after = groups.end < piece.end;
        (has_before && self.separator_before(groups.start) == Some(separator))
            || (has_after && self.separator_after(groups.end - 1) == Some(separator))
    }

    /// All groups.
    pub(crate) fn whole(&self) -> Range<usize> {
        0..self.groups.len()
    }

    /// The run with groups joined where one of `minor` is all that stands between them: `1 2 3 - 4 5 - 6 7 8 9` becomes
    /// three groups. Numerals are joined digit by digit only; words always.
    pub(crate) fn joined(&self, minor: &[Separator]) -> Self {
        let mut joined = Self { digits: self.digits.clone(), cut_after: self.cut_after, ..Self::default() };
        let is_small = |group: &Group| group.len == 1 || group.spelled > 0;
        let mut before: Option<&Group> = None;
        for (at, group) in self.groups.iter().enumerate() {
            let separator = self.separator_before(at);
            let is_joint = separator.is_some_and(|separator| minor.contains(&separator))
                && is_small(group)
                && before.is_some_and(is_small);
            match joined.groups.last_mut() {
                Some(last) if is_joint => {
                    last.span.end = group.span.end;
                    last.len += group.len;
                    last.spelled += group.spelled;
                }
                _ => {
                    joined.separators.extend(separator.filter(|_| at > 0));
                    joined.groups.push(group.clone());
                }
            }
            before = Some(group);
        }
        joined
    }

    fn push_group(&mut self) {
        self.groups.push(Group { span: 0..0, first: self.digits.len(), len: 0, spelled: 0 });
    }

    fn push_digit(&mut self, digit: u8, span: Range<usize>, is_spelled: bool) {
        let Some(group) = self.groups.last_mut() else { return };
        if group.len == 0 {
            group.span.start = span.start;
        }
        group.span.end = span.end;
        if group.len < Self::KEPT_DIGITS {
            self.digits.push(digit);
        }
        group.len += 1;
        group.spelled += usize::from(is_spelled);
    }

    /// Lets the last group reach to byte `end`.
    fn extend_to(&mut self, end: usize) {
        if let Some(group) = self.groups.last_mut() {
            group.span.end = end;
        }
    }

    /// Turns the zero of `twenty` into the three of `twenty-three`.
    fn replace_last_digit(&mut self, digit: u8, end: usize) {
        self.extend_to(end);
        if let Some(last) = self.digits.last_mut() {
            *last = digit;
        }
    }

    /// Lets go of all groups but the last `keep`.
    fn cut(&mut self, keep: usize) {
        let Some(gone) = self.groups.len().checked_sub(keep).filter(|gone| *gone > 0) else { return };
        self.cut_after = self.separators.get(gone - 1).copied();
        let digits = self.groups.get(gone).map_or(self.digits.len(), |group| group.first);
        self.digits.drain(..digits);
        self.groups.drain(..gone);
        self.separators.drain(..gone.min(self.separators.len()));
        for group in &mut self.groups {
            group.first -= digits;
        }
    }
}
