//! What a run holds that is surely something else: phone numbers, dates, ZIP+4 codes after a state.

use std::ops::Range;

use super::{Run, Separator};
use crate::context;

/// The most digits of an international number, country code included: ITU-T E.164 section 6.2.1.
const E164_MAX_DIGITS: usize = 15;
/// The fewest digits, country code included, after an exit code (`011`) that are taken for an international number.
const E164_MIN_DIGITS: usize = 8;
/// Digits of a number of the North American Numbering Plan with its country code.
const NANP_DIGITS: usize = 11;
/// The most groups that such a number is written in.
const MAX_NANP_GROUPS: usize = 4;

/// The stretches of groups of `run` that are none of these; none of them is empty.
pub(crate) fn set_aside(text: &str, run: &Run) -> Vec<Range<usize>> {
    let mut rest = Vec::new();
    let (mut first, mut start) = (0, 0);
    while start < run.len() {
        let aside =
            phone_at(text, run, start).or_else(|| date_at(run, start)).or_else(|| zip_at(text, run, start));
        match aside {
            Some(end) => {
                rest.push(first..start);
                (first, start) = (end, end);
            }
            None => start += 1,
        }
    }
    rest.push(first..run.len());
    rest.retain(|groups| !groups.is_empty());
    rest
}

/// Where the phone number that begins at group `start` ends, if one begins there.
fn phone_at(text: &str, run: &Run, start: usize) -> Option<usize> {
    let group = start..start + 1;
    // What is written as an SSN behind an international number's first digits is read from its own beginning.
    let is_first = start == 0 && run.separator_before(0).is_none();
    if is_first && let Some(country) = dialled_before(text, run.span(&group).start) {
        let is_nanp = run.digits(&group).first() == Some(&1);
        return international(run, start, if is_nanp { NANP_DIGITS } else { E164_MAX_DIGITS - country });
    }
    if let Some(country) = exit_code(run, start) {
        let end = international(run, start + 1, E164_MAX_DIGITS - country)?;
        let digits: usize = run.lengths(&(start + 1..end)).sum();
        return (digits + country >= E164_MIN_DIGITS).then_some(end);
    }
    let within = run.len().min(start + MAX_NANP_GROUPS);
    let windows = [NANP_DIGITS, NANP_DIGITS - 1].map(|digits| run.window(start, within, digits));
    windows.into_iter().flatten().find(|window| is_north_american(run, window)).map(|window| window.end)
}

/// How many digits of an international number stand before byte `start`: none right after a `+`, those of the country
/// code in `+44 (`.
fn dialled_before(text: &str, start: usize) -> Option<usize> {
    let before = &text.as_bytes()[start.saturating_sub(8)..start];
    let blanks = before.iter().rev().take_while(|byte| matches!(byte, b'(' | b' ')).count();
    let before = &before[..before.len() - blanks];
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count().min(4);
    // `18+` is no plus sign of a phone number.
    let before = before[..before.len() - digits].strip_suffix(b"+")?;
    (digits < 4 && !before.last().is_some_and(u8::is_ascii_alphanumeric)).then_some(digits)
}

/// Whether group `start` is, or begins with, an exit code (`011` from the US, `00` from most other countries), and how
/// many digits of the country code are in it.
fn exit_code(run: &Run, start: usize) -> Option<usize> {
    let is_word = matches!(run.separator_before(start), None | Some(Separator::Space | Separator::List));
    let goes_on =
        matches!(run.separator_after(start), Some(Separator::Space | Separator::Dash | Separator::Dot));
    let country = match run.digits(&(start..start + 1)) {
        [0, 0] | [0, 1, 1] => 0,
        [0, 0, 1..=9, rest @ ..] if matches!(rest.len(), 1 | 2) => rest.len() + 1,
        _ => return None,
    };
    (is_word && goes_on && !is_area_11(run, start)).then_some(country)
}

/// Whether a social security number of the area 011 begins at group `start`, as its dashes or dots show.
fn is_area_11(run: &Run, start: usize) -> bool {
    let window = start..(start + 3).min(run.len());
    let separator = run.separator_within(&window);
    run.is_grouped(&window, &[3, 2, 4])
        && separator.is_some_and(|separator| {
            separator != Separator::Space && !run.goes_on(&window, &run.whole(), separator)
        })
}

/// The groups from `start` that fit into one number of `limit` digits.
fn international(run: &Run, start: usize, limit: usize) -> Option<usize> {
    let fits = |end: &usize| {
        let is_same_line = *end == start + 1 || run.separator_after(*end - 2) != Some(Separator::List);
        is_same_line && run.lengths(&(start..*end)).sum::<usize>() <= limit
    };
    let end = (start + 1..=run.len()).take_while(fits).last()?;
    // A social security number behind it may begin with digits that would still fit.
    let cut = (start + 1..end).find(|first| {
        let window = *first..*first + 3;
        window.end > end && window.end <= run.len() && run.is_grouped(&window, &[3, 2, 4])
    });
    Some(cut.unwrap_or(end))
}

/// `[1] NPA NXX XXXX`, where area and exchange begin with 2 to 9, in the groupings that people write.
fn is_north_american(run: &Run, groups: &Range<usize>) -> bool {
    const GROUPINGS: [&[usize]; 10] = [
        &[10],
        &[11],
        &[3, 7],
        &[6, 4],
        &[3, 3, 4],
        &[1, 10],
        &[4, 7],
        &[1, 3, 7],
        &[4, 3, 4],
        &[1, 3, 3, 4],
    ];
    let is_grouped_so = GROUPINGS.iter().any(|lengths| run.is_grouped(groups, lengths));
    is_grouped_so
        && match run.digits(groups) {
            [1, national @ ..] if national.len() == 10 => national[0] >= 2 && national[3] >= 2,
            national => national.len() == 10 && national[0] >= 2 && national[3] >= 2,
        }
}

/// Where the date that begins at group `start` ends: year-month-day, day and month in either order and a year, or
/// month/year.
fn date_at(run: &Run, start: usize) -> Option<usize> {
    let groups = start..(start + 3).min(run.len());
    full_date(run, &groups).or_else(|| month_of_year(run, &(start..(start + 2).min(run.len()))))
}

fn full_date(run: &Run, groups: &Range<usize>) -> Option<usize> {
    let separator = run.separator_within(groups)?;
    let is_usual = matches!(separator, Separator::Dash | Separator::Slash | Separator::Dot);
    if groups.len() != 3 || !is_usual || run.goes_on(groups, &run.whole(), separator) {
        return None;
    }
    let [first, second, third] = [groups.start, groups.start + 1, groups.start + 2].map(|at| value(run, at));
    let mut lengths = run.lengths(groups);
    let lengths: [usize; 3] = std::array::from_fn(|_| lengths.next().unwrap_or_default());
    let is_day_and_month = |a: u32, b: u32| a >= 1 && b >= 1 && a.max(b) <= 31 && a.min(b) <= 12;
    let is_date = match lengths {
        [4, 1 | 2, 1 | 2] => is_year(first) && is_day_and_month(second, third),
        [1 | 2, 1 | 2, 4] => is_year(third) && is_day_and_month(first, second),
        [1 | 2, 1 | 2, 2] => is_day_and_month(first, second),
        _ => false,
    };
    is_date.then_some(groups.end)
}

fn month_of_year(run: &Run, groups: &Range<usize>) -> Option<usize> {
    let is_apart =
        |separator: Option<Separator>| matches!(separator, None | Some(Separator::Space | Separator::List));
    let is_month = (run.is_grouped(groups, &[2, 4]) || run.is_grouped(groups, &[1, 4]))
        && run.separator_within(groups) == Some(Separator::Slash)
        && is_apart(run.separator_before(groups.start))
        && is_apart(run.separator_after(groups.end - 1))
        && (1..=12).contains(&value(run, groups.start))
        && is_year(value(run, groups.start + 1));
    is_month.then_some(groups.end)
}

fn is_year(year: u32) -> bool {
    (1900..2100).contains(&year)
}

/// The value of group `at`, of which the first digits suffice.
fn value(run: &Run, at: usize) -> u32 {
    run.digits(&(at..at + 1)).iter().take(4).fold(0, |value, digit| value * 10 + u32::from(*digit))
}

/// Where the ZIP+4 code that begins at group `start` ends, if a state's abbreviation stands before it.
fn zip_at(text: &str, run: &Run, start: usize) -> Option<usize> {
    let group = start..start + 1;
    let both = start..start + 2;
    let end = if run.is_grouped(&group, &[9]) {
        group.end
    } else if both.end <= run.len()
        && run.is_grouped(&both, &[5, 4])
        && run.separator_after(start) == Some(Separator::Dash)
    {
        both.end
    } else {
        return None;
    };
    context::is_after_state(text, run.span(&group).start).then_some(end)
}
