//! A run: all stages over one input, as the files that it leaves.

use std::collections::BTreeMap;

use crate::export::export;
use crate::lines::{content, lines};
use crate::{
    Collect, Evidence, Exports, FileSum, Gathered, Inputs, Metrics, PIPELINE, Receipt, Scored, Verdict,
    gather,
};

/// Names of a run's files, below its folder.
pub mod files {
    /// The events that went in.
    pub const EVENTS: &str = "inputs/events.jsonl";
    /// The pathways that went in.
    pub const PATHWAYS: &str = "inputs/pathways.jsonl";
    /// The playbooks that went in.
    pub const PLAYBOOKS: &str = "inputs/playbooks.jsonl";
    /// The searches to be replayed.
    pub const SEARCHES: &str = "inputs/searches.jsonl";
    /// All evidence (p2): [`Evidence`](crate::Evidence).
    pub const EVIDENCE: &str = "evidence.jsonl";
    /// Records that are no evidence (p2): [`Skip`](crate::Skip).
    pub const SKIPS: &str = "skips.jsonl";
    /// Verdicts (p3): [`Scored`](crate::Scored).
    pub const VERDICTS: &str = "verdicts.jsonl";
    /// For retrieval (p4): [`RetrievalRow`](crate::RetrievalRow).
    pub const RETRIEVAL: &str = "exports/retrieval.jsonl";
    /// For fine-tuning (p4): [`FineTuningRow`](crate::FineTuningRow).
    pub const FINE_TUNING: &str = "exports/fine_tuning.jsonl";
    /// For preference training (p4): [`PreferencePair`](crate::PreferencePair).
    pub const PREFERENCES: &str = "exports/preferences.jsonl";
    /// What is in no export (p4): [`Quarantined`](crate::Quarantined).
    pub const QUARANTINE: &str = "quarantine.jsonl";
    /// [`Receipt`](crate::Receipt).
    pub const RECEIPT: &str = "receipt.json";
    /// [`Summary`](crate::Summary).
    pub const SUMMARY: &str = "summary.json";
}

/// What went in and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What became of the records.
    pub collect: Collect,
    /// Sums and counts.
    pub receipt: Receipt,
    /// All evidence, by id.
    pub evidence: Vec<Evidence>,
    /// What the files of the receipt hold.
    pub contents: BTreeMap<&'static str, String>,
}

/// Runs all stages. The same records in another order give the same bytes.
///
/// # Errors
/// When a row cannot be written as JSON.
pub fn distil(inputs: Inputs) -> Result<Run, serde_json::Error> {
    let inputs = inputs.sorted();
    let Gathered { evidence, skips, same_record } = gather(&inputs)?;
    let scored: Vec<Scored> = evidence.iter().map(Scored::of).collect();
    let exports = export(&evidence, &scored)?;
    let collect = Collect {
        records_in: inputs.records(),
        records_out: evidence.len() as u64,
        skips: skips.len() as u64,
        same_record,
    };
    let metrics = metrics(&collect, &scored, &exports);
    let Inputs { events, pathways, playbooks, searches } = &inputs;
    let contents = BTreeMap::from([
        (files::EVENTS, content(events)),
        (files::PATHWAYS, content(pathways)),
        (files::PLAYBOOKS, content(playbooks)),
        (files::SEARCHES, content(searches)),
        (files::EVIDENCE, content(&lines(&evidence)?)),
        (files::SKIPS, content(&lines(&skips)?)),
        (files::VERDICTS, content(&lines(&scored)?)),
        (files::RETRIEVAL, content(&exports.retrieval)),
        (files::FINE_TUNING, content(&exports.fine_tuning)),
        (files::PREFERENCES, content(&exports.preferences)),
        (files::QUARANTINE, content(&lines(&exports.quarantine)?)),
    ]);
    let receipt = receipt(&contents, metrics);
    Ok(Run { collect, receipt, evidence, contents })
}

fn metrics(collect: &Collect, scored: &[Scored], exports: &Exports) -> Metrics {
    let of = |verdict| scored.iter().filter(|scored| scored.verdict == verdict).count() as u64;
    Metrics::new([
        collect.records_out,
        collect.skips,
        of(Verdict::Accepted),
        of(Verdict::Partial),
        of(Verdict::Rejected),
        of(Verdict::Human),
        exports.retrieval.len() as u64,
        exports.fine_tuning.len() as u64,
        exports.preferences.len() as u64,
        exports.quarantine.len() as u64,
    ])
}

fn receipt(contents: &BTreeMap<&'static str, String>, metrics: Metrics) -> Receipt {
    let sums = |is_input: bool| {
        let files = contents.iter().filter(|(name, _)| name.starts_with("inputs/") == is_input);
        files.map(|(name, content)| ((*name).to_owned(), FileSum::of(content.as_bytes()))).collect()
    };
    Receipt {
        pipeline: PIPELINE,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        inputs: sums(true),
        outputs: sums(false),
        metrics,
    }
}
