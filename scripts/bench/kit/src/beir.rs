//! A retrieval test in a folder as the BEIR benchmark has them (Thakur et al., 2021): `corpus.jsonl`, `queries.jsonl`,
//! `qrels/test.tsv`.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

/// A document to find, or a query.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    /// What judgements call it.
    #[serde(rename = "_id")]
    pub id: String,
    /// Empty for queries.
    #[serde(default)]
    pub title: String,
    /// What it says.
    pub text: String,
}

/// That a document is right for a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The id of the query.
    pub query: String,
    /// The id of the document.
    pub document: String,
    /// How right: the more, the better.
    pub grade: f64,
}

/// The documents of the test in `folder`.
///
/// # Errors
/// When the file is not there, or a line is no item: names the file.
pub fn documents(folder: &Path) -> anyhow::Result<Vec<Item>> {
    items(&folder.join("corpus.jsonl"))
}

/// Its queries, likewise.
///
/// # Errors
/// As [`documents`].
pub fn queries(folder: &Path) -> anyhow::Result<Vec<Item>> {
    items(&folder.join("queries.jsonl"))
}

/// What is right for what.
///
/// # Errors
/// When the file is not there, or a line has not three columns of which the last is a number.
pub fn judgements(folder: &Path) -> anyhow::Result<Vec<Judgement>> {
    let text = read(&folder.join("qrels/test.tsv"))?;
    // The first line names the columns.
    text.lines().skip(1).map(judgement).collect()
}

fn judgement(line: &str) -> anyhow::Result<Judgement> {
    let [query, document, grade] = line.split('\t').collect::<Vec<_>>()[..] else {
        bail!("qrels: {line:?} has not three columns");
    };
    let grade = grade.parse().with_context(|| format!("qrels: {grade:?} in {line:?} is no number"))?;
    Ok(Judgement { query: query.to_owned(), document: document.to_owned(), grade })
}

fn items(path: &Path) -> anyhow::Result<Vec<Item>> {
    let text = read(path)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| path.display().to_string())).collect()
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_is_read_as_it_stands_and_what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("qrels")).unwrap();
        write("corpus.jsonl", "{\"_id\": \"d\", \"title\": \"t\", \"text\": \"x\"}\n");
        write("queries.jsonl", "{\"_id\": \"q\", \"text\": \"y\"}\n");
        write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td\t2\n");
        assert_eq!(documents(folder.path()).unwrap()[0].title, "t");
        assert_eq!(queries(folder.path()).unwrap()[0].title, "");
        let right = Judgement { query: "q".into(), document: "d".into(), grade: 2.0 };
        assert_eq!(judgements(folder.path()).unwrap(), [right]);

        write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td\n");
        assert!(judgements(folder.path()).unwrap_err().to_string().contains("three columns"));
        fs::remove_file(folder.path().join("queries.jsonl")).unwrap();
        assert!(queries(folder.path()).unwrap_err().to_string().contains("queries.jsonl"));
    }
}
