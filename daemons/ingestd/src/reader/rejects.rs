//! Rows that are not taken: shown up to a hundred, counted always, fatal when there are more than the caller allows.

use wire::ingest::{MAX_REJECTS_SHOWN, OnError, Reject};

use super::ReadError;

/// The most characters of a rejected value that are shown.
const MAX_VALUE_CHARS: usize = 200;

/// Collects rejected rows under the caller's policy.
#[derive(Debug)]
pub(crate) struct Rejects {
    shown: Vec<Reject>,
    count: u64,
    allowed: Option<u64>,
}

impl Rejects {
    /// `abort` allows none, `skip` up to `max_errors` or any number.
    pub(crate) fn new(on_error: OnError, max_errors: Option<u64>) -> Self {
        let allowed = match on_error {
            OnError::Abort => Some(0),
            OnError::Skip => max_errors,
        };
        Self { shown: Vec::new(), count: 0, allowed }
    }

    /// Counts one rejected row.
    ///
    /// # Errors
    /// [`ReadError::Unfit`] when it is one too many.
    pub(crate) fn push(&mut self, reject: Reject) -> Result<(), ReadError> {
        self.count += 1;
        if self.allowed.is_some_and(|allowed| self.count > allowed) {
            return Err(ReadError::Unfit(self.too_many(&reject)));
        }
        if self.shown.len() < MAX_REJECTS_SHOWN {
            self.shown.push(reject);
        }
        Ok(())
    }

    /// Rejected rows so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first of them.
    pub(crate) fn into_shown(self) -> Vec<Reject> {
        self.shown
    }

    /// The first rejected row, in words.
    pub(crate) fn first_in_words(&self) -> Option<String> {
        self.shown.first().map(in_words)
    }

    fn too_many(&self, last: &Reject) -> String {
        match self.allowed {
            Some(0) => format!(
                "{}. Nothing was written; on_error=skip writes the other rows and reports this one",
                in_words(last)
            ),
            _ => {
                let first = self.first_in_words().unwrap_or_default();
                format!(
                    "more than {} rows do not fit, the first: {first}. Nothing was written",
                    self.count - 1
                )
            }
        }
    }
}

fn in_words(reject: &Reject) -> String {
    let mut words = format!("line {}", reject.line);
    if let Some(column) = &reject.column {
        words.push_str(&format!(", column {column}"));
    }
    if let Some(value) = &reject.value {
        words.push_str(&format!(", value {value:?}"));
    }
    format!("{words}: {}", reject.reason)
}

/// A row that is rejected as a whole.
pub(crate) fn whole_row(line: u64, reason: impl Into<String>) -> Reject {
    Reject { line, column: None, value: None, reason: reason.into() }
}

/// A row that is rejected for one value.
pub(crate) fn one_value(line: u64, column: &str, value: Option<&str>, reason: impl Into<String>) -> Reject {
    Reject { line, column: Some(column.to_owned()), value: value.map(shorten), reason: reason.into() }
}

fn shorten(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abort_names_line_column_value_and_reason_of_the_first_bad_row() {
        let mut rejects = Rejects::new(OnError::Abort, None);
        let error = rejects.push(one_value(7, "age", Some("x"), "not an integer")).unwrap_err();
        assert!(error.to_string().starts_with("line 7, column age, value \"x\": not an integer"), "{error}");
    }

    #[test]
    fn skip_counts_all_rejects_and_shows_the_first_hundred() {
        let mut rejects = Rejects::new(OnError::Skip, None);
        for line in 1..=150 {
            rejects.push(whole_row(line, "bad")).unwrap();
        }
        assert_eq!(rejects.count(), 150);
        assert_eq!(rejects.into_shown().last().unwrap().line, 100);
    }

    #[test]
    fn max_errors_is_the_number_that_is_still_allowed() {
        let mut rejects = Rejects::new(OnError::Skip, Some(2));
        rejects.push(whole_row(1, "bad")).unwrap();
        rejects.push(whole_row(2, "bad")).unwrap();
        assert!(rejects.push(whole_row(3, "bad")).is_err());
    }

    #[test]
    fn long_value_is_cut_between_characters() {
        let reject = one_value(1, "c", Some(&"é".repeat(300)), "too long");
        assert_eq!(reject.value.unwrap().chars().count(), MAX_VALUE_CHARS + 1);
    }
}
