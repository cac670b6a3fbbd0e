//! Rules of the optimizer that DataFusion does not have: docs/decisions/0035-sql-speed.md.

mod join_order;
mod plain_conditions;
mod plain_literals;
mod reduce_groups;
mod semi_join;
mod shared;
mod yielding;

use std::sync::Arc;

use datafusion::optimizer::{Optimizer, OptimizerRule};

use join_order::OrderJoins;
use plain_conditions::PlainConditions;
use plain_literals::PlainLiterals;
use reduce_groups::ReduceGroups;
use semi_join::PushDownSemiJoin;
pub(crate) use shared::Planner;
use shared::ShareGroups;
pub(crate) use yielding::YieldingJoins;

/// After which of DataFusion's rules ours come: filters are where they belong, and no projections stand between joins yet.
const BEFORE_OURS: &str = "push_down_filter";

/// DataFusion's rules and ours.
pub(crate) fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let before = rules.iter().position(|rule| rule.name() == BEFORE_OURS);
    let ours = before.map_or(rules.len(), |position| position + 1);
    rules.insert(ours, Arc::new(OrderJoins));
    rules.insert(ours, Arc::new(PushDownSemiJoin));
    rules.insert(ours, Arc::new(ReduceGroups));
    // After the rule that would make it an equality again.
    rules.push(Arc::new(PlainLiterals));
    // After the rules that would write the condition otherwise.
    rules.push(Arc::new(PlainConditions));
    // The last: what it marks is moved into no more.
    rules.push(Arc::new(ShareGroups));
    rules
}
