//! Which rows of a table a change concerns.

use std::collections::BTreeSet;

use arrow::array::{BooleanArray, RecordBatch};

use crate::plan::PlannedFile;
use crate::{Predicate, Result};

/// Which rows of a table a change concerns: those for which a condition holds, or those with certain keys.
pub trait Selection: Send + Sync {
    /// The columns that decide.
    fn columns(&self) -> BTreeSet<&str>;

    /// Which of `rows` are meant; no value is null.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] if the selection does not fit the rows.
    fn mask(&self, rows: &RecordBatch) -> Result<BooleanArray>;

    /// Whether `file` may hold such rows, as far as its column statistics tell.
    ///
    /// # Errors
    /// [`crate::Error::Arrow`] if a statistic cannot be compared.
    fn may_be_in(&self, file: &PlannedFile) -> Result<bool>;
}

impl Selection for Predicate {
    fn columns(&self) -> BTreeSet<&str> {
        self.columns()
    }

    fn mask(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        self.mask(rows)
    }

    fn may_be_in(&self, _: &PlannedFile) -> Result<bool> {
        Ok(true)
    }
}
