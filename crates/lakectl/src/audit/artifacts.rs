//! Phases 2 to 5: whether what a run has left is what it should be. Each check says what it has seen, or what is wrong.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use distillation::{
    Evidence, FineTuningRow, PreferencePair, Quarantined, RetrievalRow, RunFolder, Scored, Skip, Unfit,
    Verdict, distil, files, stopped_by,
};
use serde_json::Value;

use super::check;

/// One check of a run.
type Look = fn(&RunFolder) -> anyhow::Result<String>;

/// All of them, in the order of the phases.
pub(super) const CHECKS: [(&str, Look); 7] = [
    (check::EVIDENCE_COUNTED, evidence_counted),
    (check::RECORDS_ACCOUNTED_FOR, records_accounted_for),
    (check::VERDICTS_FOLLOW_THE_RULES, verdicts_follow_the_rules),
    (check::EXPORTS_TELL_NOBODYS_NUMBER, exports_tell_nobodys_number),
    (check::UNFIT_ROWS_STAY_OUT, unfit_rows_stay_out),
    (check::RECEIPT_MATCHES_FILES, receipt_matches_files),
    (check::RERUN_GIVES_THE_SAME_BYTES, rerun_gives_the_same_bytes),
];

fn evidence_counted(folder: &RunFolder) -> anyhow::Result<String> {
    let rows = folder.rows::<Evidence>(files::EVIDENCE)?.len() as u64;
    let (metric, told) = (metric(folder, "p2_evidence_rows")?, folder.summary()?.collect.records_out);
    ensure!(
        rows == metric && rows == told,
        "{rows} rows of evidence, p2_evidence_rows is {metric}, collect.records_out {told}"
    );
    Ok(format!("{rows} rows of evidence, as p2_evidence_rows and collect.records_out say"))
}

fn records_accounted_for(folder: &RunFolder) -> anyhow::Result<String> {
    let collect = folder.summary()?.collect;
    ensure!(collect.adds_up(), "the summary does not add up: {collect:?}");
    let skips = folder.rows::<Skip>(files::SKIPS)?.len() as u64;
    ensure!(skips == collect.skips, "{skips} skips are named, {} counted", collect.skips);
    let records = folder.inputs()?.records();
    ensure!(records == collect.records_in, "{records} records are kept, {} were read", collect.records_in);
    for row in folder.rows::<Evidence>(files::EVIDENCE)? {
        ensure!(row.content_id()? == row.id, "row {} has the id of another content", row.id);
    }
    let same = collect.same_record;
    Ok(format!("{records} records: {} rows, {skips} skips, {same} there already", collect.records_out))
}

fn verdicts_follow_the_rules(folder: &RunFolder) -> anyhow::Result<String> {
    let evidence: Vec<Evidence> = folder.rows(files::EVIDENCE)?;
    let scored: Vec<Scored> = folder.rows(files::VERDICTS)?;
    ensure!(evidence.len() == scored.len(), "{} rows, {} verdicts", evidence.len(), scored.len());
    for (row, scored) in evidence.iter().zip(&scored) {
        ensure!(Scored::of(row) == *scored, "row {} is judged {scored:?}, not as the rules say", row.id);
    }
    let mut seen = Vec::new();
    for (verdict, name) in [
        (Verdict::Accepted, "p3_accepted"),
        (Verdict::Partial, "p3_partial"),
        (Verdict::Rejected, "p3_rejected"),
        (Verdict::Human, "p3_human"),
    ] {
        let count = scored.iter().filter(|scored| scored.verdict == verdict).count() as u64;
        let metric = metric(folder, name)?;
        ensure!(count == metric, "{count} verdicts, {name} is {metric}");
        seen.push(format!("{name} {count}"));
    }
    Ok(seen.join(", "))
}

fn exports_tell_nobodys_number(folder: &RunFolder) -> anyhow::Result<String> {
    let mut texts = 0;
    for file in [files::RETRIEVAL, files::FINE_TUNING, files::PREFERENCES, files::QUARANTINE, files::EVIDENCE]
    {
        for (at, row) in folder.rows::<Value>(file)?.iter().enumerate() {
            let mut broken = BTreeSet::new();
            texts += look_into(row, &mut broken);
            ensure!(broken.is_empty(), "line {} of {file} breaks {broken:?}", at + 1);
        }
    }
    Ok(format!("{texts} texts, none holds what the validators stop"))
}

/// Judges every text of a row, and counts them.
fn look_into(value: &Value, broken: &mut BTreeSet<String>) -> u64 {
    match value {
        Value::String(text) => {
            broken.extend(stopped_by(text));
            1
        }
        Value::Array(values) => values.iter().map(|value| look_into(value, broken)).sum(),
        Value::Object(map) => map.values().map(|value| look_into(value, broken)).sum(),
        _ => 0,
    }
}

fn unfit_rows_stay_out(folder: &RunFolder) -> anyhow::Result<String> {
    let evidence: Vec<Evidence> = folder.rows(files::EVIDENCE)?;
    let quarantine: Vec<Quarantined> = folder.rows(files::QUARANTINE)?;
    let retrieval: Vec<RetrievalRow> = folder.rows(files::RETRIEVAL)?;
    let tuning: Vec<FineTuningRow> = folder.rows(files::FINE_TUNING)?;
    let pairs: Vec<PreferencePair> = folder.rows(files::PREFERENCES)?;
    for (name, rows) in [
        ("p4_total_quarantined", quarantine.len()),
        ("p4_rag_rows", retrieval.len()),
        ("p4_sft_rows", tuning.len()),
        ("p4_pref_pairs", pairs.len()),
    ] {
        let metric = metric(folder, name)?;
        ensure!(rows as u64 == metric, "{rows} rows, {name} is {metric}");
    }
    let out: BTreeSet<&str> = quarantine.iter().map(|row| row.id.as_str()).collect();
    for row in evidence.iter().filter(|row| !row.leaks.is_empty()) {
        let is_out = quarantine.iter().any(|out| out.id == row.id && out.reason == Unfit::Pii);
        ensure!(is_out, "row {} breaks {:?} and is not in quarantine for it", row.id, row.leaks);
    }
    let worked = |row: &&Evidence| matches!(Scored::of(row).verdict, Verdict::Accepted | Verdict::Partial);
    let fit = evidence.iter().filter(worked).map(|row| row.id.as_str()).filter(|id| !out.contains(id));
    let fit: BTreeSet<&str> = fit.collect();
    let exported: BTreeSet<&str> = retrieval.iter().map(|row| row.id.as_str()).collect();
    let odd = fit.symmetric_difference(&exported).next();
    ensure!(
        odd.is_none(),
        "row {} is exported and should not be, or should be and is not",
        odd.unwrap_or(&"")
    );
    let prompts: BTreeSet<String> =
        evidence.iter().filter(|row| fit.contains(row.id.as_str())).map(Evidence::prompt).collect();
    let asked =
        tuning.iter().map(|row| &row.messages[0].content).chain(pairs.iter().map(|pair| &pair.prompt));
    for prompt in asked {
        ensure!(prompts.contains(prompt), "an export asks what no fit row asks: {prompt:?}");
    }
    Ok(format!(
        "{} for retrieval, {} for fine-tuning, {} pairs, {} in quarantine",
        retrieval.len(),
        tuning.len(),
        pairs.len(),
        quarantine.len()
    ))
}

fn receipt_matches_files(folder: &RunFolder) -> anyhow::Result<String> {
    let differences = folder.differences()?;
    ensure!(differences.is_empty(), "{}", differences.join("; "));
    let receipt = folder.receipt()?;
    Ok(format!("{} files have their sums", receipt.inputs.len() + receipt.outputs.len()))
}

fn rerun_gives_the_same_bytes(folder: &RunFolder) -> anyhow::Result<String> {
    let again = distil(folder.inputs()?)?;
    for (name, content) in &again.contents {
        ensure!(folder.text(name)? == *content, "{name} differs from what the stages make of the inputs now");
    }
    ensure!(
        again.receipt == folder.receipt()?,
        "the receipt differs from the one of a run over the same inputs"
    );
    Ok(format!("{} files are the same again", again.contents.len()))
}

fn metric(folder: &RunFolder, name: &str) -> anyhow::Result<u64> {
    let metrics = folder.receipt()?.metrics;
    let count = metrics.iter().find(|(known, _)| *known == name).and_then(|(_, count)| count);
    count.with_context(|| format!("the receipt has no {name}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use distillation::{About, Inputs};
    use serde_json::json;

    use super::*;

    /// A run with a planted number, a duplicate and a pair.
    fn run(kb: &Path) -> RunFolder {
        let playbook = |n: usize, query: &str, answer: &str, score: f64| {
            json!({"playbook_id": format!("p{n}"), "query_text": query, "corpus": "workers", "answer_id": answer,
                   "score": score, "recorded_at": "2026-11-26T10:00:00Z"})
            .to_string()
        };
        let query = "forklift operator, nights";
        let playbooks = vec![
            playbook(1, query, "000116", 1.0),
            playbook(2, query, "000116", 1.0),
            playbook(3, query, "000117", 0.0),
            playbook(4, "take 123-45-6789 along", "000118", 1.0),
        ];
        let inputs = Inputs { playbooks, events: vec!["no event".into()], ..Inputs::default() };
        RunFolder::create(kb, &distil(inputs).unwrap(), About::default()).unwrap()
    }

    fn failed(folder: &RunFolder) -> Vec<&'static str> {
        CHECKS.iter().filter(|(_, look)| look(folder).is_err()).map(|(name, _)| *name).collect()
    }

    #[test]
    fn run_as_it_was_left_passes() {
        let kb = tempfile::tempdir().unwrap();
        let folder = run(kb.path());
        for (name, look) in CHECKS {
            look(&folder).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    #[test]
    fn each_check_sees_the_damage_that_it_is_for() {
        let change = |file: &str, from: &str, to: &str| {
            let kb = tempfile::tempdir().unwrap();
            let folder = run(kb.path());
            let before = folder.text(file).unwrap();
            assert!(before.contains(from), "{file}: {before}");
            fs::write(folder.path().join(file), before.replacen(from, to, 1)).unwrap();
            failed(&folder)
        };
        let sees = |found: Vec<&str>, name: &str| assert!(found.contains(&name), "{name} not in {found:?}");
        sees(change(files::SUMMARY, "\"records_out\": 4", "\"records_out\": 5"), check::EVIDENCE_COUNTED);
        sees(change(files::SUMMARY, "\"skips\": 1", "\"skips\": 0"), check::RECORDS_ACCOUNTED_FOR);
        sees(change(files::EVIDENCE, "\"score\":0.0", "\"score\":0.1"), check::RECORDS_ACCOUNTED_FOR);
        sees(change(files::VERDICTS, "\"accepted\"", "\"human\""), check::VERDICTS_FOLLOW_THE_RULES);
        sees(change(files::RETRIEVAL, "nights", "SSN 123-45-6789"), check::EXPORTS_TELL_NOBODYS_NUMBER);
        sees(change(files::QUARANTINE, "\"pii\"", "\"duplicate\""), check::UNFIT_ROWS_STAY_OUT);
        sees(change(files::PREFERENCES, "forklift", "welder"), check::UNFIT_ROWS_STAY_OUT);
        sees(change(files::PREFERENCES, "000117", "000118"), check::RECEIPT_MATCHES_FILES);
        sees(change(files::PLAYBOOKS, "000117", "000119"), check::RERUN_GIVES_THE_SAME_BYTES);
    }
}
