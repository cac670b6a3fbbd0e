//! Texts with conditions in SQL to two endpoints over the same rows; their rows and distances are compared.

mod compare;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use jiff::Zoned;
use serde_json::{Value, json};

use crate::cases::cases;
use crate::cli::examples;
use crate::{Fault, Findings, Given, Output, Pair, Row, Side, SideArgs, Verdict};
use compare::{Found, difference};

const EXAMPLES: &str = examples!(
    "  parity retrieve                                 # legacy on :3100 beside ours on :4110, corpus workers
  parity retrieve --left http://127.0.0.1:9000/vectors/hybrid --left-embed http://127.0.0.1:4110/v1/embed --json
  parity retrieve --corpus jobs --conditions jobs.sql --columns title,city --text 'night nurse' --k 20

Both sides hold the same rows, and the same vector for each. The conditions that are asked without --conditions are on the
columns of the workers that `lakectl corpus workers` generates."
);

/// What is asked with unless something else is.
const TEXTS: [&str; 2] =
    ["forklift operator for a warehouse, night shift", "welder who reads blueprints, certified"];
const CONDITIONS: &str = include_str!("conditions.sql");
const COLUMNS: [&str; 6] = ["role", "state", "years", "hourly_pay", "certifications", "shift"];
/// How the right is asked, and the left where it takes texts.
const BY_TEXT: &str = "{query_text, corpus, where, columns, k} -> {columns, rows: [{id, distance, values}]}";
const BY_VECTOR: &str =
    "{query_vector, corpus, where, columns, k} -> {columns, rows: [{id, distance, values}]}";

/// Arguments of `parity retrieve`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    sides: SideArgs,
    /// The corpus, by the name that the right knows.
    #[arg(long, default_value = "workers", value_name = "NAME")]
    corpus: String,
    /// A text to search for; may be given several times.
    #[arg(long = "text", value_name = "TEXT", default_values = TEXTS)]
    texts: Vec<String>,
    /// A file of conditions: for each a line `-- case: NAME`, then one SQL expression, or nothing for all rows.
    #[arg(long, value_name = "FILE")]
    conditions: Option<PathBuf>,
    /// The columns that are asked for.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values = COLUMNS)]
    columns: Vec<String>,
    /// How many rows are asked for.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    k: u16,
    /// Where the left takes a vector in place of a text: the endpoint, of our shape, that makes it [default: it takes the text].
    #[arg(long, value_name = "URL")]
    left_embed: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Asks both sides and compares.
///
/// # Errors
/// When the arguments make no sense. A side that does not answer, or answers otherwise, is in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let shapes = [if args.left_embed.is_some() { BY_VECTOR } else { BY_TEXT }, BY_TEXT];
    let mut pair = Pair::new(&args.sides, ["/vectors/hybrid", "/v1/matrix/retrieve"], shapes)?;
    let embed = args.left_embed.as_deref().map(|url| {
        // It is ours, as the right is.
        let (token, timeout) = (&args.sides.right_token_env, Duration::from_secs(args.sides.timeout));
        Side::new(url, token.as_deref(), timeout).context("--left-embed")
    });
    let embed = embed.transpose()?;
    let conditions = match &args.conditions {
        Some(file) => fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?,
        None => CONDITIONS.to_owned(),
    };
    anyhow::ensure!(cases(&conditions).next().is_some(), "there is no line `-- case: NAME` in --conditions");
    let mut rows = Vec::new();
    let mut asked = ask(&mut pair, args, embed.as_ref(), &conditions, &mut rows).await;
    if asked.is_ok() && rows.iter().all(|row| row.is_alike && row.figure == 0.0) {
        asked = Err(Fault::Wrong("no condition gives any row: there is nothing to compare".to_owned()));
    }
    let by_vector = match embed {
        Some(embed) => format!(" The left is given the vector that {} makes of the text.", embed.url),
        None => String::new(),
    };
    let method = format!(
        "Each text with each condition, to both sides, for {} rows.{by_vector} Alike are the names of columns, the ids and their order, \
         where rows whose distances differ by at most {} may change places, the distances up to {}, and all values, computed numbers \
         from a relative difference of 1e-9 on. The figure is the number of rows. Below are the last request and the time of all of them.",
        args.k,
        compare::TIE,
        compare::TOLERANCE
    );
    Ok(Verdict::new("retrieve", now, method, pair.evidence, Findings::of_rows("questions", rows, asked)))
}

/// Asks question by question, and adds a row for each.
async fn ask(
    pair: &mut Pair,
    args: &Args,
    embed: Option<&Side>,
    conditions: &str,
    rows: &mut Vec<Row>,
) -> Result<(), Fault> {
    for text in &args.texts {
        let by_text = ("query_text", json!(text));
        let for_left = match embed {
            Some(embed) => ("query_vector", vector(embed, text).await?),
            None => by_text.clone(),
        };
        for (case, condition) in cases(conditions) {
            let [left, right] = [&for_left, &by_text].map(|query| request(args, query, condition));
            let answers = pair.post([&left, &right]).await?;
            rows.push(row(&format!("{text}: {case}"), answers.map(read)));
        }
    }
    Ok(())
}

/// What a text is to `embed`, as the right embeds it: as a query.
async fn vector(embed: &Side, text: &str) -> Result<Value, Fault> {
    let url = &embed.url;
    match embed.post(&json!({ "texts": [text], "kind": "query" })).await {
        Ok((mut answer, _)) => {
            let vector = answer.pointer_mut("/vectors/0").map(Value::take);
            vector.ok_or_else(|| Fault::Wrong(format!("{url} answered without `vectors`")))
        }
        Err(Fault::Wrong(why)) => Err(Fault::Wrong(format!("{url}: {why}"))),
        Err(Fault::Unreachable(why)) => Err(Fault::Unreachable(format!("{url} could not be reached: {why}"))),
    }
}

fn request(args: &Args, query: &(&str, Value), condition: &str) -> Value {
    let (name, value) = query;
    let mut body = json!({ "corpus": args.corpus, "columns": args.columns, "k": args.k });
    body[*name] = value.clone();
    if !condition.is_empty() {
        body["where"] = json!(condition);
    }
    body
}

fn read(answer: Result<Value, String>) -> Result<Found, String> {
    serde_json::from_value(answer?).map_err(|error| error.to_string())
}

fn row(case: &str, found: Given<Found>) -> Row {
    match found {
        [Ok(left), Ok(right)] => Row::of(case, left.len() as f64, difference(&left, &right)),
        found => Row::of_faults(case, found),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_condition_has_a_name_of_its_own_and_only_one_is_no_condition() {
        let names: BTreeSet<_> = cases(CONDITIONS).map(|(name, _)| name).collect();
        assert!(names.len() >= 12 && names.len() == cases(CONDITIONS).count(), "{names:?}");
        assert_eq!(cases(CONDITIONS).filter(|(_, condition)| condition.is_empty()).count(), 1);
    }
}
