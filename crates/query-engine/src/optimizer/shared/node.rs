//! The mark in the logical plan.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use datafusion::common::DFSchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

use super::exec::Rows;

/// One of several occurrences of the same subplan.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    input: LogicalPlan,
    cell: Arc<Cell>,
}

/// What all occurrences have in common.
#[derive(Debug, Default)]
pub(super) struct Cell(OnceLock<(LogicalPlan, Arc<Rows>)>);

impl Cell {
    /// Where the rows of `input` will be; none if another rule has changed it, so that it is no longer what the first one
    /// computes.
    pub(super) fn rows_of(&self, input: &LogicalPlan) -> Option<Arc<Rows>> {
        let (first, rows) = self.0.get_or_init(|| (input.clone(), Arc::default()));
        (first == input).then(|| Arc::clone(rows))
    }
}

impl Shared {
    pub(super) fn new(input: LogicalPlan, cell: Arc<Cell>) -> Self {
        Self { input, cell }
    }

    /// The mark that `plan` is, if it is one.
    pub(super) fn of(plan: &LogicalPlan) -> Option<&Self> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }

    pub(super) fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl UserDefinedLogicalNodeCore for Shared {
    fn name(&self) -> &'static str {
        "Shared"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[LogicalPlan; 1]>::try_from(inputs) {
            Ok([input]) => Ok(Self { input, cell: Arc::clone(&self.cell) }),
            Err(inputs) => Err(DataFusionError::Internal(format!("Shared has {} inputs", inputs.len()))),
        }
    }
}

// The cell is no part of what a plan means.

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input
    }
}

impl Eq for Shared {}

impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
    }
}
