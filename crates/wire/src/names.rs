//! The eleven daemons by name, and the rules for names and ids that every daemon shares.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the eleven daemons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DaemonName {
    /// The one door.
    Gateway,
    /// Objects over HTTP.
    Storaged,
    /// The Iceberg REST catalogue.
    Catalogd,
    /// Files into tables.
    Ingestd,
    /// SQL over tables.
    Queryd,
    /// Vector indexes.
    Vectord,
    /// Texts to vectors.
    Embedd,
    /// The durable log of what worked.
    Pathwayd,
    /// Search, learning, validators.
    Matrixd,
    /// Events and statistics.
    Observerd,
    /// Language models.
    Chatd,
}

impl DaemonName {
    /// All eleven, in the order of their ports.
    pub const ALL: [Self; 11] = [
        Self::Gateway,
        Self::Storaged,
        Self::Catalogd,
        Self::Ingestd,
        Self::Queryd,
        Self::Vectord,
        Self::Embedd,
        Self::Pathwayd,
        Self::Matrixd,
        Self::Observerd,
        Self::Chatd,
    ];

    /// The name of the binary, of the configuration section and in every log line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Storaged => "storaged",
            Self::Catalogd => "catalogd",
            Self::Ingestd => "ingestd",
            Self::Queryd => "queryd",
            Self::Vectord => "vectord",
            Self::Embedd => "embedd",
            Self::Pathwayd => "pathwayd",
            Self::Matrixd => "matrixd",
            Self::Observerd => "observerd",
            Self::Chatd => "chatd",
        }
    }

    /// The TCP port on loopback that users' scripts know the daemon by.
    pub const fn port(self) -> u16 {
        match self {
            Self::Gateway => 4110,
            Self::Storaged => 4211,
            Self::Catalogd => 4212,
            Self::Ingestd => 4213,
            Self::Queryd => 4214,
            Self::Vectord => 4215,
            Self::Embedd => 4216,
            Self::Pathwayd => 4217,
            Self::Matrixd => 4218,
            Self::Observerd => 4219,
            Self::Chatd => 4220,
        }
    }
}

impl fmt::Display for DaemonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DaemonName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|daemon| daemon.as_str() == name)
            .ok_or_else(|| format!("no daemon is named {name:?}"))
    }
}

/// The longest name of an index, a corpus or a part of a table's name.
pub const MAX_NAME_BYTES: usize = 128;
/// The longest id of an item.
pub const MAX_ID_BYTES: usize = 512;
/// The most results that one search returns.
pub const MAX_K: usize = 10_000;
/// The port of storaged's S3 face.
pub const S3_PORT: u16 = 4221;

/// Checks the name of an index, a corpus or a part of a table's name: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
///
/// # Errors
/// A sentence that names the rule, for the `detail` of a 400.
pub fn check_name(name: &str) -> Result<(), String> {
    let rule = "a name is 1 to 128 of A-Z a-z 0-9 . _ - and begins with a letter, a digit or _";
    let is_start = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let is_rest = |c: u8| is_start(c) || c == b'.' || c == b'-';
    match name.as_bytes() {
        [first, rest @ ..]
            if name.len() <= MAX_NAME_BYTES && is_start(*first) && rest.iter().copied().all(is_rest) =>
        {
            Ok(())
        }
        _ => Err(format!("{name:?} is not a valid name: {rule}")),
    }
}

/// Checks the id of an item: 1 to 512 bytes of UTF-8 without control characters.
///
/// # Errors
/// A sentence that names the rule, for the `detail` of a 400.
pub fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > MAX_ID_BYTES {
        return Err(format!("an id has 1 to {MAX_ID_BYTES} bytes, this one has {}", id.len()));
    }
    if id.chars().any(char::is_control) {
        return Err(format!("an id has no control characters, {id:?} has"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_escape_a_folder_are_refused() {
        for bad in ["", ".", "..", "a/b", "-a", ".hidden", "a b", "é", &"x".repeat(129)] {
            assert!(check_name(bad).is_err(), "{bad:?} must be refused");
        }
        for good in ["workers", "playbook_memory", "_x", "9.a-b", &"x".repeat(128)] {
            assert!(check_name(good).is_ok(), "{good:?} must pass");
        }
    }

    #[test]
    fn ids_hold_any_printable_text_up_to_512_bytes() {
        assert!(check_id("Zoë/№ 7").is_ok());
        for bad in ["", "a\nb", "a\0", &"x".repeat(513)] {
            assert!(check_id(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn every_daemon_has_its_own_name_and_port() {
        for a in DaemonName::ALL {
            assert_eq!(a.as_str().parse::<DaemonName>().unwrap(), a);
            assert_eq!(DaemonName::ALL.iter().filter(|b| b.port() == a.port()).count(), 1);
        }
    }
}
