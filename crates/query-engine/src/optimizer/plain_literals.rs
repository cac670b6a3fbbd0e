//! `nvl(x, '0') = '0'` is asked as `nvl(x, '0') IN ('0')`.
//!
//! DataFusion takes both sides of an equality for one value above the scan that filters by it, and writes `nvl(x, '0')`
//! wherever a sort key says `'0'`: the plan then has another order than the one that was asked for, and is refused.
//! `FilterExec` has learned to leave these alone (DataFusion's issue 20194), the scan of 53.1 has not
//! (`FileScanConfig::add_filter_equivalence_info`). From `IN` it concludes nothing.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::logical_plan::Filter;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Keeps literals from being taken for what they are compared with.
#[derive(Debug)]
pub(crate) struct PlainLiterals;

impl OptimizerRule for PlainLiterals {
    fn name(&self) -> &'static str {
        "plain_literals"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(Filter { predicate, input, .. }) = plan else {
            return Ok(Transformed::no(plan));
        };
        let predicate = predicate.transform_down(|expr| Ok(reworded(expr)))?;
        predicate.map_data(|predicate| Filter::try_new(predicate, input).map(LogicalPlan::Filter))
    }
}

/// A conjunct, or what several are joined by.
fn reworded(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => Transformed::no(expr),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right })
            if !matches!(*left, Expr::Column(_)) && matches!(*right, Expr::Literal(..)) =>
        {
            let among = Expr::InList(InList::new(left, vec![*right], false));
            Transformed::new(among, true, TreeNodeRecursion::Jump)
        }
        other => Transformed::new(other, false, TreeNodeRecursion::Jump),
    }
}
