//! Times as people write them in job orders.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Length of `2026-12-01`.
const DATE_BYTES: usize = 10;
const DAY_S: i64 = 24 * 3600;

/// A stretch of time, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    start: Timestamp,
    end: Timestamp,
}

impl Interval {
    /// `None` if the end is not after the start.
    pub(crate) fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether it can be worked through: what takes a day or more is an engagement of many shifts, and a bare date says
    /// nothing of hours.
    pub(crate) fn is_shift(&self) -> bool {
        self.end.as_second() - self.start.as_second() < DAY_S
    }

    /// Seconds between the two, if they do not overlap.
    pub(crate) fn gap_s(&self, other: &Self) -> i64 {
        self.start.max(other.start).as_second() - self.end.min(other.end).as_second()
    }

    /// Seconds from the first start to the last end.
    pub(crate) fn hull_s(&self, other: &Self) -> i64 {
        self.end.max(other.end).as_second() - self.start.min(other.start).as_second()
    }

    /// Start and end, seconds of the Unix epoch.
    pub(crate) fn seconds(&self) -> (i64, i64) {
        (self.start.as_second(), self.end.as_second())
    }
}

/// Reads a start: an instant with an offset, else a local time or a date. All times without an offset count as one
/// zone, so they compare with each other.
pub(crate) fn start(text: &str) -> Option<Timestamp> {
    instant(text, Some)
}

/// Reads an end, as [`start`]; a bare date includes that whole day.
pub(crate) fn end(text: &str) -> Option<Timestamp> {
    instant(text, |date| date.tomorrow().ok())
}

fn instant(text: &str, day: impl Fn(Date) -> Option<Date>) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let local = if text.len() == DATE_BYTES {
        day(text.parse().ok()?)?.to_datetime(jiff::civil::Time::midnight())
    } else {
        text.parse::<DateTime>().ok()?
    };
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_local_times_and_instants_are_read() {
        assert_eq!(start("2026-12-01"), start("2026-12-01T00:00"));
        assert_eq!(start("2026-12-01T07:00"), start("2026-12-01 07:00:00"));
        assert_eq!(start("2026-12-01T07:00-05:00"), start("2026-12-01T12:00Z"));
        assert_eq!(end("2026-12-01"), start("2026-12-02"));
        for bad in ["", "tomorrow", "2026-13-01", "12/01/2026", "2026-02-30T07:00"] {
            assert_eq!(start(bad), None, "{bad}");
        }
    }

    #[test]
    fn shifts_that_touch_do_not_overlap() {
        let shift = |from: &str, to: &str| Interval::new(start(from).unwrap(), end(to).unwrap()).unwrap();
        let morning = shift("2026-12-01T06:00", "2026-12-01T14:00");
        assert!(!morning.overlaps(&shift("2026-12-01T14:00", "2026-12-01T22:00")));
        assert!(morning.overlaps(&shift("2026-12-01T13:59", "2026-12-01T22:00")));
        assert!(morning.overlaps(&shift("2026-11-01", "2026-12-01")));
    }
}
