//! `lakectl playbooks evaluate`: uplift and harm over a judged set.

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use playbook::{Comparison, compare};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use wire::playbooks::{EvaluateRequest, JudgedQuery, Policy, Quality};

use super::{PATIENCE, judged};
use crate::output;
use crate::session::Session;

/// Queries of one request: each is answered before the next is sent, so that the bar moves.
const QUERIES_PER_REQUEST: usize = 500;

/// Arguments of `lakectl playbooks evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lakectl playbooks evaluate judged.ndjson --corpus workers\n  \
                        lakectl playbooks evaluate beir-folder --corpus occupations --policy evidence --json\n\n\
                        A line of NDJSON: {\"query_text\": \"forklift nights\", \"relevant\": {\"000123\": 1}}")]
pub(super) struct Args {
    /// NDJSON with a judged query on each line, or a folder with `queries.jsonl` and `qrels/test.tsv`.
    judged: PathBuf,
    /// The corpus to search.
    #[arg(long)]
    corpus: String,
    /// The policy to judge; the configured one if absent.
    #[arg(long)]
    policy: Option<PolicyName>,
    /// How deep results are judged.
    #[arg(long, default_value_t = 10)]
    depth: usize,
    /// Bootstrap samples behind the interval.
    #[arg(long, default_value_t = 2000)]
    resamples: usize,
    /// The same seed draws the same samples.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PolicyName {
    Direct,
    Evidence,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Direct => Self::Direct,
            PolicyName::Evidence => Self::Evidence,
        }
    }
}

pub(super) async fn run(session: &Session, args: &Args, as_json: bool) -> anyhow::Result<()> {
    let judged = judged::read(&args.judged)?;
    let bar = output::bar(judged.len() as u64, "queries");
    let (mut pairs, mut skipped, mut policy) = (Vec::new(), 0, None);
    for batch in judged.chunks(QUERIES_PER_REQUEST) {
        // A batch in which nothing can be judged is no request.
        if batch.iter().any(|judged| judged.relevant.values().any(|grade| *grade > 0.0)) {
            let request = request(args, batch);
            let answer = session.peers.matrixd().evaluate(&session.call(PATIENCE), &request).await?;
            policy = Some(answer.policy);
            skipped += answer.skipped;
            let each = answer.each.context("matrixd left out the figures of each query")?;
            pairs.extend(each.into_iter().flatten().map(|pair| (pair.cold, pair.warm)));
        } else {
            skipped += batch.len();
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let comparison = compare(&pairs, args.resamples, |below| rng.random_range(0..below));
    let comparison = comparison.context("no query has a relevant answer")?;
    if as_json { print_json(args, policy, &comparison, skipped) } else { print(policy, &comparison, skipped) }
}

fn request(args: &Args, batch: &[JudgedQuery]) -> EvaluateRequest {
    EvaluateRequest {
        corpus: args.corpus.clone(),
        judged: batch.to_vec(),
        depth: args.depth,
        policy: args.policy.map(Policy::from),
        // The interval is over all batches, and made here.
        resamples: 0,
        seed: args.seed,
        each: true,
    }
}

fn print(policy: Option<Policy>, comparison: &Comparison, skipped: usize) -> anyhow::Result<()> {
    let Comparison { queries, cold, warm, uplift, uplift_95: [low, high], helped, harmed } = comparison;
    let row = |name: &str, of: fn(&Quality) -> f64| {
        let (cold, warm) = (of(cold), of(warm));
        vec![name.to_owned(), format!("{cold:.4}"), format!("{warm:.4}"), format!("{:+.4}", warm - cold)]
    };
    let rows = vec![
        row("nDCG", |quality| quality.ndcg),
        row("MRR", |quality| quality.reciprocal_rank),
        row("recall", |quality| quality.recall),
    ];
    output::line(output::table(&["", "cold", "warm", "uplift"], rows, &[1, 2, 3]).to_string())?;
    let policy = policy.map_or_else(String::new, |policy| format!(", policy {policy:?}").to_lowercase());
    output::line(format!(
        "{queries} queries{policy}; uplift in nDCG {uplift:+.4}, 95% interval {low:+.4} to {high:+.4}\n\
         better {:.2}%, worse {:.2}% (the harm rate)",
        helped * 100.0,
        harmed * 100.0
    ))?;
    if skipped > 0 {
        output::line(format!("{skipped} queries have no relevant answer and were not judged"))?;
    }
    Ok(())
}

fn print_json(
    args: &Args,
    policy: Option<Policy>,
    comparison: &Comparison,
    skipped: usize,
) -> anyhow::Result<()> {
    output::json(&json!({
        "corpus": args.corpus,
        "policy": policy,
        "depth": args.depth,
        "queries": comparison.queries,
        "skipped": skipped,
        "cold": comparison.cold,
        "warm": comparison.warm,
        "uplift": comparison.uplift,
        "uplift_95": comparison.uplift_95,
        "help_rate": comparison.helped,
        "harm_rate": comparison.harmed,
    }))
}
