//! Statements over the same tables to two SQL endpoints; their rows are compared value by value.

mod compare;

use jiff::Zoned;
use serde_json::{Value, json};

use crate::{Fault, Outcome, Output, Row, Side, SideArgs, SideEvidence, Verdict};
use compare::{Table, difference};

const EXAMPLES: &str = "\
Examples:
  scripts/cutover/sql_parity.sh                   # DuckDB beside ours on :4110, over tables that it loads first
  parity sql                                      # legacy on :3100 beside ours on :4110: both have bls.oews and bls.majors
  parity sql --left http://127.0.0.1:4110/query --right http://127.0.0.1:4110/v1/sql --json

Exit code: 0 alike (PASS), 1 not alike (FAIL), 3 a side could not be reached (SKIPPED), 2 the command line makes no sense.";

/// The statements, each after a line with its name.
const CASES: &str = include_str!("queries.sql");
const CASE: &str = "-- case: ";
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
    let sides = Side::pair(&args.sides, ["/query", "/v1/sql"])?;
    let mut evidence = sides.each_ref().map(|side| SideEvidence {
        url: side.url.to_string(),
        shape: SHAPE.to_owned(),
        request: Value::Null,
        took_ms: None,
        stated: Value::Null,
    });
    let (mut rows, mut unreachable) = (Vec::new(), None);
    for (case, sql) in cases() {
        let request = json!({ "sql": sql });
        let replies = [sides[0].post(&request).await, sides[1].post(&request).await];
        unreachable = why_unreachable(&sides, &replies);
        if unreachable.is_some() {
            break;
        }
        for (side, reply) in evidence.iter_mut().zip(&replies) {
            side.request.clone_from(&request);
            let took_ms = reply.as_ref().map_or(0.0, |(_, took_ms)| *took_ms);
            side.took_ms = Some(side.took_ms.unwrap_or_default() + took_ms);
        }
        let [left, right] = replies.map(read);
        rows.push(row(case, left, right));
    }
    let alike = rows.iter().filter(|row| row.is_alike).count();
    let (outcome, cause) = match unreachable {
        Some(why) => (Outcome::Skipped, Some(why)),
        None if alike < rows.len() => {
            (Outcome::Fail, Some(format!("{} of {} statements differ", rows.len() - alike, rows.len())))
        }
        None => (Outcome::Pass, None),
    };
    Ok(Verdict {
        probe: "sql".to_owned(),
        date: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        outcome,
        cause,
        method: "Statements with a total order, each to both sides. Alike are the names of columns, the rows and their order; numbers that \
                 are computed in floating point from a relative difference of 1e-9 on, everything else exactly. The figure is the number \
                 of rows. Below are the last request and the time of all of them."
            .to_owned(),
        sides: evidence,
        rows,
        remarks: Vec::new(),
    })
}

/// Name and text of each statement.
fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = CASES.split(CASE).skip(1);
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, sql)| (name.trim(), sql.trim().trim_end_matches(';')))
}

type Reply = Result<(Value, f64), Fault>;

fn why_unreachable(sides: &[Side; 2], replies: &[Reply; 2]) -> Option<String> {
    sides.iter().zip(replies).find_map(|(side, reply)| match reply {
        Err(Fault::Unreachable(why)) => Some(format!("{} could not be reached: {why}", side.url)),
        _ => None,
    })
}

fn read(reply: Reply) -> Result<Table, String> {
    match reply {
        Ok((answer, _)) => serde_json::from_value(answer).map_err(|error| error.to_string()),
        Err(Fault::Wrong(why) | Fault::Unreachable(why)) => Err(why),
    }
}

fn row(case: &str, left: Result<Table, String>, right: Result<Table, String>) -> Row {
    let (figure, evidence) = match (left, right) {
        (Ok(left), Ok(right)) => (left.rows.len() as f64, difference(&left, &right)),
        (left, right) => (0.0, Some(json!({ "left": left.err(), "right": right.err() }))),
    };
    Row {
        case: case.to_owned(),
        figure,
        is_alike: evidence.is_none(),
        evidence: evidence.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_sixty_statements_each_with_a_name_of_its_own() {
        let names: BTreeSet<_> = cases().map(|(name, _)| name).collect();
        assert!(names.len() >= 60 && names.len() == cases().count(), "{names:?}");
        assert!(cases().all(|(_, sql)| !sql.is_empty() && !sql.contains(';')));
    }
}
