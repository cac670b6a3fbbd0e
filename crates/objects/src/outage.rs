//! Failures that are nobody's who called: the store is full, away, or closed to us.

use std::error::Error as StdError;
use std::io;

use wire::ErrorCode;

/// Why a store serves nobody now. Its operator mends that; the caller may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// The disk is full, a quota is used up, or the file too large.
    #[error("no space is left; nothing was stored")]
    Full,
    /// It cannot be reached, does not answer in time, or answers that it cannot serve.
    #[error("the object store of the warehouse does not answer")]
    Unreachable,
    /// It does not let us in.
    #[error("the object store of the warehouse refuses access: check its credentials and what they permit")]
    Refused,
    /// We have nothing to be let in with.
    #[error(
        "no credentials for the object store of the warehouse: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    NoCredentials,
    /// It does not have the bucket.
    #[error("the bucket of the warehouse does not exist")]
    NoBucket,
    /// It has the bucket elsewhere.
    #[error("the bucket of the warehouse is in another region: set AWS_REGION")]
    OtherRegion,
}

impl Outage {
    /// The outage that `error` reports, through all wrappings; none if it is about one object or one request.
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        std::iter::successors(Some(error), |error| cause(*error)).find_map(outage)
    }

    /// How a caller is told.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Full => ErrorCode::InsufficientStorage,
            _ => ErrorCode::Unavailable,
        }
    }
}

/// What an error wraps. An [`io::Error`] shows as its source that of the error in it, never that error itself.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn outage(error: &(dyn StdError + 'static)) -> Option<Outage> {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge).then_some(Outage::Full);
    }
    if let Some(error) = error.downcast_ref::<object_store::Error>() {
        return answered(error);
    }
    no_answer(error)
}

/// What the store's answer means. Statuses and codes of S3 are in the text only: the type that holds them is private.
fn answered(error: &object_store::Error) -> Option<Outage> {
    use object_store::Error::{PermissionDenied, Unauthenticated};
    let text = error.to_string();
    let says = |any: &[&str]| any.iter().any(|part| text.contains(part));
    if says(&["/latest/api/token", "/latest/meta-data/"]) {
        // Without credentials in its environment, an instance of AWS has them from this service, and nobody else.
        Some(Outage::NoCredentials)
    } else if says(&["NoSuchBucket"]) {
        Some(Outage::NoBucket)
    } else if says(&["redirect without LOCATION", "status code: 301", "AuthorizationHeaderMalformed"]) {
        Some(Outage::OtherRegion)
    } else if matches!(error, PermissionDenied { .. } | Unauthenticated { .. }) {
        Some(Outage::Refused)
    } else if says(&["status code: 507"]) {
        Some(Outage::Full)
    } else if says(&["status code: 5", "status code: 429"]) {
        Some(Outage::Unreachable)
    } else {
        None
    }
}

#[cfg(feature = "aws")]
fn no_answer(error: &(dyn StdError + 'static)) -> Option<Outage> {
    use object_store::client::HttpErrorKind::{Connect, Interrupted, Request, Timeout};
    let kind = error.downcast_ref::<object_store::client::HttpError>()?.kind();
    matches!(kind, Connect | Interrupted | Request | Timeout).then_some(Outage::Unreachable)
}

#[cfg(not(feature = "aws"))]
fn no_answer(_: &(dyn StdError + 'static)) -> Option<Outage> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: source.into() }
    }

    #[test]
    fn full_disk_is_recognised_through_all_wrappings() {
        let full = generic(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(Outage::of(&full), Some(Outage::Full));
        assert_eq!(Outage::of(&io::Error::other(full)), Some(Outage::Full));
        assert_eq!(Outage::of(&generic(io::Error::from(io::ErrorKind::BrokenPipe))), None);
    }

    #[test]
    fn what_a_store_answers_is_told_apart() {
        let refused = object_store::Error::PermissionDenied { path: "a".into(), source: "403".into() };
        assert_eq!(Outage::of(&io::Error::other(refused)), Some(Outage::Refused));
        let answer =
            |text: &str| Outage::of(&generic(format!("Server returned non-2xx status code: {text}")));
        assert_eq!(answer("404 Not Found: <Code>NoSuchBucket</Code>"), Some(Outage::NoBucket));
        assert_eq!(answer("404 Not Found: <Code>NoSuchKey</Code>"), None);
        assert_eq!(answer("503 Service Unavailable"), Some(Outage::Unreachable));
        assert_eq!(answer("507 Insufficient Storage"), Some(Outage::Full));
        assert_eq!(answer("400 Bad Request"), None);
        assert_eq!(answer("301 Moved Permanently"), Some(Outage::OtherRegion));
        let of_instance = "Error performing PUT http://169.254.169.254/latest/api/token in 1s - HTTP error";
        assert_eq!(Outage::of(&generic(of_instance)), Some(Outage::NoCredentials));
    }

    #[cfg(feature = "aws")]
    #[test]
    fn store_that_does_not_answer_is_recognised() {
        use object_store::client::{HttpError, HttpErrorKind};
        let failed = |kind| generic(HttpError::new(kind, io::Error::from(io::ErrorKind::ConnectionRefused)));
        assert_eq!(Outage::of(&failed(HttpErrorKind::Connect)), Some(Outage::Unreachable));
        assert_eq!(Outage::of(&failed(HttpErrorKind::Decode)), None);
    }
}
