//! Rows that are not taken: shown up to a hundred, kept in a file beyond that, counted always, fatal when there are more
//! than the caller allows.
//!
//! Pieces of a body are read at the same time and their rejects come in any order, but are counted, shown and judged in that
//! of the body: which row ends an ingest does not depend on which thread was faster.

use std::collections::BTreeMap;

use parking_lot::{Condvar, Mutex};
use wire::ingest::{MAX_REJECTS_SHOWN, OnError, Reject};

use super::ReadError;
use crate::rejected::RejectedRows;

/// The most characters of a rejected value that are shown.
const MAX_VALUE_CHARS: usize = 200;
/// Rejects that a piece holds until it is its turn.
const MAX_PARKED: usize = 4_096;

/// Collects rejected rows under the caller's policy.
pub(crate) struct Rejects {
    allowed: Option<u64>,
    /// Pieces that may be read before the first of them is done.
    window: u64,
    state: Mutex<State>,
    has_moved: Condvar,
}

struct State {
    /// The piece whose rejects come next.
    turn: u64,
    /// What later pieces came to, by number.
    finished: BTreeMap<u64, (Vec<Reject>, Option<ReadError>)>,
    shown: Vec<Reject>,
    count: u64,
    kept: Option<RejectedRows>,
    is_stopped: bool,
    failure: Option<ReadError>,
}

/// All rejects of a body.
pub(crate) struct Collected {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub shown: Vec<Reject>,
    /// As many of them as a file may hold.
    pub kept: Option<RejectedRows>,
}

impl Rejects {
    /// `abort` allows none, `skip` up to `max_errors` or any number. They go to `kept` too, if there is a file. So many
    /// pieces as `window` are read at once.
    pub(crate) fn new(
        on_error: OnError,
        max_errors: Option<u64>,
        kept: Option<RejectedRows>,
        window: usize,
    ) -> Self {
        let allowed = match on_error {
            OnError::Abort => Some(0),
            OnError::Skip => max_errors,
        };
        let state = State {
            turn: 0,
            finished: BTreeMap::new(),
            shown: Vec::new(),
            count: 0,
            kept,
            is_stopped: false,
            failure: None,
        };
        Self { allowed, window: window as u64, state: Mutex::new(state), has_moved: Condvar::new() }
    }

    /// Waits until piece `number` may be read, so that not too many are under way; false if no more shall be read.
    pub(crate) fn admits(&self, number: u64) -> bool {
        let mut state = self.state.lock();
        while !state.is_stopped && number >= state.turn + self.window {
            self.has_moved.wait(&mut state);
        }
        !state.is_stopped
    }

    /// The rejects of piece `number`, counted from 0.
    pub(crate) fn of_piece(&self, number: u64) -> PieceRejects<'_> {
        PieceRejects { rejects: self, number, parked: Vec::new(), is_finished: false }
    }

    /// Ends the reading of all pieces.
    pub(crate) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.has_moved.notify_all();
    }

    /// What came of all pieces.
    ///
    /// # Errors
    /// The first one, in the order of the body.
    pub(crate) fn collect(&self) -> Result<Collected, ReadError> {
        let mut state = self.state.lock();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        let shown = std::mem::take(&mut state.shown);
        Ok(Collected { count: state.count, shown, kept: state.kept.take() })
    }

    fn finish(&self, number: u64, rejects: Vec<Reject>, failure: Option<ReadError>) {
        let mut state = self.state.lock();
        state.finished.insert(number, (rejects, failure));
        loop {
            let turn = state.turn;
            let Some((rejects, failure)) = state.finished.remove(&turn) else { break };
            let result = self.count(&mut state, rejects);
            let first = result.err().or(failure);
            if let Some(failure) = first {
                state.is_stopped = true;
                state.failure.get_or_insert(failure);
                break;
            }
            state.turn += 1;
        }
        self.has_moved.notify_all();
    }

    fn count(&self, state: &mut State, rejects: Vec<Reject>) -> Result<(), ReadError> {
        if state.is_stopped {
            return Err(ReadError::Stopped);
        }
        for reject in rejects {
            state.count += 1;
            if self.allowed.is_some_and(|allowed| state.count > allowed) {
                return Err(ReadError::Unfit(self.too_many(state, &reject)));
            }
            if let Some(kept) = &mut state.kept {
                kept.push(&reject)?;
            }
            if state.shown.len() < MAX_REJECTS_SHOWN {
                state.shown.push(reject);
            }
        }
        Ok(())
    }

    fn too_many(&self, state: &State, last: &Reject) -> String {
        match self.allowed {
            Some(0) => format!(
                "{}. Nothing was written; on_error=skip writes the other rows and reports this one",
                in_words(last)
            ),
            _ => {
                let first = in_words(state.shown.first().unwrap_or(last));
                format!(
                    "more than {} rows do not fit, the first: {first}. Nothing was written",
                    state.count - 1
                )
            }
        }
    }
}

/// The rejects of one piece. One that is dropped before it is finished, because its reader panicked, stops all others.
pub(crate) struct PieceRejects<'a> {
    rejects: &'a Rejects,
    number: u64,
    parked: Vec<Reject>,
    is_finished: bool,
}

impl PieceRejects<'_> {
    /// Adds rows in the order of their lines.
    ///
    /// # Errors
    /// [`ReadError::Unfit`] when one is one too many, [`ReadError::Stopped`] when nobody waits for this piece any more.
    pub(crate) fn push(&mut self, rejects: Vec<Reject>) -> Result<(), ReadError> {
        self.parked.extend(rejects);
        if self.parked.len() < MAX_PARKED {
            return Ok(());
        }
        let mut state = self.rejects.state.lock();
        while !state.is_stopped && state.turn != self.number {
            self.rejects.has_moved.wait(&mut state);
        }
        self.rejects.count(&mut state, std::mem::take(&mut self.parked))
    }

    /// The piece has been read, with this result.
    pub(crate) fn finish(mut self, result: Result<(), ReadError>) {
        self.is_finished = true;
        self.rejects.finish(self.number, std::mem::take(&mut self.parked), result.err());
    }
}

impl Drop for PieceRejects<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.rejects.stop();
        }
    }
}

/// A rejected row as a sentence.
pub(crate) fn in_words(reject: &Reject) -> String {
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

/// Why a row of more than so many bytes is rejected.
pub(crate) fn too_long(max_row_bytes: usize) -> String {
    format!("the row is longer than {max_row_bytes} bytes")
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

    fn rejects(on_error: OnError, max_errors: Option<u64>) -> Rejects {
        Rejects::new(on_error, max_errors, None, 4)
    }

    fn rows(lines: std::ops::RangeInclusive<u64>) -> Vec<Reject> {
        lines.map(|line| whole_row(line, "bad")).collect()
    }

    fn finish(rejects: &Rejects, number: u64, rows: Vec<Reject>, result: Result<(), ReadError>) {
        let mut piece = rejects.of_piece(number);
        let pushed = piece.push(rows);
        piece.finish(pushed.and(result));
    }

    #[test]
    fn abort_names_line_column_value_and_reason_of_the_first_bad_row() {
        let rejects = rejects(OnError::Abort, None);
        finish(&rejects, 0, vec![one_value(7, "age", Some("x"), "not an integer")], Ok(()));
        let error = rejects.collect().err().unwrap().to_string();
        assert!(error.starts_with("line 7, column age, value \"x\": not an integer"), "{error}");
    }

    #[test]
    fn skip_counts_all_rejects_and_shows_the_first_hundred_whichever_piece_was_read_first() {
        let rejects = rejects(OnError::Skip, None);
        finish(&rejects, 2, rows(201..=300), Ok(()));
        finish(&rejects, 1, rows(51..=200), Ok(()));
        finish(&rejects, 0, rows(1..=50), Ok(()));
        let collected = rejects.collect().unwrap();
        assert_eq!(collected.count, 300);
        assert!(collected.shown.iter().map(|reject| reject.line).eq(1..=100));
    }

    #[test]
    fn max_errors_is_the_number_that_is_still_allowed() {
        for (bad, is_allowed) in [(2, true), (3, false)] {
            let rejects = rejects(OnError::Skip, Some(2));
            finish(&rejects, 0, rows(1..=bad), Ok(()));
            assert_eq!(rejects.collect().is_ok(), is_allowed);
        }
    }

    #[test]
    fn failure_that_counts_is_the_first_of_the_body_and_not_the_first_in_time() {
        let rejects = rejects(OnError::Abort, None);
        finish(&rejects, 1, Vec::new(), Err(ReadError::malformed("later")));
        assert!(rejects.admits(2), "piece 0 may still have a say");
        finish(&rejects, 0, rows(3..=3), Ok(()));
        assert!(!rejects.admits(2));
        let error = rejects.collect().err().unwrap().to_string();
        assert!(error.starts_with("line 3"), "{error}");
    }

    #[test]
    fn reader_that_panics_leaves_nobody_waiting() {
        let rejects = rejects(OnError::Skip, None);
        drop(rejects.of_piece(0));
        assert!(!rejects.admits(99));
    }

    #[test]
    fn long_value_is_cut_between_characters() {
        let reject = one_value(1, "c", Some(&"é".repeat(300)), "too long");
        assert_eq!(reject.value.unwrap().chars().count(), MAX_VALUE_CHARS + 1);
    }
}
