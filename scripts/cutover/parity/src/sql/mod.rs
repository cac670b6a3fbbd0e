//! Statements over the same tables to two SQL endpoints; their rows are compared value by value.

mod compare;

use jiff::Zoned;
use serde_json::{Value, json};

use crate::cases::cases;
use crate::cli::examples;
use crate::{Fault, Findings, Given, Output, Pair, Row, SideArgs, Verdict};
use compare::{Table, difference};

const EXAMPLES: &str = examples!(
    "  parity sql                                      # legacy on :3100 beside ours on :4110: both have bls.oews and bls.majors
  parity sql --left http://127.0.0.1:4110/query --right http://127.0.0.1:4110/v1/sql --json"
);

/// The statements.
const CASES: &str = include_str!("queries.sql");
/// Both sides are asked, and answer, like this.
const SHAPE: &str = "{sql} -> {columns: [{name, type}], rows}";

/// Arguments of `parity sql`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    sides: SideArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Asks both sides and compares.
///
/// # Errors
/// When the arguments make no sense. A side that does not answer, or answers otherwise, is in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let mut pair = Pair::new(&args.sides, ["/query", "/v1/sql"], [SHAPE; 2])?;
    let mut rows = Vec::new();
    let asked = ask(&mut pair, &mut rows).await;
    let method =
        "Statements with a total order, each to both sides. Alike are the names of columns, the rows and their order; numbers that \
         are computed in floating point from a relative difference of 1e-9 on, everything else exactly. The figure is the number \
         of rows. Below are the last request and the time of all of them."
            .to_owned();
    let findings = Findings::of_rows("statements", rows, asked);
    Ok(Verdict::new("sql", now, method, pair.evidence, findings))
}

/// Asks case by case, and adds a row for each.
async fn ask(pair: &mut Pair, rows: &mut Vec<Row>) -> Result<(), Fault> {
    for (case, sql) in cases(CASES) {
        let request = json!({ "sql": sql });
        let answers = pair.post([&request; 2]).await?;
        rows.push(row(case, answers.map(read)));
    }
    Ok(())
}

fn read(answer: Result<Value, String>) -> Result<Table, String> {
    serde_json::from_value(answer?).map_err(|error| error.to_string())
}

fn row(case: &str, tables: Given<Table>) -> Row {
    match tables {
        [Ok(left), Ok(right)] => Row::of(case, left.rows.len() as f64, difference(&left, &right)),
        tables => Row::of_faults(case, tables),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_sixty_statements_each_with_a_name_of_its_own() {
        let names: BTreeSet<_> = cases(CASES).map(|(name, _)| name).collect();
        assert!(names.len() >= 60 && names.len() == cases(CASES).count(), "{names:?}");
        assert!(cases(CASES).all(|(_, sql)| !sql.is_empty() && !sql.contains(';')));
    }
}
