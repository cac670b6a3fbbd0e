//! The retrieve probe: exact search by DuckDB and numpy, and our stack, over the same rows and vectors.

use std::fs;

use axum::http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, PeerServer, Stack};
use wire::DaemonName;
use wire::packed::pack;

use crate::support::{NOWHERE, answering, numbers, probe, write_npy};

const ROWS: usize = 200;
/// The table and the corpus that matrixd knows unless it is told otherwise.
const TABLE: &str = "staffing.workers";
const CORPUS: &str = "workers";
const HEADER: &str = "worker_id,role,state,years,shift,certifications,hourly_pay,reliability\n";

/// Rows as lakectl generates them, but for values that are null.
fn csv() -> String {
    let pick = |list: &'static [&'static str], n: usize| list[n % list.len()];
    let row = |n: usize| {
        let role =
            pick(&["Forklift Operator", "Welder", "Machine Operator", "O'Neil's \"Picker\", nights"], n);
        let years = if n.is_multiple_of(6) { String::new() } else { (n % 23).to_string() };
        format!(
            "{n:06},\"{}\",{},{years},{},{},{:.2},{:.3}\n",
            role.replace('"', "\"\""),
            pick(&["TX", "OH", "", "CA", "ME"], n),
            pick(&["day", "night", "evening"], n),
            pick(&["none", "OSHA 10", "", "forklift"], n / 3),
            15.0 + (n % 47) as f64 / 4.0,
            0.5 + (n % 101) as f64 / 202.0
        )
    };
    (1..=ROWS).fold(HEADER.to_owned(), |csv, n| csv + &row(n))
}

async fn add(vectord: &Http, items: &[Value]) {
    let body = json!({ "items": items });
    vectord.post(&format!("/vectors/index/{CORPUS}/add"), &body).expect(200).await.unwrap();
}

#[tokio::test]
async fn exact_search_and_we_give_the_same_rows_and_another_vector_is_a_difference() {
    let daemons = [
        DaemonName::Catalogd,
        DaemonName::Ingestd,
        DaemonName::Queryd,
        DaemonName::Embedd,
        DaemonName::Vectord,
        DaemonName::Matrixd,
    ];
    let stack = Stack::of(&daemons).start().await.unwrap();
    let ingestd = stack.http(DaemonName::Ingestd).unwrap();
    let ingest = ingestd.call(Method::POST, &format!("/ingest?table={TABLE}&mode=create"));
    ingest.body("text/csv", csv()).expect(200).await.unwrap();
    let embedd = stack.http(DaemonName::Embedd).unwrap();
    let embedded = embedd.post("/embed", &json!({ "texts": ["welder"] })).expect(200).await.unwrap();
    let dimension = usize::try_from(embedded["dimension"].as_u64().unwrap()).unwrap();
    let vectors: Vec<f32> = numbers(1).take(ROWS * dimension).collect();
    let vectord = stack.http(DaemonName::Vectord).unwrap();
    let index = json!({ "name": CORPUS, "dimension": dimension });
    vectord.post("/vectors/index", &index).expect(201).await.unwrap();
    let items = vectors.chunks_exact(dimension).zip(1..);
    let items = items.map(|(vector, n)| json!({ "id": format!("{n:06}"), "vector_b64": pack(vector) }));
    add(&vectord, &items.collect::<Vec<_>>()).await;

    let folder = tempfile::tempdir().unwrap();
    let [rows, matrix] = ["workers.csv", "vectors.npy"].map(|name| folder.path().join(name));
    fs::write(&rows, csv()).unwrap();
    write_npy(&matrix, "<f4", dimension, vectors.iter().map(|x| x.to_le_bytes()));
    let exact = PeerServer::exact_retrieve(&rows, "worker_id", &matrix).await.unwrap();
    let ours = stack.http(DaemonName::Matrixd).unwrap().url("/matrix/retrieve");
    let embed = embedd.url("/embed");
    let arguments = ["--left-embed", embed.as_str()];

    let (status, verdict) = probe("retrieve", [exact.url(), &ours], folder.path(), &arguments).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    let rows = verdict["rows"].as_array().unwrap();
    let figures: Vec<f64> = rows.iter().map(|row| row["figure"].as_f64().unwrap()).collect();
    assert!(figures.len() >= 24 && figures.contains(&0.0), "{figures:?}");
    assert!(figures.iter().filter(|figure| **figure == 10.0).count() >= 10, "{figures:?}");
    let has_nulls =
        |row: &Value| row["figure"] != 0.0 && row["case"].as_str().unwrap().ends_with("only nulls");
    assert!(rows.iter().any(has_nulls), "{verdict:#}");

    // The opposite of what it was.
    let turned: Vec<f32> = vectors[2 * dimension..3 * dimension].iter().map(|x| -x).collect();
    add(&vectord, &[json!({ "id": "000003", "vector_b64": pack(&turned) })]).await;
    let (status, verdict) = probe("retrieve", [exact.url(), &ours], folder.path(), &arguments).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().ends_with("questions differ"), "{verdict:#}");
}

#[tokio::test]
async fn rows_are_not_compared_with_nobody_and_no_rows_at_all_are_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let empty = answering(StatusCode::OK, json!({ "columns": ["role"], "rows": [] })).await;
    let embed = format!("{NOWHERE}/embed");
    for (right, arguments) in [(NOWHERE, &[][..]), (empty.as_str(), &["--left-embed", embed.as_str()][..])] {
        let (status, verdict) = probe("retrieve", [&empty, right], folder.path(), arguments).await;
        assert_eq!((status, &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
        assert!(verdict["cause"].as_str().unwrap().contains(NOWHERE), "{verdict:#}");
    }
    let (status, verdict) = probe("retrieve", [&empty, &empty], folder.path(), &[]).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().contains("nothing to compare"), "{verdict:#}");
}
