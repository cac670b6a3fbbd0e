//! A daemon's log as evidence: one JSON object a line, anything else is a panic or a mistake.

use serde_json::Value;

/// The lines that no test expects: warnings, errors and whatever is not JSON, unless they contain a text in `expected`.
pub(crate) fn unexpected<'a>(log: &'a str, expected: &[&str]) -> Vec<&'a str> {
    log.lines().filter(|line| is_noise(line) && !expected.iter().any(|text| line.contains(text))).collect()
}

fn is_noise(line: &str) -> bool {
    match serde_json::from_str::<Value>(line) {
        Ok(line) => matches!(line["level"].as_str(), Some("WARN" | "ERROR") | None),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = concat!(
        "{\"level\":\"INFO\",\"message\":\"listening\"}\n",
        "{\"level\":\"WARN\",\"message\":\"peer gone\"}\n",
        "thread 'main' panicked at src/lib.rs:1:1:\n",
    );

    #[test]
    fn warnings_and_panics_are_reported_and_information_is_not() {
        assert_eq!(unexpected(LOG, &[]), LOG.lines().skip(1).collect::<Vec<_>>());
    }

    #[test]
    fn expected_lines_are_left_out() {
        assert_eq!(unexpected(LOG, &["peer gone", "panicked"]), Vec::<&str>::new());
    }
}
