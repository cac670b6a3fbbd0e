//! Bodies whose checksums are compared before their last byte is taken: what does not match is never stored.

use std::error::Error;

use axum::body::Bytes;
use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{Stream, StreamExt};
use s3s::TrailingHeaders;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::StreamingBlob;

/// Why a body cannot be stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// It broke off, or a signed chunk of it is not what its signature says.
    #[error("receiving the body")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// It is not what its sender says.
    #[error("the body's {algorithm} does not match")]
    Corrupt {
        /// The header that names the checksum.
        algorithm: &'static str,
    },
}

const CRC32: &str = "x-amz-checksum-crc32";
const CRC32C: &str = "x-amz-checksum-crc32c";
const CRC64_NVME: &str = "x-amz-checksum-crc64nvme";
const SHA1: &str = "x-amz-checksum-sha1";
const SHA256: &str = "x-amz-checksum-sha256";
const CONTENT_MD5: &str = "content-md5";

/// Checksums over a body, and where what they should be is said.
struct Expected {
    headers: HeaderMap,
    trailers: Option<TrailingHeaders>,
    hasher: ChecksumHasher,
    md5: Option<Md5>,
}

/// The bytes of `body`, and an error in the place of its end if a checksum in the headers or behind the body does not
/// match.
pub(super) fn verified(
    body: StreamingBlob,
    headers: &HeaderMap,
    trailers: Option<TrailingHeaders>,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + use<> {
    let mut expected = Expected::new(headers.clone(), trailers);
    async_stream::try_stream! {
        // `s3s` gives a stream that is not `Sync`, and need not be.
        let mut body = std::pin::pin!(body);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(BodyError::Broken)?;
            expected.update(&chunk);
            yield chunk;
        }
        expected.check()?;
    }
}

impl Expected {
    fn new(headers: HeaderMap, trailers: Option<TrailingHeaders>) -> Self {
        let announced = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
        let announced: Vec<String> =
            announced.flat_map(|names| names.split(',')).map(|name| name.trim().to_lowercase()).collect();
        let is_given = |name: &str| headers.contains_key(name) || announced.iter().any(|given| given == name);
        let hasher = ChecksumHasher {
            crc32: is_given(CRC32).then(Crc32::new),
            crc32c: is_given(CRC32C).then(Crc32c::new),
            crc64nvme: is_given(CRC64_NVME).then(Crc64Nvme::new),
            sha1: is_given(SHA1).then(Sha1::new),
            sha256: is_given(SHA256).then(Sha256::new),
        };
        let md5 = is_given(CONTENT_MD5).then(Md5::new);
        Self { headers, trailers, hasher, md5 }
    }

    fn update(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        if let Some(md5) = &mut self.md5 {
            md5.update(chunk);
        }
    }

    fn check(self) -> Result<(), BodyError> {
        let Self { headers, trailers, hasher, md5 } = self;
        let trailers = trailers.and_then(|trailers| trailers.take()).unwrap_or_default();
        let said = |name: &str| {
            headers.get(name).or_else(|| trailers.get(name)).and_then(|value| value.to_str().ok())
        };
        let sums = hasher.finalize();
        let computed = [
            (CRC32, sums.checksum_crc32),
            (CRC32C, sums.checksum_crc32c),
            (CRC64_NVME, sums.checksum_crc64nvme),
            (SHA1, sums.checksum_sha1),
            (SHA256, sums.checksum_sha256),
            (CONTENT_MD5, md5.map(|md5| BASE64_STANDARD.encode(md5.finalize()))),
        ];
        for (algorithm, sum) in computed {
            if sum.is_some_and(|sum| said(algorithm) != Some(&sum)) {
                return Err(BodyError::Corrupt { algorithm });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    async fn read(name: &'static str, sum: &str) -> Result<usize, BodyError> {
        let mut headers = HeaderMap::new();
        headers.insert(name, sum.parse().unwrap());
        let body = StreamingBlob::from(s3s::Body::from(Bytes::from_static(b"123456789")));
        let chunks: Vec<Bytes> = std::pin::pin!(verified(body, &headers, None)).try_collect().await?;
        Ok(chunks.iter().map(Bytes::len).sum())
    }

    /// The check values of the CRC catalogue, and digests of the same nine digits.
    #[tokio::test]
    async fn body_is_taken_with_its_checksum_and_refused_with_another() {
        for (name, sum) in [
            (CRC32, "y/Q5Jg=="),
            (CRC32C, "4waSgw=="),
            (CRC64_NVME, "rosUhgp5mIg="),
            (SHA1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (SHA256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
            (CONTENT_MD5, "JfnnlDI7RTiF9RgfG2JNCw=="),
        ] {
            assert_eq!(read(name, sum).await.unwrap(), 9, "{name}");
            let refused = read(name, "AAAAAA==").await;
            assert!(
                matches!(refused, Err(BodyError::Corrupt { algorithm }) if algorithm == name),
                "{name}: {refused:?}"
            );
        }
    }
}
