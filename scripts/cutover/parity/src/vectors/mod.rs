//! The same vectors to two vector-search endpoints; what they find is held against exact search.

mod recall;

use std::path::{Path, PathBuf};

use bench_kit::progress::Progress;
use jiff::Zoned;
use serde_json::{Value, json};
use wire::packed::pack;

use crate::cli::{examples, share};
use crate::{Fault, Findings, Output, Pair, Row, SideArgs, Verdict};
use recall::{Exact, Tally};

const EXAMPLES: &str = examples!(
    "  parity vectors --index words --queries query_1k_100d_f16.npy --truth groundtruth_cosine_top100_i32.npy
  parity vectors --index workers --queries q.npy --truth truth.npy --base base.npy --k 10 --bar 0.98 --json
  parity vectors --index words --queries q.npy --truth truth.npy --left http://127.0.0.1:4110/vectors/search

Both sides hold the vectors of one file, each under the number of its row, counted from 0, as the id."
);

/// Both sides are asked, and answer, like this.
const SHAPE: &str = "{index, vector_b64, k, ef} -> {results: [{id}]}";

/// Arguments of `parity vectors`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    sides: SideArgs,
    /// The index, by the name that both know.
    #[arg(long, value_name = "NAME")]
    index: String,
    /// What is searched for: a .npy of f16, `[queries, dimension]`.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// What exact search finds for each, nearest first: a .npy of int32, `[queries, k or more]`.
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// The vectors that are searched, a .npy of f16: with it, what is as near as the last of the exact ones counts as found too.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// How many are asked for.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    k: u16,
    /// How many candidates a search keeps, where an interface knows that. Default: as the sides have it.
    #[arg(long, value_name = "CANDIDATES")]
    ef: Option<u16>,
    /// The recall that the right must reach.
    #[arg(long, default_value_t = 0.98, value_name = "RECALL", value_parser = share)]
    bar: f64,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Asks both sides and compares.
///
/// # Errors
/// When the arguments make no sense. A side that does not answer, or answers otherwise, is in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let mut pair = Pair::new(&args.sides, ["/vectors/search", "/v1/vectors/search"], [SHAPE; 2])?;
    let exact = Exact::read(&args.queries, &args.truth, args.base.as_deref(), usize::from(args.k))?;
    let findings = match ask(&mut pair, args, &exact).await {
        Ok(tally) => judge(&tally, args),
        Err(fault) => Findings::ended(fault, Vec::new()),
    };
    let duplicates =
        if args.base.is_some() { ", or others that are as near as the last of them" } else { "" };
    let ef = args.ef.map_or(String::new(), |ef| format!(" with ef {ef}"));
    let method = format!(
        "The {} vectors of {}, each to both sides, which are asked for the {k} nearest{ef}. Recall is the share of the {k} that exact search \
         finds{duplicates}. It is alike from a recall of the right of {} on, whatever the left's; the figure is that recall. Below are \
         the last request and the time of all of them.",
        exact.queries().len(),
        file_name(&args.queries),
        args.bar,
        k = args.k
    );
    Ok(Verdict::new("vectors", now, method, pair.evidence, findings))
}

/// Asks for each query, and counts what both find.
async fn ask(pair: &mut Pair, Args { index, ef, .. }: &Args, exact: &Exact) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    let progress = Progress::new(exact.queries().len(), "queries");
    for query in exact.queries() {
        progress.begin(index);
        let request = json!({ "index": index, "vector_b64": pack(query), "k": exact.k(), "ef": ef });
        let [left, right] = pair.post([&request; 2]).await?;
        tally.add(exact, &[found("left", left)?, found("right", right)?]);
        progress.end(1);
    }
    Ok(tally)
}

fn found(side: &str, answer: Result<Value, String>) -> Result<Vec<u32>, Fault> {
    let ids = answer.and_then(|answer| ids(&answer));
    ids.map_err(|why| Fault::Wrong(format!("the {side}: {why}")))
}

/// The ids of an answer, which are numbers of rows, nearest first.
fn ids(answer: &Value) -> Result<Vec<u32>, String> {
    let results = answer["results"].as_array().ok_or("there is no list `results` in the answer")?;
    results.iter().map(id).collect()
}

fn id(hit: &Value) -> Result<u32, String> {
    let id = hit["id"].as_str().ok_or("a result has no text `id`")?;
    id.parse().map_err(|_| format!("the id {id:?} is not the number of a row"))
}

fn judge(tally: &Tally, args: &Args) -> Findings {
    let (k, bar) = (args.k, args.bar);
    let [left, right] = tally.recalls();
    let overlap = tally.overlap();
    let row = Row {
        case: args.index.clone(),
        figure: right,
        is_alike: right >= bar,
        evidence: json!({
            "queries": tally.queries(),
            "recall": { "left": left, "right": right },
            "overlap": overlap,
            "worst of the right": tally.worst(),
        }),
    };
    let cause =
        (!row.is_alike).then(|| format!("recall@{k} of the right is {right:.5}, and {bar} is asked for"));
    let remarks = vec![
        format!("recall@{k} of the left is {left:.5}."),
        format!("Of what one side finds, the other finds {overlap:.5} too."),
    ];
    Findings::of(&Vec::from_iter(cause), vec![row], remarks)
}

/// Without its folder, which is of no use to a reader on another machine.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
