//! Who asks: the key that comes with a request.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use service::{ApiError, Ctx};
use sha2::{Digest as _, Sha256};

/// Where Anthropic's clients put their key; others send a bearer token.
const KEY_HEADER: &str = "x-api-key";

/// Whom a request comes from, as far as it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The digest of its key; `None`: it has sent none.
    pub(crate) key: Option<Digest>,
    /// Under which the request is in the log.
    pub(crate) request_id: String,
    /// To which trace it belongs.
    pub(crate) trace_id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    /// The bearer token counts before the header: it is the one that has been checked where tokens are configured.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ctx(context) = Ctx::from_request_parts(parts, state).await?;
        let header = parts.headers.get(KEY_HEADER).and_then(|value| value.to_str().ok());
        let key = context.token.as_ref().map(wire::context::Secret::expose).or(header);
        let key = key.map(str::trim).filter(|key| !key.is_empty()).map(Digest::of);
        Ok(Self { key, trace_id: context.trace.trace_id().to_string(), request_id: context.request_id })
    }
}

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// What [`fmt::Display`] has written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let digits = text.strip_prefix("key:").filter(|digits| digits.len() == 64 && digits.is_ascii())?;
        for (place, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("key:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    /// A short key could be guessed from its digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_read_as_it_was_written_and_shows_in_no_debug_output() {
        let digest = Digest::of("sk-1");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(format!("{:?}", Some(digest)), "Some(***)");
        for bad in ["", "key:", "key:é", &"key:zz".repeat(13), &format!("{digest}00")] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }
}
