//! The SQL text of a retrieve's `where`, guarded before it is put into a query.
//!
//! queryd takes one read-only statement, so the guard does not protect data: it makes sure that the text is *one
//! expression*, because what closes a parenthesis early or opens a comment would silently change the question.

/// The longest condition, bytes.
const MAX_BYTES: usize = 8192;

/// Checks that `text` can stand between two parentheses as a whole.
///
/// # Errors
/// A sentence that says what is in the way, for the `detail` of a 400.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("where is blank: leave it out for all rows".to_owned());
    }
    if text.len() > MAX_BYTES {
        return Err(format!("where has at most {MAX_BYTES} bytes, this one {}", text.len()));
    }
    let mut depth = 0usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        rest = &rest[c.len_utf8()..];
        match c {
            '\'' | '"' => {
                let open = || format!("where: the quote at byte {at} is not closed");
                rest = after_quoted(rest, c).ok_or_else(open)?;
            }
            '(' => depth += 1,
            ')' if depth == 0 => {
                return Err(format!("where: the parenthesis at byte {at} closes nothing"));
            }
            ')' => depth -= 1,
            ';' => return Err("where is one expression, without a semicolon".to_owned()),
            '-' if rest.starts_with('-') => return Err("where has no comments".to_owned()),
            '/' if rest.starts_with('*') => return Err("where has no comments".to_owned()),
            '$' | '`' | '\\' => {
                return Err(format!("where: {c} at byte {at} is not taken; quote texts with '"));
            }
            _ => {}
        }
    }
    if depth == 0 { Ok(()) } else { Err(format!("where leaves {depth} parentheses open")) }
}

/// What follows the closing quote; a doubled quote stands for itself.
fn after_quoted(text: &str, quote: char) -> Option<&str> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once(quote)?;
        match after.strip_prefix(quote) {
            Some(more) => rest = more,
            None => return Some(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn boolean_expressions_pass() {
        for good in [
            "years >= 5",
            "state = 'TX' AND (years > 3 OR \"shift\" = 'night')",
            "name = 'O''Neil; -- (' AND years - -1 > 0",
            "area LIKE '%(%' AND \"a)b\" IS NULL",
            "soc_code IN (SELECT soc_code FROM staffing.wages WHERE median > 20)",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn text_that_would_leave_its_parentheses_is_refused() {
        for (bad, word) in [
            ("1=1) OR (1=1", "closes nothing"),
            ("(years > 5", "open"),
            ("1=1; DROP TABLE x", "semicolon"),
            ("1=1 -- ", "comments"),
            ("1=1 /* x", "comments"),
            ("name = 'x", "not closed"),
            ("\"a = 1", "not closed"),
            ("name = $1", "$"),
            ("name = $$x$$", "$"),
            ("name = E'\\''", "not closed"),
            ("  ", "blank"),
        ] {
            let refusal = check(bad).unwrap_err();
            assert!(refusal.contains(word), "{bad}: {refusal}");
        }
        assert!(check(&"x".repeat(8193)).is_err());
    }
}
