//! Semi-joins before inner joins.
//!
//! `WHERE o_orderkey IN (SELECT … HAVING sum(l_quantity) > 300)` becomes a semi-join above the joins of FROM, which then
//! join every order for a handful that remain (TPC-H 18). As `(A ⋈ B) ⋉ C = (A ⋉ C) ⋈ B` whenever the semi-join
//! compares columns of A alone, it is moved down to A. Only one whose right side is filtered moves: another keeps most rows,
//! and would only be asked more often.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::{Filter, Join, Projection};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Moves semi-joins below the inner joins of their left side.
#[derive(Debug)]
pub(crate) struct PushDownSemiJoin;

impl OptimizerRule for PushDownSemiJoin {
    fn name(&self) -> &'static str {
        "push_down_semi_join"
    }

    /// From the top, so that a semi-join goes on from where it was put.
    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(semi) = plan else { return Ok(Transformed::no(plan)) };
        let is_movable = semi.join_type == JoinType::LeftSemi && semi.filter.is_none();
        if !is_movable || !is_filtered(&semi.right)? {
            return Ok(Transformed::no(LogicalPlan::Join(semi)));
        }
        Ok(match moved_below(&semi, &semi.left)? {
            Some(moved) => Transformed::yes(moved),
            None => Transformed::no(LogicalPlan::Join(semi)),
        })
    }
}

/// `left`, with `semi` applied to that input of an inner join in it which alone has the columns that `semi` compares; none
/// if there is no such join.
fn moved_below(semi: &Join, left: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    Ok(match left {
        LogicalPlan::Join(inner) if inner.join_type == JoinType::Inner => {
            let into = |child: &Arc<LogicalPlan>| compares_only(semi, child).then(|| applied_to(semi, child));
            let (mut a, mut b) = (Arc::clone(&inner.left), Arc::clone(&inner.right));
            match (into(&a), into(&b)) {
                (Some(moved), _) => a = Arc::new(moved?),
                (None, Some(moved)) => b = Arc::new(moved?),
                (None, None) => return Ok(None),
            }
            let joined = Join { left: a, right: b, ..inner.clone() };
            Some(LogicalPlan::Join(joined))
        }
        LogicalPlan::Projection(projection) if compares_only(semi, &projection.input) => {
            let is_column = |expr: &Expr| matches!(expr, Expr::Column(_));
            if !projection.expr.iter().all(is_column) {
                return Ok(None);
            }
            let Some(input) = moved_below(semi, &projection.input)? else { return Ok(None) };
            Some(LogicalPlan::Projection(Projection::try_new(projection.expr.clone(), Arc::new(input))?))
        }
        LogicalPlan::Filter(filter) => {
            let Some(input) = moved_below(semi, &filter.input)? else { return Ok(None) };
            Some(LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), Arc::new(input))?))
        }
        _ => None,
    })
}

fn applied_to(semi: &Join, input: &Arc<LogicalPlan>) -> Result<LogicalPlan> {
    let moved = Join::try_new(
        Arc::clone(input),
        Arc::clone(&semi.right),
        semi.on.clone(),
        None,
        semi.join_type,
        semi.join_constraint,
        semi.null_equality,
        semi.null_aware,
    );
    moved.map(LogicalPlan::Join)
}

/// Whether `input` has all columns of the left side that `semi` compares.
fn compares_only(semi: &Join, input: &LogicalPlan) -> bool {
    let mut columns = semi.on.iter().flat_map(|(left, _)| left.column_refs());
    columns.all(|column| input.schema().has_column(column))
}

fn is_filtered(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|plan| {
        Ok(match plan {
            LogicalPlan::Filter(_) | LogicalPlan::Limit(_) => true,
            LogicalPlan::TableScan(scan) => !scan.filters.is_empty(),
            _ => false,
        })
    })
}
