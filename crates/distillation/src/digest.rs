//! What identifies bytes.

use sha2::{Digest, Sha256};

/// SHA-256 of `bytes`, lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The first 128 bits of it: enough for rows that are not made to collide, and readable.
pub(crate) fn short_digest(bytes: &[u8]) -> String {
    let mut digest = sha256_hex(bytes);
    digest.truncate(32);
    digest
}
