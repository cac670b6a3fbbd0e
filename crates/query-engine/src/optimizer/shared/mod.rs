//! What a query computes twice, computed once.
//!
//! DataFusion puts a common table expression wherever it is named, and computes each copy (TPC-H 15). Here groups that occur
//! twice with the same input are marked in the logical plan ([`ShareGroups`]), and their copies in the physical one read the
//! rows of whichever began first ([`SharedExec`]). Only groups, since they hold all their rows in the end anyway, and only
//! as many as fit into memory by estimate.

mod exec;
mod node;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::logical_plan::Filter;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::join_order::estimate;
use exec::SharedExec;
use node::{Cell, Shared};

/// More groups are computed twice rather than kept.
const MAX_ROWS: f64 = 1e6;

/// Marks groups that occur more than once.
#[derive(Debug)]
pub(crate) struct ShareGroups;

impl OptimizerRule for ShareGroups {
    fn name(&self) -> &'static str {
        "share_groups"
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        plan.transform_up(without_true)?.transform_data(shared)
    }
}

/// `plan` with its repeated groups marked.
fn shared(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut cells: HashMap<LogicalPlan, (usize, Arc<Cell>)> = HashMap::new();
    plan.apply(|plan| {
        if Shared::of(plan).is_some() {
            return Ok(TreeNodeRecursion::Jump);
        }
        if is_shareable(plan)? {
            cells.entry(plan.clone()).or_default().0 += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    cells.retain(|_, (count, _)| *count > 1);
    if cells.is_empty() {
        return Ok(Transformed::no(plan));
    }
    plan.transform_down(|plan| {
        let Some((_, cell)) = cells.get(&plan) else {
            let is_marked = Shared::of(&plan).is_some();
            let next = if is_marked { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue };
            return Ok(Transformed::new(plan, false, next));
        };
        let node = Arc::new(Shared::new(plan, Arc::clone(cell)));
        let marked = LogicalPlan::Extension(Extension { node });
        Ok(Transformed::new(marked, true, TreeNodeRecursion::Jump))
    })
}

/// A node without conditions that are always true, which subqueries leave behind: they alone would tell copies apart.
fn without_true(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let is_true = |condition: &Expr| matches!(condition, Expr::Literal(ScalarValue::Boolean(Some(true)), _));
    match plan {
        LogicalPlan::Filter(filter) if split_conjunction(&filter.predicate).into_iter().any(is_true) => {
            let conditions = split_conjunction_owned(filter.predicate);
            let rest = conjunction(conditions.into_iter().filter(|condition| !is_true(condition)));
            Ok(Transformed::yes(match rest {
                Some(predicate) => LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?),
                None => Arc::unwrap_or_clone(filter.input),
            }))
        }
        LogicalPlan::TableScan(mut scan) if scan.filters.iter().any(is_true) => {
            scan.filters.retain(|condition| !is_true(condition));
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        plan => Ok(Transformed::no(plan)),
    }
}

fn is_shareable(plan: &LogicalPlan) -> Result<bool> {
    let is_small = || estimate::rows(plan).is_some_and(|rows| rows <= MAX_ROWS);
    if !matches!(plan, LogicalPlan::Aggregate(_)) || !is_small() {
        return Ok(false);
    }
    let is_volatile = plan.exists(|plan| Ok(plan.expressions().iter().any(Expr::is_volatile)))?;
    Ok(!is_volatile)
}

/// DataFusion's planner, which plans what is marked too.
#[derive(Debug)]
pub(crate) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        state: &SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(SharedPlanner)]);
        planner.create_physical_plan(plan, state).await
    }
}

struct SharedPlanner;

#[async_trait]
impl ExtensionPlanner for SharedPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _: &SessionState,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(shared), [logical], [physical]) =
            (node.as_any().downcast_ref::<Shared>(), logical_inputs, physical_inputs)
        else {
            return Ok(None);
        };
        Ok(Some(match shared.cell().rows_of(logical) {
            Some(rows) => Arc::new(SharedExec::new(Arc::clone(physical), rows)),
            None => Arc::clone(physical),
        }))
    }
}
