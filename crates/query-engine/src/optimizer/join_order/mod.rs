//! The order of inner joins.
//!
//! DataFusion joins tables in the order in which FROM names them, and only chooses which side of each join is built. Here
//! the inner joins of one FROM are taken apart, all orders are weighed (dynamic programming over sets of inputs, Selinger
//! et al. 1979, bushy trees included), and the cheapest is taken if it is clearly cheaper than the one that was written.

pub(super) mod estimate;
mod graph;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::logical_plan::Projection;
use datafusion::logical_expr::{Expr, JoinType};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use graph::JoinGraph;

/// A new order must cost less than this part of the one that was written: estimates are rough.
const CLEARLY: f64 = 0.8;

/// Orders inner joins by their estimated costs.
#[derive(Debug)]
pub(crate) struct OrderJoins;

impl OptimizerRule for OrderJoins {
    fn name(&self) -> &'static str {
        "order_joins"
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        ordered(plan)
    }
}

/// The plan with all its groups of inner joins ordered.
fn ordered(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let is_inner = matches!(&plan, LogicalPlan::Join(join) if join.join_type == JoinType::Inner);
    let Some(mut graph) = is_inner.then(|| JoinGraph::of(&plan)).flatten() else {
        return plan.map_children(ordered);
    };
    let mut is_changed = false;
    graph.map_inputs(|input| {
        let input = ordered(input)?;
        is_changed |= input.transformed;
        Ok(input.data)
    })?;
    match graph.best().filter(|best| best.cost < CLEARLY * graph.written_cost()) {
        Some(best) => {
            // Whoever is above finds the columns where they were.
            let columns = plan.schema().columns().into_iter().map(Expr::Column).collect();
            let joined = graph.build(&best)?;
            Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, joined.into())?)))
        }
        None if is_changed => Ok(Transformed::yes(graph.build_as_written()?)),
        None => Ok(Transformed::no(plan)),
    }
}
