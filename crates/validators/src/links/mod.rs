//! Links of an e-mail: `<a href=…>text</a>`, `[text](target)`, and addresses in plain sight.
//!
//! A text that names one host and leads to another is how phishing looks, so mail filters refuse it and recipients learn
//! to click on what they cannot check. One pass, every look-ahead bounded.

mod scan;
mod target;

use std::net::Ipv4Addr;

use wire::matrix::Violation;

use self::scan::Link;
use self::target::Target;
use crate::violation::{capped, error, warning};

/// Last labels by which a word without scheme, `www.` or path is taken for a host.
const USUAL_TOP_LEVELS: [&str; 24] = [
    "app", "biz", "ca", "co", "com", "de", "dev", "edu", "eu", "fr", "gov", "info", "io", "jobs", "me",
    "mil", "mx", "name", "net", "org", "ru", "uk", "us", "work",
];

/// What is wrong with the links of `text`, as violations of `field`, in the order of the text.
pub(crate) fn check(field: &str, text: &str) -> Vec<Violation> {
    capped(scan::links(text).flat_map(|link| check_link(field, &link)))
}

fn check_link(field: &str, link: &Link<'_>) -> Vec<Violation> {
    let span = || link.span.clone();
    let warn = |rule, message: &str, fix| warning(rule, field, span(), message, fix);
    let target = target::read(link.target);
    let mut violations = Vec::new();
    if target == Target::Active {
        let message = "the link runs code or carries a document instead of leading to a page";
        let fix = "link to a page by https";
        violations.push(error("email_link_active", field, span(), message, fix));
    }
    let named = link.text.as_deref().and_then(named_host);
    if let (Some(named), Some(host)) = (named, target.host())
        && !leads_to(&named, host)
    {
        let message = "the text of the link names another host than the one that it leads to";
        let fix = "let the text name the host of the target, or no host at all";
        violations.push(error("email_link_mismatch", field, span(), message, fix));
    }
    let Target::Web { host, is_plain_http, has_user } = target else { return violations };
    if is_plain_http {
        violations.push(warn("email_link_insecure", "the link is not encrypted (http)", "link by https"));
    }
    if has_user {
        let message = "a user name before an @ hides the host of the link";
        violations.push(warn("email_link_user", message, "take out what stands before the @"));
    }
    if is_ip_address(&host) {
        let message = "the link leads to an IP address, which mail filters take for a sign of phishing";
        violations.push(warn("email_link_ip_address", message, "link to a host by name"));
    }
    if host.split('.').any(is_lookalike) {
        let message = "the host is in punycode or mixes scripts, and may look like another one";
        violations.push(warn("email_link_lookalike", message, "make sure that the host is the one meant"));
    }
    violations
}

/// The host that a link's visible text names, if it names one.
fn named_host(text: &str) -> Option<String> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
        if word.contains("://") {
            return target::read(word).host().map(str::to_owned);
        }
        let word = word.rsplit('@').next().unwrap_or(word);
        let end = word.find(['/', '?', '#', ':']).unwrap_or(word.len());
        let (host, has_path) = (word[..end].trim_end_matches('.').to_lowercase(), end < word.len());
        let (first, top) = (host.split('.').next()?, host.rsplit_once('.')?.1);
        let is_label =
            |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
        let is_host = host.split('.').all(is_label) && top.len() > 1 && top.chars().all(char::is_alphabetic);
        (is_host && (first == "www" || has_path || USUAL_TOP_LEVELS.contains(&top))).then_some(host)
    })
}

/// Whether who reads `named` expects to come to `host`: the same, or a subdomain, which its owner alone can make.
fn leads_to(named: &str, host: &str) -> bool {
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).trim_end_matches('.').to_owned();
    let (named, host) = (bare(named), bare(host));
    let is_encoded = |host: &str| host.split('.').any(|label| label.starts_with("xn--"));
    // The same name in its two spellings cannot be compared here; punycode has a warning of its own.
    let are_two_spellings = is_encoded(&host) && !named.is_ascii() || is_encoded(&named) && !host.is_ascii();
    are_two_spellings || host == named || host.strip_suffix(&named).is_some_and(|sub| sub.ends_with('.'))
}

/// An address in any way that browsers read one (WHATWG URL, section 3.5): dotted, as one number, hexadecimal; IPv6.
fn is_ip_address(host: &str) -> bool {
    let is_number = |label: &str| match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    };
    host.starts_with('[')
        || host.parse::<Ipv4Addr>().is_ok()
        || host.trim_end_matches('.').rsplit('.').next().is_some_and(is_number)
}

/// Punycode (RFC 5891), more than one alphabet, or an alphabet whose letters all look Latin (Unicode TS 39, sections 4 and 5).
fn is_lookalike(label: &str) -> bool {
    const CYRILLIC_LIKE_LATIN: &str = "аеорсухіјѕһԁԛԝӏ";
    let is_latin = |c: char| c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}');
    let is_greek = |c: char| matches!(c, '\u{370}'..='\u{3ff}');
    let is_cyrillic = |c: char| matches!(c, '\u{400}'..='\u{52f}');
    let is_armenian = |c: char| matches!(c, '\u{530}'..='\u{58f}');
    let alphabets = [
        label.chars().any(is_latin),
        label.chars().any(is_greek),
        label.chars().any(is_cyrillic),
        label.chars().any(is_armenian),
    ];
    let mut letters = label.chars().filter(|c| c.is_alphabetic()).peekable();
    label.starts_with("xn--")
        || alphabets.iter().filter(|is_used| **is_used).count() > 1
        || (letters.peek().is_some() && letters.all(|c| CYRILLIC_LIKE_LATIN.contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<String> {
        check("body", text).into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn honest_links_pass() {
        for text in [
            "Apply: https://acme.example/jobs?id=4.",
            "<a href=\"https://acme.example/jobs\">Apply here</a>",
            "<a href='https://www.acme.com/x'>acme.com</a>",
            "<A class=x HREF=https://jobs.acme.com/x><b>www.acme.com</b></A>",
            "[Apply](https://acme.example/jobs) or [acme.com/jobs](https://acme.com/jobs \"Jobs\")",
            "[bücher.de](https://bücher.de)",
            "<a href=\"mailto:ana@acme.com?subject=Hi\">ana@acme.com</a>",
            "<a href=\"tel:+14155550132\">(415) 555-0132</a> <a name=top>top</a> <a href=\"#top\">acme.com</a>",
            "<a href=\"https://acme.example\">Shift 7.30 at Dock 4.Ask for Ana</a>",
            "a[0](b) [x] (y) ](z) <article href=x> <a> i < a",
        ] {
            assert_eq!(rules(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn text_that_names_another_host_than_the_target_is_refused() {
        for text in [
            "<a href=\"https://evil.example/x\">https://acme.com</a>",
            "<a\nhref = 'https://evil.example'>go to <b>www.acme.com</b> now</a>",
            "[acme.com](https://acme.com.evil.example)",
            "[acme.com](https://notacme.com)",
            "[www.acme.com/login](//evil.example/login)",
            "<a href=\"https://acme.com@evil.example/\">acme.com</a>",
            "<a href=\"mailto:pay@evil.example\">pay@acme.com</a>",
            "<a href=\"ht&#116;ps://evil.example\">acme.com</a>",
            "<a href=\"https:/\\evil.example\">acme.com</a>",
        ] {
            assert!(rules(text).contains(&"email_link_mismatch".to_owned()), "{text:?}: {:?}", rules(text));
        }
    }

    #[test]
    fn span_is_that_of_the_target() {
        let text = "é <a title='>' href=\"https://evil.example\">acme.com</a>";
        let [from, to] = check("body", text)[0].span;
        assert_eq!(&text[from..to], "https://evil.example");
    }

    #[test]
    fn link_that_runs_code_is_refused() {
        for target in
            ["javascript:alert(1)", " JaVa\tScript:x", "data:text/html,x", "vbscript:x", "&#106;avascript:x"]
        {
            assert_eq!(rules(&format!("<a href=\"{target}\">go</a>")), ["email_link_active"], "{target:?}");
        }
        assert_eq!(rules("[go](javascript:x)"), ["email_link_active"]);
    }

    #[test]
    fn doubtful_hosts_are_warned_of() {
        for (target, rule) in [
            ("http://acme.example/", "email_link_insecure"),
            ("https://192.0.2.7/x", "email_link_ip_address"),
            ("https://3221225991/x", "email_link_ip_address"),
            ("https://0xC0.0.2.7", "email_link_ip_address"),
            ("https://[2001:db8::1]:8443/x", "email_link_ip_address"),
            ("https://xn--pypal-4ve.com", "email_link_lookalike"),
            ("https://p\u{430}ypal.com", "email_link_lookalike"),
            ("https://\u{430}\u{440}\u{440}\u{4cf}\u{435}.com", "email_link_lookalike"),
            ("https://user@acme.example", "email_link_user"),
        ] {
            assert_eq!(rules(&format!("see {target} now")), [rule], "{target:?}");
            assert_eq!(rules(&format!("<a href=\"{target}\">go</a>")), [rule], "{target:?}");
        }
    }

    #[test]
    fn error_is_reported_also_after_very_many_warnings() {
        let text = "http://a.example ".repeat(1000) + "[acme.com](https://evil.example)";
        assert!(rules(&text).contains(&"email_link_mismatch".to_owned()));
        assert!(rules(&text).len() < 200);
    }
}
