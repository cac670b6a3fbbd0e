//! When a failed attempt is made again, and after how long. Chance is an argument.

use std::time::Duration;

use provider::Error;

/// Attempts at one provider, before the next is tried.
const MAX_ATTEMPTS: u32 = 3;
/// The pause after the first failure; each further one may be twice as long.
const BASE: Duration = Duration::from_millis(200);
/// The longest that a provider may ask to wait for: beyond it another one is better, or the caller is told.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How long to wait before attempt `made + 1` of a request that failed with `error`; `None`: it is not made again.
/// `chance` is drawn from 0 to 1 ("full jitter", M. Brooker, AWS Architecture Blog, 2015). A wait that the provider asks for
/// is kept, and a little more, so that not all who were sent away come back at once.
pub(crate) fn pause(error: &Error, made: u32, chance: f64) -> Option<Duration> {
    let is_passing = matches!(error, Error::Refused { status: 429 | 500 | 502 | 503 | 504 | 529, .. });
    if !is_passing || made >= MAX_ATTEMPTS {
        return None;
    }
    let jitter = (BASE * 2_u32.saturating_pow(made - 1)).mul_f64(chance);
    let wait = error.retry_after().unwrap_or_default() + jitter;
    (wait <= MAX_WAIT).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after_s: Option<u64>) -> Error {
        Error::Refused {
            provider: "p".into(),
            url: "u".into(),
            status,
            message: String::new(),
            retry_after_s,
        }
    }

    #[test]
    fn pauses_grow_are_jittered_and_end() {
        let error = refused(503, None);
        assert_eq!(pause(&error, 1, 0.0), Some(Duration::ZERO));
        assert_eq!(pause(&error, 1, 1.0), Some(BASE));
        assert_eq!(pause(&error, 2, 1.0), Some(BASE * 2));
        assert_eq!(pause(&error, MAX_ATTEMPTS, 1.0), None);
    }

    #[test]
    fn wait_that_the_provider_asks_for_is_kept_or_not_waited_for_at_all() {
        assert_eq!(pause(&refused(429, Some(2)), 1, 0.5), Some(Duration::from_secs(2) + BASE / 2));
        assert_eq!(pause(&refused(429, Some(60)), 1, 0.5), None);
    }

    #[test]
    fn what_will_fail_again_is_not_tried_again() {
        assert_eq!(pause(&refused(400, None), 1, 0.5), None);
        assert_eq!(pause(&refused(401, None), 1, 0.5), None);
    }
}
