//! What travels with a request from hop to hop: its id, its trace, its caller's token, its deadline.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::HeaderName;
use uuid::{Builder, Uuid};

/// Names one request across all hops; made up at the first hop if the caller brought none.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C Trace Context, level 1.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Milliseconds that the caller will still wait.
pub const DEADLINE_MS: HeaderName = HeaderName::from_static("x-deadline-ms");
/// Makes a repeated write harmless.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where the gateway has a daemon's paths, such as `/v1`: for the links in an answer.
pub const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The longest request id that is taken over from a caller.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// A text that never shows itself in logs: prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that must send or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Position in a distributed trace: W3C Trace Context, section 3.2 (`version-traceid-parentid-flags`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

impl TraceContext {
    /// The root of a new trace.
    pub fn root() -> Self {
        Self { trace_id: rand::random::<u128>().max(1), span_id: new_span_id(), flags: 1 }
    }

    /// Reads a `traceparent` header; `None` if it is not valid, as the specification asks to ignore it then.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_valid = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        if !is_valid || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace_id, span_id, flags: u8::from_str_radix(flags, 16).ok()? })
    }

    /// The same trace, one span further down.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span_id: new_span_id(), ..self }
    }

    /// Which trace this is.
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }
}

/// Names a trace: 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its table of digits is much faster than what formats numbers of 128 bits.
        fmt::Display::fmt(&Uuid::from_u128(self.0).simple(), f)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.trace_id(), self.span_id, self.flags)
    }
}

fn new_span_id() -> u64 {
    rand::random::<u64>().max(1)
}

/// A UUID of version 7 (RFC 9562, section 5.7), so that ids sort by time. Its random part comes from the generator of
/// the thread: asking the system for each request takes more time than all the rest of a context.
fn new_request_id() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid().simple().to_string()
}

/// Everything that one hop hands to the next.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// [`REQUEST_ID`].
    pub request_id: String,
    /// [`TRACEPARENT`].
    pub trace: TraceContext,
    /// The caller's bearer token, passed on so that every hop judges the caller itself.
    pub token: Option<Secret>,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

impl CallContext {
    /// The start of a new request that has `budget` to finish.
    pub fn root(budget: Duration) -> Self {
        Self {
            request_id: new_request_id(),
            trace: TraceContext::root(),
            token: None,
            deadline: Instant::now() + budget,
        }
    }

    /// The same, on behalf of the holder of `token`.
    #[must_use]
    pub fn with_token(mut self, token: Option<Secret>) -> Self {
        self.token = token;
        self
    }

    /// What is left of the deadline; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Takes over a caller's request id if it is harmless in a log line and a header, else makes one.
pub fn request_id_or_new(header: Option<&str>) -> String {
    match header {
        Some(id)
            if !id.is_empty()
                && id.len() <= MAX_REQUEST_ID_BYTES
                && id.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            id.to_owned()
        }
        _ => new_request_id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn traceparent_of_the_specification_round_trips() {
        assert_eq!(TraceContext::parse(EXAMPLE).unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn child_stays_in_the_trace_under_a_new_span() {
        let parent = TraceContext::parse(EXAMPLE).unwrap();
        let child = parent.child();
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child, parent);
    }

    #[test]
    fn malformed_traceparent_is_ignored() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in ["", "00", zero, &EXAMPLE.to_uppercase(), &format!("{EXAMPLE}-x"), &EXAMPLE[..54]] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn secret_never_prints_itself() {
        let context = CallContext::root(Duration::from_secs(1)).with_token(Some(Secret::new("hunter2")));
        assert!(!format!("{context:?}").contains("hunter2"));
    }

    #[test]
    fn request_id_made_here_is_a_uuid_of_version_7_of_this_moment() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let ids = [request_id_or_new(None), request_id_or_new(None)];
        assert_ne!(ids[0], ids[1]);
        let id: uuid::Uuid = ids[0].parse().unwrap();
        assert_eq!((id.get_version_num(), ids[0].len()), (7, 32));
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        let millis = u128::from(seconds) * 1000 + u128::from(nanos) / 1_000_000;
        assert!((before..before + 60_000).contains(&millis), "{millis} is not just after {before}");
    }

    #[test]
    fn hostile_request_id_is_replaced() {
        assert_eq!(request_id_or_new(Some("abc-1")), "abc-1");
        for bad in ["", "a b", "a\nb", &"x".repeat(129)] {
            assert_ne!(request_id_or_new(Some(bad)), bad);
        }
    }
}
