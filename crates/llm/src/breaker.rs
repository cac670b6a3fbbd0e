//! Leaves a provider alone that keeps failing, and tries now and then whether it is back. The states are those of M. Nygard,
//! "Release It!", second edition, section 5.2. Time is an argument.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Failures in a row after which a provider is left alone.
const MAX_FAILURES: u32 = 5;
/// For how long; then one request is let through.
const PAUSE: Duration = Duration::from_secs(15);

/// Whether requests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// They do.
    Closed,
    /// They do not.
    Open,
    /// One does, or may: it decides.
    HalfOpen,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Counts the failures of one provider.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    open_until: Option<Instant>,
    is_probed: bool,
}

impl Breaker {
    /// Lets a request through; it has to be told by [`Self::succeeded`], [`Self::failed`] or [`Self::gave_no_verdict`] how it
    /// went. `Err`: not now, and for how long not.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut record = self.0.lock();
        let Some(open_until) = record.open_until else { return Ok(()) };
        if now < open_until {
            return Err(open_until - now);
        }
        if record.is_probed {
            return Err(PAUSE);
        }
        record.is_probed = true;
        Ok(())
    }

    pub(crate) fn succeeded(&self) {
        *self.0.lock() = Record::default();
    }

    pub(crate) fn failed(&self, now: Instant) {
        let mut record = self.0.lock();
        record.failures = record.failures.saturating_add(1);
        record.is_probed = false;
        if record.failures >= MAX_FAILURES {
            record.open_until = Some(now + PAUSE);
        }
    }

    /// The caller left, or the request itself was at fault: the provider is none the better or worse known for it.
    pub(crate) fn gave_no_verdict(&self) {
        self.0.lock().is_probed = false;
    }

    pub(crate) fn state(&self, now: Instant) -> State {
        match self.0.lock().open_until {
            None => State::Closed,
            Some(until) if now < until => State::Open,
            Some(_) => State::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A breaker that has just opened, and when.
    fn opened() -> (Breaker, Instant) {
        let (breaker, now) = (Breaker::default(), Instant::now());
        (0..MAX_FAILURES).for_each(|_| breaker.failed(now));
        (breaker, now)
    }

    #[test]
    fn provider_is_left_alone_after_failures_in_a_row_only() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            (1..MAX_FAILURES).for_each(|_| breaker.failed(now));
            assert!(breaker.admit(now).is_ok());
            breaker.succeeded();
        }
        let (breaker, now) = opened();
        assert_eq!(breaker.admit(now + PAUSE / 3), Err(PAUSE - PAUSE / 3));
        assert_eq!(breaker.state(now), State::Open);
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let (breaker, now) = opened();
        let later = now + PAUSE;
        assert_eq!(breaker.state(later), State::HalfOpen);
        assert!(breaker.admit(later).is_ok() && breaker.admit(later).is_err());
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Err(PAUSE));
        assert!(breaker.admit(later + PAUSE).is_ok());
        breaker.succeeded();
        assert!(breaker.admit(later).is_ok() && breaker.admit(later).is_ok());
    }

    #[test]
    fn probe_without_a_verdict_leaves_room_for_the_next() {
        let (breaker, now) = opened();
        assert!(breaker.admit(now + PAUSE).is_ok());
        breaker.gave_no_verdict();
        assert!(breaker.admit(now + PAUSE).is_ok());
    }
}
