//! Mailbox addresses: the `Mailbox` of RFC 5321 section 4.1.2, with UTF-8 as RFC 6531 section 3.3 allows.
//!
//! The grammar of the envelope, not of a message header: comments, folding white space and the obsolete forms of
//! RFC 5322 are refused, because no transport accepts them unmodified.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;
/// RFC 5321 section 4.5.3.1.2, less the two that RFC 3696 erratum 1690 takes away for the path.
const MAX_ADDRESS_BYTES: usize = 254;
/// RFC 1035 section 2.3.4.
const MAX_LABEL_BYTES: usize = 63;
/// RFC 1035 section 2.3.4, as written without the root's dot.
const MAX_DOMAIN_BYTES: usize = 253;

/// What a valid address looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A dot-string at a domain of two labels or more.
    Usual,
    /// Valid, but a person should look; says why.
    Unusual(&'static str),
}

/// Why a text is no address, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Byte at which the fault shows.
    pub at: usize,
    what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for Fault {}

/// Judges one address.
///
/// # Errors
/// The first fault from the left.
pub fn parse(address: &str) -> Result<Shape, Fault> {
    let fault = |at, what| Err(Fault { at, what });
    if address.len() > MAX_ADDRESS_BYTES {
        return fault(0, "an address has at most 254 bytes");
    }
    let (local_end, is_quoted) = local_part(address)?;
    if local_end > MAX_LOCAL_BYTES {
        return fault(0, "the part before the @ has at most 64 bytes");
    }
    if !address[local_end..].starts_with('@') {
        return fault(local_end, "the part before the @ is followed by something else than an @");
    }
    let at = local_end + 1;
    let domain = &address[at..];
    let shape = match domain.strip_prefix('[') {
        Some(literal) => address_literal(literal).map_err(|what| Fault { at, what })?,
        None => self::domain(domain).map_err(|fault| Fault { at: at + fault.at, ..fault })?,
    };
    Ok(if is_quoted { Shape::Unusual("the part before the @ is quoted") } else { shape })
}

/// Where the local part ends, and whether it is a quoted string.
fn local_part(address: &str) -> Result<(usize, bool), Fault> {
    if address.is_empty() {
        return Err(Fault { at: 0, what: "the address is empty" });
    }
    if let Some(quoted) = address.strip_prefix('"') {
        return quoted_string(quoted).map(|end| (end + 1, true)).map_err(|what| Fault { at: 0, what });
    }
    let end = address.find(|c| !is_atext(c) && c != '.').unwrap_or(address.len());
    let local = &address[..end];
    if local.is_empty() {
        return Err(Fault { at: 0, what: "nothing stands before the @" });
    }
    if let Some(at) = misplaced_dot(local) {
        return Err(Fault { at, what: "a dot at the start, at the end, or beside another dot" });
    }
    Ok((end, false))
}

/// Where a dot begins, ends or doubles.
fn misplaced_dot(text: &str) -> Option<usize> {
    if text.starts_with('.') {
        return Some(0);
    }
    text.find("..").or_else(|| text.ends_with('.').then(|| text.len() - 1))
}

/// `atext` of RFC 5322 section 3.2.3, extended by UTF-8 (RFC 6531 section 3.3).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_utf8_non_ascii(c)
}

fn is_utf8_non_ascii(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

/// Length of a quoted string, closing quote included, without the opening one.
fn quoted_string(text: &str) -> Result<usize, &'static str> {
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok(at + 1),
            '\\' => match characters.next() {
                Some((_, ' '..='~')) => {}
                _ => return Err("a backslash quotes nothing"),
            },
            ' '..='~' => {}
            _ if is_utf8_non_ascii(c) => {}
            _ => return Err("a control character stands in the quoted part"),
        }
    }
    Err("the quote is not closed")
}

/// `Domain` of RFC 5321 section 4.1.2: labels of letters, digits and inner hyphens.
fn domain(domain: &str) -> Result<Shape, Fault> {
    let fault = |at, what| Err(Fault { at, what });
    if domain.is_empty() {
        return fault(0, "no domain follows the @");
    }
    if domain.len() > MAX_DOMAIN_BYTES {
        return fault(0, "a domain has at most 253 bytes");
    }
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || is_utf8_non_ascii(c);
    let mut at = 0;
    for label in domain.split('.') {
        if label.is_empty() {
            return fault(at, "a dot at the start, at the end, or beside another dot of the domain");
        }
        if let Some(offset) = label.find(|c| !is_label(c)) {
            return fault(at + offset, "the domain has a character that no domain has");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return fault(at, "a part of the domain begins or ends with a hyphen");
        }
        if label.len() > MAX_LABEL_BYTES {
            return fault(at, "a part of the domain has at most 63 bytes");
        }
        at += label.len() + 1;
    }
    match domain.rsplit_once('.') {
        None => Ok(Shape::Unusual("the domain is a single label")),
        Some((_, top)) if top.starts_with(|c: char| c.is_ascii_digit()) => {
            Ok(Shape::Unusual("the top-level domain begins with a digit"))
        }
        Some(_) => Ok(Shape::Usual),
    }
}

/// `address-literal` of RFC 5321 section 4.1.3, without the opening bracket. General literals have no registered tag.
fn address_literal(literal: &str) -> Result<Shape, &'static str> {
    let Some(address) = literal.strip_suffix(']') else {
        return Err("the bracket of the address literal is not closed, or something follows it");
    };
    let is_valid = match address.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => is_ipv6(&address[5..]),
        _ => address.parse::<Ipv4Addr>().is_ok(),
    };
    if is_valid {
        Ok(Shape::Unusual("the domain is an address literal"))
    } else {
        Err("the address literal is neither IPv4 nor IPv6")
    }
}

/// IPv6 as RFC 5321 writes it: `::` stands for two groups or more.
fn is_ipv6(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_err() {
        return false;
    }
    let groups: usize = text
        .split(':')
        .filter(|group| !group.is_empty())
        .map(|group| if group.contains('.') { 2 } else { 1 })
        .sum();
    !text.contains("::") || groups <= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_addresses_pass() {
        for good in
            ["ana@example.com", "a.b+tag@mail.example.com", "o'neil@example.com", "用户@例え.jp", "a@b.c"]
        {
            assert_eq!(parse(good), Ok(Shape::Usual), "{good}");
        }
    }

    #[test]
    fn unusual_addresses_pass_with_a_word() {
        for odd in
            ["\"a b\"@example.com", "a@localhost", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a@example.123"]
        {
            assert!(matches!(parse(odd), Ok(Shape::Unusual(_))), "{odd}: {:?}", parse(odd));
        }
    }

    #[test]
    fn faults_are_found_where_they_are() {
        for (bad, at) in [
            ("", 0),
            ("ana", 3),
            ("@example.com", 0),
            ("ana@", 4),
            (".ana@example.com", 0),
            ("a..b@example.com", 1),
            ("ana.@example.com", 3),
            ("a b@example.com", 1),
            ("ana@exa mple.com", 7),
            ("ana@-example.com", 4),
            ("ana@example..com", 12),
            ("ana@example.com.", 16),
            ("ana@[1.2.3.4", 4),
            ("\"ana@example.com", 0),
        ] {
            assert_eq!(parse(bad).unwrap_err().at, at, "{bad}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let label = "x".repeat(63);
        assert!(parse(&format!("{}@example.com", "x".repeat(64))).is_ok());
        assert!(parse(&format!("{}@example.com", "x".repeat(65))).is_err());
        assert!(parse(&format!("a@{label}.com")).is_ok());
        assert!(parse(&format!("a@{label}x.com")).is_err());
        assert!(parse(&format!("a@{label}.{label}.{label}.{}", "x".repeat(60))).is_ok());
        assert!(parse(&format!("a@{label}.{label}.{label}.{}", "x".repeat(61))).is_err());
    }
}
