//! What an object may be called.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;
use percent_encoding::percent_decode_str;

/// The longest key, as on S3.
pub const MAX_KEY_BYTES: usize = 1024;
/// The longest part between two slashes: what local file systems take as a file name.
pub const MAX_SEGMENT_BYTES: usize = 255;
/// The folder of a store's own files; no key begins with it.
pub const RESERVED_SEGMENT: &str = ".lakehouse";

/// The name of an object, free of everything that could lead out of the root of a store or change its meaning on
/// the way there.
///
/// 1 to 1,024 bytes of UTF-8 in segments of 1 to 255 bytes, divided by `/`. No segment is `.` or `..`; there are no
/// empty segments, control characters or backslashes, and nothing that would become one of these if someone decoded
/// its percent signs. The first segment is not `.lakehouse`. All else is legal, stored and listed as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Which rule a text breaks that was meant as a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid key: {0}")]
pub struct KeyError(&'static str);

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as a path of the `object_store` crate, unescaped.
    pub fn path(&self) -> Path {
        // `Path::parse` refuses a subset of what `Key` refuses and changes nothing; `Path::from` would escape.
        Path::parse(&self.0).unwrap_or_else(|_| Path::from(self.0.as_str()))
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError("it is empty"));
        }
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError("it is longer than 1024 bytes"));
        }
        text.split('/').try_for_each(check_segment)?;
        if text.split('/').next() == Some(RESERVED_SEGMENT) {
            return Err(KeyError("the folder .lakehouse is the store's own"));
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_segment(segment: &str) -> Result<(), KeyError> {
    if segment.is_empty() {
        return Err(KeyError("it begins or ends with a slash or has two in a row"));
    }
    if segment.len() > MAX_SEGMENT_BYTES {
        return Err(KeyError("a part between slashes is longer than 255 bytes"));
    }
    check_text(segment)?;
    let mut text = segment.to_owned();
    while text.contains('%') {
        // Bytes that are not UTF-8 cannot spell what is refused below, which is ASCII or a control character.
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            break;
        }
        if decoded.contains('/') {
            return Err(KeyError("it holds a percent-encoded slash"));
        }
        check_text(&decoded)?;
        text = decoded;
    }
    Ok(())
}

fn check_text(segment: &str) -> Result<(), KeyError> {
    if segment == "." || segment == ".." {
        return Err(KeyError("it holds a relative segment (. or ..)"));
    }
    if segment.contains('\\') {
        return Err(KeyError("it holds a backslash"));
    }
    if segment.chars().any(char::is_control) {
        return Err(KeyError("it holds a control character"));
    }
    Ok(())
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_escape_the_root_are_refused() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            ".",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\\b",
            "..\\b",
            "%2e%2e",
            "a/%2E%2e/b",
            "%252e%252e/x",
            "a%2fb",
            "a%5cb",
            "a%00",
            ".lakehouse",
            ".lakehouse/staging/x",
            &"x".repeat(256),
            &"x/".repeat(600),
        ] {
            assert!(bad.parse::<Key>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn odd_but_harmless_keys_pass_unchanged() {
        for good in [
            "a",
            "a/b/c.parquet",
            "...",
            "..a/b..",
            "a b",
            "100%",
            "a%20b",
            "a%ff",
            "#1",
            "a#1",
            "~",
            "*?[]{}^`|<>\"'",
            "Zoë/№ 7",
            "a/.lakehouse",
            "-rf",
            &"x".repeat(255),
        ] {
            let key: Key = good.parse().unwrap();
            assert_eq!(key.as_str(), good);
            assert_eq!(key.path().as_ref(), good);
        }
    }
}
