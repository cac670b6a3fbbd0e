//! Phone numbers inside a run, set aside so that what remains can be judged.

use std::ops::Range;

use super::digits::Run;

/// The most digits of an international number, country code included: ITU-T E.164 section 6.2.1.
const E164_MAX_DIGITS: usize = 15;
/// Digits of a number of the North American Numbering Plan with its country code.
const NANP_DIGITS: usize = 11;

/// The stretches of groups of `run` that are no phone number; none of them is empty.
pub(super) fn set_aside(text: &str, run: &Run) -> Vec<Range<usize>> {
    let mut rest = Vec::new();
    let (mut first, mut start) = (0, 0);
    while start < run.len() {
        match phone_at(text, run, start) {
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
    let from = run.span(&(start..start + 1)).start;
    if text[..from].trim_end_matches(['(', ' ']).ends_with('+') {
        return Some(international(run, start));
    }
    let ends = (start + 1..=run.len().min(start + 4)).rev();
    ends.into_iter().find(|end| is_north_american(run, &(start..*end)))
}

/// After a `+`: the groups that fit into one number.
fn international(run: &Run, start: usize) -> usize {
    let is_nanp = run.digits(&(start..start + 1)).first() == Some(&1);
    let limit = if is_nanp { NANP_DIGITS } else { E164_MAX_DIGITS };
    let fits = |end: &usize| run.digits(&(start..*end)).len() <= limit;
    (start + 1..=run.len()).take_while(fits).last().unwrap_or(start + 1)
}

/// `[1] NPA NXX XXXX`, where area and exchange begin with 2 to 9, in the groupings that people write.
fn is_north_american(run: &Run, groups: &Range<usize>) -> bool {
    let lengths: Vec<usize> = run.lengths(groups).collect();
    let national = match run.digits(groups) {
        [1, national @ ..] if national.len() == 10 => national,
        national if national.len() == 10 => national,
        _ => return false,
    };
    let is_grouped_so = matches!(
        lengths.as_slice(),
        [10] | [11] | [3, 7] | [6, 4] | [3, 3, 4] | [1, 10] | [4, 7] | [1, 3, 7] | [4, 3, 4] | [1, 3, 3, 4]
    );
    is_grouped_so && national[0] >= 2 && national[3] >= 2
}
