//! How many rows a plan has, and how many values a column of it, as far as manifests tell: counts, bounds, nulls.
//!
//! Rough on purpose. What nobody knows has the constants that textbooks give (Selinger et al., "Access Path Selection in a
//! Relational Database Management System", SIGMOD 1979, table 1); an order is only changed for a clear gain.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::common::{Column, ColumnStatistics, JoinType, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::logical_plan::{Aggregate, Filter, Join, TableScan};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

/// Of an equality with a column whose number of values is not known.
const EQUALITY: f64 = 0.1;
/// Of a comparison with a column whose bounds are not known.
const RANGE: f64 = 1.0 / 3.0;
/// Of a LIKE.
const LIKE: f64 = 0.1;
/// Of everything else.
pub(super) const UNKNOWN: f64 = 0.3;
/// Of a semi-join whose right side is filtered.
const SEMI_JOIN: f64 = 0.5;
/// No condition keeps less of its rows, as far as an estimate goes.
const LEAST: f64 = 1e-4;

/// The rows of `plan`; none if it has an input of which nothing is known.
pub(in crate::optimizer) fn rows(plan: &LogicalPlan) -> Option<f64> {
    Some(match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            *provider.statistics()?.num_rows.get_value()? as f64
        }
        LogicalPlan::Filter(filter) => rows(&filter.input)? * kept(&filter.predicate, &filter.input),
        LogicalPlan::Aggregate(aggregate) => groups(aggregate)?,
        LogicalPlan::Join(join) => joined(join)?,
        LogicalPlan::Limit(limit) => rows(&limit.input)?,
        LogicalPlan::EmptyRelation(_) => 1.0,
        LogicalPlan::Values(values) => values.values.len() as f64,
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(_) => rows(plan.inputs().first()?)?,
        _ => return None,
    })
}

/// The rows of `plan` before its filters.
pub(in crate::optimizer) fn unfiltered_rows(plan: &LogicalPlan) -> Option<f64> {
    match plan {
        LogicalPlan::Filter(filter) => unfiltered_rows(&filter.input),
        LogicalPlan::Projection(projection) => unfiltered_rows(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => unfiltered_rows(&alias.input),
        _ => rows(plan),
    }
}

/// At most how many different values the column with this index has, filters left out: the domain of a join.
pub(in crate::optimizer) fn distinct_values(plan: &LogicalPlan, index: usize) -> Option<f64> {
    let known = match plan {
        LogicalPlan::TableScan(scan) => {
            let count = rows(plan)?;
            return Some(
                column_statistics(scan, index).and_then(|column| span(&column)).unwrap_or(count).min(count),
            );
        }
        LogicalPlan::Projection(projection) => {
            let column = as_column(projection.expr.get(index)?)?;
            distinct_values(&projection.input, projection.input.schema().maybe_index_of_column(column)?)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let column = as_column(aggregate.group_expr.get(index)?)?;
            distinct_values(&aggregate.input, aggregate.input.schema().maybe_index_of_column(column)?)
        }
        LogicalPlan::Join(join) => {
            let on_left = join.left.schema().fields().len();
            match index.checked_sub(on_left) {
                Some(index) => distinct_values(&join.right, index),
                None => distinct_values(&join.left, index),
            }
        }
        _ => match plan.inputs().as_slice() {
            [input] if input.schema().fields().len() == plan.schema().fields().len() => {
                distinct_values(input, index)
            }
            _ => None,
        },
    };
    known.or_else(|| rows(plan))
}

/// Which part of the rows of `input` a condition keeps.
pub(super) fn kept(condition: &Expr, input: &LogicalPlan) -> f64 {
    // Two bounds on one column are no independent conditions.
    let mut ranges: HashMap<&Column, (f64, f64)> = HashMap::new();
    let mut part = 1.0;
    for condition in split_conjunction(condition) {
        match range(condition, input) {
            Some((column, at_least, at_most)) => {
                let range = ranges.entry(column).or_insert((1.0, 1.0));
                *range = (range.0.min(at_least), range.1.min(at_most));
            }
            None => part *= selectivity(condition, input),
        }
    }
    let ranges = ranges.values().map(|(at_least, at_most)| (at_least + at_most - 1.0).max(LEAST));
    (part * ranges.product::<f64>()).max(LEAST)
}

fn selectivity(condition: &Expr, input: &LogicalPlan) -> f64 {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => kept(condition, input),
            Operator::Or => {
                let (a, b) = (kept(left, input), kept(right, input));
                a + b - a * b
            }
            Operator::Eq => equality(left, input).max(equality(right, input)),
            Operator::NotEq => 1.0 - equality(left, input),
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => RANGE,
            _ => UNKNOWN,
        },
        Expr::InList(list) => {
            let part = (equality(&list.expr, input) * list.list.len() as f64).min(1.0);
            if list.negated { 1.0 - part } else { part }
        }
        Expr::Like(like) => {
            if like.negated {
                1.0 - LIKE
            } else {
                LIKE
            }
        }
        Expr::Not(inner) => 1.0 - kept(inner, input),
        Expr::IsNull(_) => EQUALITY,
        Expr::IsNotNull(_) => 1.0 - EQUALITY,
        Expr::Literal(ScalarValue::Boolean(Some(true)), _) => 1.0,
        _ => UNKNOWN,
    }
}

/// Of `expression = some value`; 0 for what is no column.
fn equality(expression: &Expr, input: &LogicalPlan) -> f64 {
    let Some(column) = as_column(expression) else {
        return if matches!(expression, Expr::Literal(..)) { 0.0 } else { EQUALITY };
    };
    statistics_of(input, column).and_then(|column| span(&column)).map_or(EQUALITY, |values| 1.0 / values)
}

/// The column of a comparison with a constant, and which parts of its rows have at least and at most so much.
fn range<'a>(condition: &'a Expr, input: &LogicalPlan) -> Option<(&'a Column, f64, f64)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return None };
    let (column, op, constant) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(constant, _)) => (column, *op, constant),
        (Expr::Literal(constant, _), Expr::Column(column)) => (column, op.swap()?, constant),
        _ => return None,
    };
    let known = statistics_of(input, column)?;
    let (low, high) = (number(known.min_value.get_value()?)?, number(known.max_value.get_value()?)?);
    let below = ((number(constant)? - low) / (high - low).max(1.0)).clamp(0.0, 1.0);
    match op {
        Operator::Gt | Operator::GtEq => Some((column, 1.0 - below, 1.0)),
        Operator::Lt | Operator::LtEq => Some((column, 1.0, below)),
        _ => None,
    }
}

fn groups(aggregate: &Aggregate) -> Option<f64> {
    let input = rows(&aggregate.input)?;
    let schema = aggregate.input.schema();
    let values = aggregate.group_expr.iter().map(|expression| {
        let column = as_column(expression).and_then(|column| schema.maybe_index_of_column(column));
        column.and_then(|index| distinct_values(&aggregate.input, index)).unwrap_or(input)
    });
    Some(values.product::<f64>().min(input))
}

fn joined(join: &Join) -> Option<f64> {
    let (left, right) = (rows(&join.left)?, rows(&join.right)?);
    Some(match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => left * SEMI_JOIN,
        JoinType::RightSemi | JoinType::RightAnti => right * SEMI_JOIN,
        JoinType::LeftMark => left,
        JoinType::RightMark => right,
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            let domain = join.on.iter().filter_map(|(a, b)| {
                let of = |expression: &Expr, side: &LogicalPlan| {
                    distinct_values(side, side.schema().maybe_index_of_column(as_column(expression)?)?)
                };
                Some(of(a, &join.left)?.min(of(b, &join.right)?))
            });
            let domain = domain.fold(1.0_f64, |domain, values| domain * values).min(left.max(right));
            left * right / domain.max(1.0)
        }
    })
}

/// What is known of a column of a filter's input, wherever below it comes from.
fn statistics_of(plan: &LogicalPlan, column: &Column) -> Option<ColumnStatistics> {
    let mut index = plan.schema().maybe_index_of_column(column)?;
    let mut plan = plan;
    loop {
        match plan {
            LogicalPlan::TableScan(scan) => return column_statistics(scan, index),
            LogicalPlan::Filter(Filter { input, .. }) => plan = input,
            LogicalPlan::SubqueryAlias(alias) => plan = &alias.input,
            LogicalPlan::Projection(projection) => {
                let column = as_column(projection.expr.get(index)?)?;
                index = projection.input.schema().maybe_index_of_column(column)?;
                plan = &projection.input;
            }
            _ => return None,
        }
    }
}

fn column_statistics(scan: &TableScan, index: usize) -> Option<ColumnStatistics> {
    let provider = source_as_provider(&scan.source).ok()?;
    let index = scan.projection.as_ref().map_or(Some(index), |projection| projection.get(index).copied())?;
    provider.statistics()?.column_statistics.get(index).cloned()
}

/// How many values there are between the bounds of a column that counts.
fn span(column: &ColumnStatistics) -> Option<f64> {
    let (low, high) = (column.min_value.get_value()?, column.max_value.get_value()?);
    let is_counted = low.data_type().is_integer() || matches!(low.data_type(), DataType::Date32);
    is_counted.then_some(())?;
    Some((number(high)? - number(low)? + 1.0).max(1.0))
}

fn number(value: &ScalarValue) -> Option<f64> {
    let value = match value {
        ScalarValue::Date32(days) => ScalarValue::Int32(*days),
        ScalarValue::TimestampMicrosecond(time, _) => ScalarValue::Int64(*time),
        value if value.data_type().is_numeric() => value.clone(),
        _ => return None,
    };
    match value.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(number) => number,
        _ => None,
    }
}

fn as_column(expression: &Expr) -> Option<&Column> {
    match expression {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => as_column(&alias.expr),
        _ => None,
    }
}
