//! Reading a judged set: NDJSON of [`JudgedQuery`], or a folder as the BEIR benchmark has them (Thakur et al. 2021).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;
use wire::playbooks::JudgedQuery;

/// A line of `queries.jsonl`.
#[derive(Deserialize)]
struct BeirQuery {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// The judged queries in `path`: a file of ours, or a folder with `queries.jsonl` and `qrels/test.tsv`.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<JudgedQuery>> {
    let judged = if path.is_dir() { read_beir(path)? } else { read_lines(path)? };
    ensure!(!judged.is_empty(), "{} has no judged query", path.display());
    Ok(judged)
}

fn read_lines<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = read_text(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("line {} of {}", at + 1, path.display()))
    };
    lines.map(parse).collect()
}

fn read_beir(folder: &Path) -> anyhow::Result<Vec<JudgedQuery>> {
    let queries: Vec<BeirQuery> = read_lines(&folder.join("queries.jsonl"))?;
    let path = folder.join("qrels/test.tsv");
    let mut relevant = BTreeMap::<String, BTreeMap<String, f64>>::new();
    // The first line names the columns: query-id, corpus-id, score.
    for (at, line) in read_text(&path)?.lines().enumerate().skip(1) {
        let mut columns = line.split('\t');
        let row = (columns.next(), columns.next(), columns.next().map(str::parse));
        let (Some(query), Some(item), Some(Ok(grade))) = row else {
            anyhow::bail!("line {} of {} is not query-id, corpus-id, score", at + 1, path.display());
        };
        relevant.entry(query.to_owned()).or_default().insert(item.to_owned(), grade);
    }
    let judged = queries.into_iter().filter_map(|query| {
        let relevant = relevant.remove(&query.id)?;
        Some(JudgedQuery { query_text: query.text, role: None, relevant })
    });
    Ok(judged.collect())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_as_beir_has_them_is_read_and_queries_without_judgement_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("qrels")).unwrap();
        let queries = "{\"_id\":\"a\",\"text\":\"welder\"}\n{\"_id\":\"b\",\"text\":\"porter\"}\n";
        fs::write(folder.path().join("queries.jsonl"), queries).unwrap();
        let qrels = "query-id\tcorpus-id\tscore\na\t51-4121.00\t1\na\t51-4122.00\t2\n";
        fs::write(folder.path().join("qrels/test.tsv"), qrels).unwrap();
        let relevant = BTreeMap::from([("51-4121.00".to_owned(), 1.0), ("51-4122.00".to_owned(), 2.0)]);
        let expected = JudgedQuery { query_text: "welder".into(), role: None, relevant };
        assert_eq!(read(folder.path()).unwrap(), [expected]);
    }

    #[test]
    fn line_that_is_no_judged_query_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "\n{\"query_text\":\"welder\"}\n").unwrap();
        let error = format!("{:#}", read(file.path()).unwrap_err());
        assert!(error.contains("line 2 of") && error.contains("relevant"), "{error}");
    }
}
