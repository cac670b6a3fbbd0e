//! Where a link leads, as a browser reads it (WHATWG URL, section 4.4): more forgiving than RFC 3986.

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A page.
    Web {
        /// Lower-case, without port.
        host: String,
        /// `http:`, not `https:`.
        is_plain_http: bool,
        /// Something stands before an `@`.
        has_user: bool,
    },
    /// A mailbox at this host.
    Mail(String),
    /// `javascript:`, `vbscript:`, `data:`.
    Active,
    /// A telephone, a place on the page, a scheme that says nothing of a host.
    Other,
}

impl Target {
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Web { host, .. } | Self::Mail(host) => Some(host),
            Self::Active | Self::Other => None,
        }
    }
}

/// Reads a target; entities are those of HTML.
pub(super) fn read(target: &str) -> Target {
    let plain: String = decode(target).chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let plain = plain.trim_matches(|c: char| c.is_control() || c == ' ');
    if plain.starts_with("//") {
        return web(plain, false);
    }
    let Some((scheme, rest)) = plain.split_once(':') else { return Target::Other };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => web(rest, false),
        "http" => web(rest, true),
        "javascript" | "vbscript" | "data" => Target::Active,
        "mailto" => mail(rest),
        _ => Target::Other,
    }
}

/// The authority, after any number of slashes of either kind.
fn web(rest: &str, is_plain_http: bool) -> Target {
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let (has_user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => (true, host),
        None => (false, authority),
    };
    let end = match host.find(']') {
        Some(bracket) if host.starts_with('[') => bracket + 1,
        _ => host.find(':').unwrap_or(host.len()),
    };
    match &host[..end] {
        "" => Target::Other,
        host => Target::Web { host: host.to_lowercase(), is_plain_http, has_user },
    }
}

fn mail(rest: &str) -> Target {
    let address = rest.split('?').next().unwrap_or_default();
    address.rsplit_once('@').map_or(Target::Other, |(_, host)| Target::Mail(host.trim().to_lowercase()))
}

/// Replaces character references: by number, and those names by which a scheme or a host could be hidden.
pub(super) fn decode(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once('&') {
        plain.push_str(before);
        let end = reference.bytes().take(MAX_REFERENCE_BYTES).position(|byte| byte == b';');
        let character = end.and_then(|end| reference.get(..end)).and_then(referenced);
        match character.zip(end) {
            Some((character, end)) => {
                plain.push(character);
                rest = &reference[end + 1..];
            }
            None => {
                plain.push('&');
                rest = reference;
            }
        }
    }
    plain + rest
}

/// The longest character reference that is read.
const MAX_REFERENCE_BYTES: usize = 12;

fn referenced(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "colon" => Some(':'),
        "commat" => Some('@'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "nbsp" => Some(' '),
        "period" => Some('.'),
        "quot" => Some('"'),
        "sol" => Some('/'),
        "NewLine" => Some('\n'),
        "Tab" => Some('\t'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
