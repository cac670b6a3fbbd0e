//! Files of cases in SQL: each begins with a line of its own, `-- case: NAME`; what is asked follows.

const CASE: &str = "-- case: ";
const NEXT: &str = "\n-- case: ";

/// Name and text of each case of a file. What stands above the first is for readers.
pub(crate) fn cases(file: &str) -> impl Iterator<Item = (&str, &str)> {
    file.split(NEXT).enumerate().filter_map(|(place, part)| {
        let part = if place == 0 { part.strip_prefix(CASE)? } else { part };
        let (name, sql) = part.split_once('\n').unwrap_or((part, ""));
        Some((name.trim(), sql.trim().trim_end_matches(';')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_has_a_name_and_a_text_that_may_be_empty() {
        let expected = [("all", ""), ("a few", "years > 3\n  AND years < 5"), ("none", "")];
        let bare = "-- case: all\n-- case: a few\nyears > 3\n  AND years < 5;\n\n-- case: none";
        assert_eq!(cases(bare).collect::<Vec<_>>(), expected);
        let headed = format!("-- Each begins with the line `-- case: NAME`.\n\n{bare}\n");
        assert_eq!(cases(&headed).collect::<Vec<_>>(), expected);
        assert_eq!(cases("SELECT 1").count(), 0);
    }
}
