//! Evaluates a filter over an index, set by set.

use super::column::Column;
use super::index::Columns;
use super::mask::Mask;
use super::slots::Slots;
use super::{Clause, Filter, Test};

/// One evaluation. Its set is exact unless the filter depends on values that are not indexed. Of a slot with such a value
/// a test may or may not hold: the test is taken to give what makes the whole set larger, so that looking at the items
/// in the set is enough.
pub(super) struct Evaluation<'a> {
    columns: &'a Columns,
    len: u32,
    is_exact: bool,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(columns: &'a Columns, len: u32) -> Self {
        Self { columns, len, is_exact: true }
    }

    /// Whether all candidates match.
    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// All slots that the filter holds for, and perhaps others.
    pub(super) fn candidates(&mut self, filter: &Filter) -> Mask {
        self.filter(filter, true)
    }

    /// `unknown` says what a test gives where its value is not indexed.
    fn filter(&mut self, filter: &Filter, unknown: bool) -> Mask {
        let clauses = filter.0.iter().map(|clause| self.clause(clause, unknown));
        clauses.reduce(|all, clause| all.and(&clause)).unwrap_or_else(|| Mask::all(self.len))
    }

    fn clause(&mut self, clause: &Clause, unknown: bool) -> Mask {
        match clause {
            Clause::Key(key, tests) => {
                let column = self.columns.get(key.as_str());
                let tests = tests.iter().map(|test| self.test(column, test, unknown));
                tests.reduce(|all, test| all.and(&test)).unwrap_or_else(|| Mask::all(self.len))
            }
            Clause::Any(filters) => {
                let filters = filters.iter().map(|filter| self.filter(filter, unknown));
                filters.reduce(|any, filter| any.or(&filter)).unwrap_or_else(|| Mask::none(self.len))
            }
            Clause::Not(filter) => self.filter(filter, !unknown).complement(),
        }
    }

    fn test(&mut self, column: Option<&Column>, test: &Test, unknown: bool) -> Mask {
        let is_negated = matches!(test, Test::In { negated: true, .. } | Test::Exists(false));
        let mut found = Mask::none(self.len);
        if let Some(column) = column {
            let unknown = unknown != is_negated;
            match test {
                Test::Exists(_) => column.present().add_to(&mut found),
                Test::In { values, .. } => {
                    for value in values {
                        let open = column.add_equal(value, &mut found);
                        self.settle(open, unknown, &mut found);
                    }
                }
                Test::Order { operand, holds } => {
                    let open = column.add_ordered(operand, *holds, &mut found);
                    self.settle(open, unknown, &mut found);
                }
            }
        }
        if is_negated { found.complement() } else { found }
    }

    fn settle(&mut self, open: Option<&Slots>, unknown: bool, found: &mut Mask) {
        if let Some(open) = open.filter(|open| !open.is_empty()) {
            self.is_exact = false;
            if unknown {
                open.add_to(found);
            }
        }
    }
}
