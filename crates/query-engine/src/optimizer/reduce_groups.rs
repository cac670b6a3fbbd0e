//! No group is computed that nobody will ask for.
//!
//! `l_quantity < (SELECT 0.2 * avg(l_quantity) … WHERE l_partkey = p_partkey)` becomes a join with the averages of *all*
//! parts, of which a filter on `part` then leaves one in a thousand (TPC-H 17, 2 and 20). Here the rows of such an aggregate
//! are first reduced to those whose key occurs in the filtered table, by a semi-join: the filtered table is small, and is
//! read twice. (The magic sets of Mumick and Pirahesh, "Implementation of Magic-sets in a Relational Database System",
//! SIGMOD 1994, for one table.)

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinConstraint, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::{Aggregate, Filter, Join, Projection, SubqueryAlias};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::join_order::estimate;

/// The name of keys that an aggregate is reduced to begins so.
const KEYS: &str = "__wanted_keys";
/// Keys that are more than this part of an aggregate's groups are not worth a join.
const FEW: f64 = 0.2;
/// Nor is a table that has more than this part of the aggregate's rows: it is read once more.
const SMALL: f64 = 0.25;

/// Joins the input of an aggregate with the keys that are wanted of it.
#[derive(Debug)]
pub(crate) struct ReduceGroups;

impl OptimizerRule for ReduceGroups {
    fn name(&self) -> &'static str {
        "reduce_groups"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
        if join.null_equality != NullEquality::NullEqualsNothing || join.null_aware {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        let mut is_changed = false;
        let name = || config.alias_generator().next(KEYS);
        if drops_unmatched_right(join.join_type) {
            let on: Vec<_> = join.on.iter().map(|(left, right)| (right, left)).collect();
            if let Some(reduced) = reduced(&join.right, &join.left, &on, name)? {
                join.right = Arc::new(reduced);
                is_changed = true;
            }
        }
        if drops_unmatched_left(join.join_type) {
            let on: Vec<_> = join.on.iter().map(|(left, right)| (left, right)).collect();
            if let Some(reduced) = reduced(&join.left, &join.right, &on, name)? {
                join.left = Arc::new(reduced);
                is_changed = true;
            }
        }
        let plan = LogicalPlan::Join(join);
        Ok(if is_changed { Transformed::yes(plan) } else { Transformed::no(plan) })
    }
}

fn drops_unmatched_right(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
    )
}

fn drops_unmatched_left(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark
    )
}

/// `side` of a join with the aggregate in it reduced to the keys that `other` can have; none where that is not possible, or
/// brings too little. `on` are the columns of `side` and those of `other` that must equal them.
fn reduced(
    side: &LogicalPlan,
    other: &LogicalPlan,
    on: &[(&Expr, &Expr)],
    name: impl Fn() -> String,
) -> Result<Option<LogicalPlan>> {
    let mut best: Option<(Expr, Keys)> = None;
    for (ours, theirs) in on {
        let (Expr::Column(ours), Expr::Column(theirs)) = (ours, theirs) else { continue };
        let Some((aggregate, group)) = grouped_by(side, ours) else { continue };
        let mut found = Vec::new();
        find_keys(other, theirs, &mut found);
        let is_worth_it = |keys: &Keys| pays(aggregate, &group, keys).unwrap_or(false);
        for keys in found.into_iter().filter(is_worth_it) {
            if best.as_ref().is_none_or(|(_, known)| keys.rows < known.rows) {
                best = Some((group.clone(), keys));
            }
        }
    }
    best.map(|(group, keys)| with_keys(side, &group, &keys, &name())).transpose()
}

/// The aggregate below `plan` that has `column` as one of its groups, and the expression of the group; none if it is
/// reduced already.
fn grouped_by<'p>(plan: &'p LogicalPlan, column: &Column) -> Option<(&'p Aggregate, Expr)> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let group = aggregate.group_expr.get(plan.schema().maybe_index_of_column(column)?)?;
            let is_open = matches!(group, Expr::Column(_)) && !is_reduced(&aggregate.input);
            is_open.then(|| (aggregate, group.clone()))
        }
        LogicalPlan::Filter(filter) => grouped_by(&filter.input, column),
        _ => {
            let (input, column) = below(plan, column)?;
            grouped_by(input, &column)
        }
    }
}

/// `column` of a projection or an alias, as its input names it.
fn below<'p>(plan: &'p LogicalPlan, column: &Column) -> Option<(&'p LogicalPlan, Column)> {
    let index = plan.schema().maybe_index_of_column(column)?;
    match plan {
        LogicalPlan::Projection(projection) => {
            let mut expression = projection.expr.get(index)?;
            while let Expr::Alias(alias) = expression {
                expression = &alias.expr;
            }
            let Expr::Column(column) = expression else { return None };
            Some((&projection.input, column.clone()))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            Some((&alias.input, Column::from(alias.input.schema().qualified_field(index))))
        }
        _ => None,
    }
}

fn is_reduced(plan: &LogicalPlan) -> bool {
    let is_ours = |plan: &LogicalPlan| {
        Ok(matches!(plan, LogicalPlan::SubqueryAlias(alias) if alias.alias.table().starts_with(KEYS)))
    };
    plan.exists(is_ours).unwrap_or(true)
}

/// A filtered table and the column of it whose values are the keys.
struct Keys {
    plan: LogicalPlan,
    column: Column,
    rows: f64,
}

/// Filtered tables of `plan` among whose values all values of `column` are.
fn find_keys(plan: &LogicalPlan, column: &Column, found: &mut Vec<Keys>) {
    if let Some(keys) = filtered_table(plan, column) {
        found.push(keys);
        return;
    }
    match plan {
        LogicalPlan::Filter(filter) => find_keys(&filter.input, column, found),
        LogicalPlan::Join(join) if matches!(join.join_type, JoinType::Inner | JoinType::LeftSemi) => {
            for (left, right) in &join.on {
                let (Expr::Column(left), Expr::Column(right)) = (left, right) else { continue };
                if left == column {
                    find_keys(&join.right, right, found);
                } else if right == column {
                    find_keys(&join.left, left, found);
                }
            }
            let sides = [&join.left, &join.right];
            if let Some(side) = sides.into_iter().find(|side| side.schema().has_column(column)) {
                find_keys(side, column, found);
            }
        }
        _ => {
            if let Some((input, column)) = below(plan, column) {
                find_keys(input, &column, found);
            }
        }
    }
}

/// `plan`, if it is one table with a filter that gives the same rows each time.
fn filtered_table(plan: &LogicalPlan, column: &Column) -> Option<Keys> {
    let (mut is_filtered, mut is_plain) = (false, true);
    let look = |plan: &LogicalPlan| {
        is_plain &= match plan {
            LogicalPlan::Filter(_) => {
                is_filtered = true;
                true
            }
            LogicalPlan::TableScan(scan) => scan.fetch.is_none(),
            LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => true,
            _ => false,
        };
        is_plain &= plan.expressions().iter().all(|expression| !expression.is_volatile());
        Ok(if is_plain { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    };
    plan.apply(look).ok()?;
    let rows = estimate::rows(plan)?;
    (is_filtered && is_plain).then(|| Keys { plan: plan.clone(), column: column.clone(), rows })
}

fn pays(aggregate: &Aggregate, group: &Expr, keys: &Keys) -> Option<bool> {
    let Expr::Column(column) = group else { return None };
    let input = &aggregate.input;
    let groups = estimate::distinct_values(input, input.schema().maybe_index_of_column(column)?)?;
    let read = estimate::unfiltered_rows(&keys.plan)?;
    Some(keys.rows <= FEW * groups && read <= SMALL * estimate::rows(input)?)
}

/// `plan` down to its aggregate, whose input is joined with `keys`.
fn with_keys(plan: &LogicalPlan, group: &Expr, keys: &Keys, name: &str) -> Result<LogicalPlan> {
    if let LogicalPlan::Aggregate(aggregate) = plan {
        let wanted = LogicalPlanBuilder::from(keys.plan.clone())
            .project([Expr::Column(keys.column.clone()).alias("key")])?
            .alias(name)?
            .build()?;
        let key = Expr::Column(Column::new(Some(name), "key"));
        let joined = Join::try_new(
            Arc::clone(&aggregate.input),
            Arc::new(wanted),
            vec![(group.clone(), key)],
            None,
            JoinType::LeftSemi,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        let input = Arc::new(LogicalPlan::Join(joined));
        let (groups, aggregates) = (aggregate.group_expr.clone(), aggregate.aggr_expr.clone());
        return Ok(LogicalPlan::Aggregate(Aggregate::try_new(input, groups, aggregates)?));
    }
    let input = |input: &Arc<LogicalPlan>| with_keys(input, group, keys, name).map(Arc::new);
    Ok(match plan {
        LogicalPlan::Filter(filter) => {
            LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), input(&filter.input)?)?)
        }
        LogicalPlan::Projection(projection) => {
            LogicalPlan::Projection(Projection::try_new(projection.expr.clone(), input(&projection.input)?)?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(input(&alias.input)?, alias.alias.clone())?)
        }
        // `grouped_by` goes through no other.
        other => other.clone(),
    })
}
