//! `count(*) FILTER (WHERE x > 25)` is asked as `… FILTER (WHERE (x > 25) IS TRUE)`, where `x` may be null.
//!
//! DataFusion 53.1 counts rows by groups by the bits of the condition's values, and does not look which of them are null
//! (`accumulate_indices` of `datafusion-functions-aggregate-common`): a comparison with null then counts or does not, by
//! what lies in memory.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Leaves no aggregate a condition that may be null.
#[derive(Debug)]
pub(crate) struct PlainConditions;

impl OptimizerRule for PlainConditions {
    fn name(&self) -> &'static str {
        "plain_conditions"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let (input, names) = (aggregate.input.schema().clone(), NamePreserver::new(&plan));
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let plain = expr.transform_down(|expr| plain(expr, &input))?;
            Ok(plain.update_data(|expr| name.restore(expr)))
        })
    }
}

fn plain(expr: Expr, input: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::AggregateFunction(mut aggregate) = expr else { return Ok(Transformed::no(expr)) };
    let Some(condition) = aggregate.params.filter.take() else {
        return Ok(Transformed::no(Expr::AggregateFunction(aggregate)));
    };
    let may_be_null = condition.nullable(input)?;
    aggregate.params.filter = Some(if may_be_null { Box::new(condition.is_true()) } else { condition });
    let expr = Expr::AggregateFunction(aggregate);
    Ok(if may_be_null { Transformed::yes(expr) } else { Transformed::no(expr) })
}
