//! The inputs of a group of inner joins, what connects them, and the orders in which they can be joined.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::{JoinConstraint, NullEquality};
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::Join;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan};

use super::estimate;

/// More inputs are left in their order: the work grows with 3^n.
const MAX_INPUTS: usize = 10;
/// A row that is put into a hash table costs as much as so many that are looked up.
const BUILD: f64 = 2.0;

/// A set of inputs, by bits.
type Set = u32;

/// A group of inner joins, taken apart.
#[derive(Debug)]
pub(super) struct JoinGraph {
    inputs: Vec<Arc<LogicalPlan>>,
    /// Estimated rows of each input.
    rows: Vec<f64>,
    equalities: Vec<Equality>,
    /// Other conditions, with the inputs that each needs.
    filters: Vec<(Set, Expr)>,
    /// By pair of inputs, which part of their product their equalities keep.
    kept: BTreeMap<(usize, usize), f64>,
    /// By set of inputs, estimated rows of their join, in whatever order.
    sizes: Vec<f64>,
    written: Tree,
}

/// `left = right`, each of one input.
#[derive(Debug)]
struct Equality {
    left: (usize, Expr),
    right: (usize, Expr),
}

/// In which order inputs are joined.
#[derive(Debug, Clone)]
enum Tree {
    Input(usize),
    Join(Box<Tree>, Box<Tree>),
}

/// An order and what it costs.
#[derive(Debug, Clone)]
pub(super) struct Order {
    tree: Tree,
    /// Rows that are built, looked up and passed on, weighed.
    pub(super) cost: f64,
}

impl JoinGraph {
    /// Takes apart the inner joins on top of `plan`; none if they are not to be ordered: there are less than three inputs or
    /// too many, something is not known, or something does not connect two inputs.
    pub(super) fn of(plan: &LogicalPlan) -> Option<Self> {
        let (mut inputs, mut on, mut filters) = (Vec::new(), Vec::new(), Vec::new());
        let written = take_apart(plan, &mut inputs, &mut on, &mut filters)?;
        if !(3..=MAX_INPUTS).contains(&inputs.len()) {
            return None;
        }
        let equalities = on.into_iter().map(|(a, b)| {
            let (left, right) = (input_of(&a, &inputs)?, input_of(&b, &inputs)?);
            (left != right).then_some(Equality { left: (left, a), right: (right, b) })
        });
        let equalities = equalities.collect::<Option<Vec<_>>>()?;
        let filters = filters.into_iter().map(|filter| {
            let needed = set_of(&filter, &inputs)?;
            (needed.count_ones() > 1).then_some((needed, filter))
        });
        let filters = filters.collect::<Option<Vec<_>>>()?;
        let rows = inputs.iter().map(|input| estimate::rows(input)).collect::<Option<Vec<_>>>()?;
        let (kept, sizes) = (BTreeMap::new(), Vec::new());
        let mut graph = Self { inputs, rows, equalities, filters, kept, sizes, written };
        graph.kept = graph.kept_by_pair();
        graph.sizes = (0..1 << graph.inputs.len()).map(|set| graph.rows_of(set)).collect();
        Some(graph)
    }

    /// Replaces each input.
    pub(super) fn map_inputs(
        &mut self,
        mut map: impl FnMut(LogicalPlan) -> Result<LogicalPlan>,
    ) -> Result<()> {
        for input in &mut self.inputs {
            *input = Arc::new(map(LogicalPlan::clone(input))?);
        }
        Ok(())
    }

    /// The cheapest order; none if some inputs are connected with no other.
    pub(super) fn best(&self) -> Option<Order> {
        let all: Set = (1 << self.inputs.len()) - 1;
        let mut best: Vec<Option<Order>> = vec![None; all as usize + 1];
        for input in 0..self.inputs.len() {
            best[1 << input] = Some(Order { tree: Tree::Input(input), cost: 0.0 });
        }
        for set in 1..=all {
            // All ways to split the set in two; the half with its lowest bit is the first.
            let mut half = (set - 1) & set;
            while half > 0 {
                let rest = set & !half;
                if half & set & set.wrapping_neg() != 0
                    && self.are_connected(half, rest)
                    && let (Some(a), Some(b)) = (&best[half as usize], &best[rest as usize])
                {
                    let cost = a.cost + b.cost + self.cost_of_joining(half, rest);
                    if best[set as usize].as_ref().is_none_or(|known| cost < known.cost) {
                        let tree = Tree::Join(Box::new(a.tree.clone()), Box::new(b.tree.clone()));
                        best[set as usize] = Some(Order { tree, cost });
                    }
                }
                half = (half - 1) & set;
            }
        }
        best[all as usize].take()
    }

    /// What the order costs that was written.
    pub(super) fn written_cost(&self) -> f64 {
        self.cost(&self.written).1
    }

    /// The joins in an order.
    pub(super) fn build(&self, order: &Order) -> Result<LogicalPlan> {
        Ok(Arc::unwrap_or_clone(self.joined(&order.tree)?.1))
    }

    /// The joins in the order that was written.
    pub(super) fn build_as_written(&self) -> Result<LogicalPlan> {
        Ok(Arc::unwrap_or_clone(self.joined(&self.written)?.1))
    }

    fn joined(&self, tree: &Tree) -> Result<(Set, Arc<LogicalPlan>)> {
        let (left, right) = match tree {
            Tree::Input(input) => return Ok((1 << input, Arc::clone(&self.inputs[*input]))),
            Tree::Join(left, right) => (self.joined(left)?, self.joined(right)?),
        };
        let set = left.0 | right.0;
        let on = self.equalities.iter().filter_map(|equality| {
            let Equality { left: (a, in_a), right: (b, in_b) } = equality;
            match (has(left.0, *a) && has(right.0, *b), has(left.0, *b) && has(right.0, *a)) {
                (true, _) => Some((in_a.clone(), in_b.clone())),
                (_, true) => Some((in_b.clone(), in_a.clone())),
                _ => None,
            }
        });
        let is_due = |needed: Set| needed & !set == 0 && needed & !left.0 != 0 && needed & !right.0 != 0;
        let filters =
            self.filters.iter().filter(|(needed, _)| is_due(*needed)).map(|(_, filter)| filter.clone());
        let join = Join::try_new(
            left.1,
            right.1,
            on.collect(),
            conjunction(filters),
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        Ok((set, Arc::new(LogicalPlan::Join(join))))
    }

    fn cost(&self, tree: &Tree) -> (Set, f64) {
        match tree {
            Tree::Input(input) => (1 << input, 0.0),
            Tree::Join(left, right) => {
                let (left, right) = (self.cost(left), self.cost(right));
                (left.0 | right.0, left.1 + right.1 + self.cost_of_joining(left.0, right.0))
            }
        }
    }

    /// The smaller side is built, the other looked up.
    fn cost_of_joining(&self, a: Set, b: Set) -> f64 {
        let [in_a, in_b, out] = [a, b, a | b].map(|set| self.sizes[set as usize]);
        BUILD * in_a.min(in_b) + in_a.max(in_b) + out
    }

    fn rows_of(&self, set: Set) -> f64 {
        let product: f64 = members(set).map(|input| self.rows[input]).product();
        let pairs = self.kept.iter().filter(|((a, b), _)| has(set, *a) && has(set, *b));
        let filters = self.filters.iter().filter(|(needed, _)| needed & !set == 0);
        let kept: f64 = pairs.map(|(_, kept)| kept).product();
        let filtered: f64 = filters.map(|_| estimate::UNKNOWN).product();
        (product * kept * filtered).max(1.0)
    }

    fn are_connected(&self, a: Set, b: Set) -> bool {
        self.kept.keys().any(|(x, y)| has(a, *x) && has(b, *y) || has(a, *y) && has(b, *x))
    }

    /// The equalities of a pair compare keys of so many values together: of the two sides' numbers the smaller one, as a
    /// foreign key has no values beyond those of the key.
    fn kept_by_pair(&self) -> BTreeMap<(usize, usize), f64> {
        let mut domains: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
        for Equality { left, right } in &self.equalities {
            let (low, high) = if left.0 < right.0 { (left, right) } else { (right, left) };
            let domain = domains.entry((low.0, high.0)).or_insert((1.0, 1.0));
            domain.0 *= self.values(low);
            domain.1 *= self.values(high);
        }
        let whole = |input: usize| estimate::unfiltered_rows(&self.inputs[input]).unwrap_or(self.rows[input]);
        let kept = |(a, b): (usize, usize), in_a: f64, in_b: f64| {
            1.0 / in_a.min(whole(a)).min(in_b.min(whole(b))).max(1.0)
        };
        domains.into_iter().map(|(pair, (in_a, in_b))| (pair, kept(pair, in_a, in_b))).collect()
    }

    fn values(&self, (input, expression): &(usize, Expr)) -> f64 {
        let plan = &self.inputs[*input];
        let index = match expression {
            Expr::Column(column) => plan.schema().maybe_index_of_column(column),
            _ => None,
        };
        index.and_then(|index| estimate::distinct_values(plan, index)).unwrap_or(self.rows[*input])
    }
}

fn take_apart(
    plan: &LogicalPlan,
    inputs: &mut Vec<Arc<LogicalPlan>>,
    on: &mut Vec<(Expr, Expr)>,
    filters: &mut Vec<Expr>,
) -> Option<Tree> {
    let LogicalPlan::Join(join) = plan else {
        inputs.push(Arc::new(plan.clone()));
        return Some(Tree::Input(inputs.len() - 1));
    };
    if join.join_type != JoinType::Inner || join.null_equality != NullEquality::NullEqualsNothing {
        inputs.push(Arc::new(plan.clone()));
        return Some(Tree::Input(inputs.len() - 1));
    }
    on.extend(join.on.iter().cloned());
    filters.extend(join.filter.clone());
    let left = take_apart(&join.left, inputs, on, filters)?;
    let right = take_apart(&join.right, inputs, on, filters)?;
    Some(Tree::Join(Box::new(left), Box::new(right)))
}

/// The one input that has all columns of an expression.
fn input_of(expression: &Expr, inputs: &[Arc<LogicalPlan>]) -> Option<usize> {
    let set = set_of(expression, inputs)?;
    (set.count_ones() == 1).then_some(set.trailing_zeros() as usize)
}

/// The inputs that an expression needs; none if a column is of no input, or of two.
fn set_of(expression: &Expr, inputs: &[Arc<LogicalPlan>]) -> Option<Set> {
    expression.column_refs().into_iter().try_fold(0, |set, column| {
        let mut having = (0..inputs.len()).filter(|input| inputs[*input].schema().has_column(column));
        match (having.next(), having.next()) {
            (Some(input), None) => Some(set | 1 << input),
            _ => None,
        }
    })
}

fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |input| has(set, *input))
}

fn has(set: Set, input: usize) -> bool {
    set & (1 << input) != 0
}
