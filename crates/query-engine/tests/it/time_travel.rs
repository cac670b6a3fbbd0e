//! Snapshots of the past.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use lake::TableUpdate;
use query_engine::Error;
use serde_json::json;

use crate::fixture::Lake;

async fn append(lake: &Lake, id: i64) -> i64 {
    let batch = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![id])) as _)]).unwrap();
    lake.append("hr.people", &batch).await;
    lake.version("hr.people").metadata.current_snapshot_id().unwrap()
}

fn counted(rows: u32) -> String {
    format!("+---+\n| n |\n+---+\n| {rows} |\n+---+")
}

#[tokio::test]
async fn each_snapshot_is_read_by_its_id_and_by_its_time_also_beside_the_current_one() {
    let lake = Lake::new();
    let first = append(&lake, 1).await;
    append(&lake, 2).await;
    let sql = format!("SELECT count(*) AS n FROM hr.people FOR VERSION AS OF {first}");
    assert_eq!(lake.shown(&sql).await, counted(1));
    let history = lake.version("hr.people").metadata.history().to_vec();
    let then = jiff::Timestamp::from_millisecond(history[1].timestamp_ms).unwrap();
    let sql = format!("SELECT count(*) AS n FROM hr.people FOR TIMESTAMP AS OF '{then}' AS p");
    assert_eq!(lake.shown(&sql).await, counted(2));
    let sql = format!(
        "SELECT count(*) AS n FROM hr.people p JOIN hr.people VERSION AS OF {first} AS old ON p.id = old.id"
    );
    assert_eq!(lake.shown(&sql).await, counted(1));
    let rows = lake.query(&sql).await.unwrap();
    let read: Vec<String> = rows.snapshots.iter().map(|read| read.table.to_string()).collect();
    assert_eq!(read, ["hr.people", "hr.people"]);
    assert!(rows.snapshots.iter().any(|read| read.snapshot_id == Some(first)));
    let sql = format!("SELECT count(people.id) AS n FROM hr.people FOR VERSION AS OF {first}");
    assert_eq!(lake.shown(&sql).await, counted(1), "columns are still those of people");
}

#[tokio::test]
async fn past_has_the_columns_of_the_past() {
    let lake = Lake::new();
    let first = append(&lake, 1).await;
    let current = lake.version("hr.people");
    let updates: Vec<TableUpdate> = serde_json::from_value(json!([
        {"action": "add-schema", "schema": {"type": "struct", "schema-id": 1, "fields": [
            {"id": 1, "name": "number", "required": true, "type": "long"},
            {"id": 2, "name": "name", "required": false, "type": "string"}]}},
        {"action": "set-current-schema", "schema-id": -1},
    ]))
    .unwrap();
    lake.replace("hr.people", lake::commit(&lake.warehouse, &current, &[], updates).unwrap());
    assert_eq!(lake.shown("SELECT count(number) - count(name) AS n FROM hr.people").await, counted(1));
    let past = format!("FROM hr.people FOR VERSION AS OF {first}");
    assert_eq!(lake.shown(&format!("SELECT count(id) AS n {past}")).await, counted(1));
    assert!(lake.query(&format!("SELECT name {past}")).await.is_err());
}

#[tokio::test]
async fn snapshot_that_never_was_is_an_error_that_says_so() {
    let lake = Lake::new();
    append(&lake, 1).await;
    for (clause, said) in [
        ("FOR VERSION AS OF 5", "no snapshot 5"),
        ("FOR TIMESTAMP AS OF '2020-01-01'", "had no snapshot then"),
        ("FOR TIMESTAMP AS OF 'yesterday'", "neither the id of a snapshot nor a time"),
    ] {
        let error = lake.query(&format!("SELECT 1 FROM hr.people {clause}")).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid(text) if text.contains(said)), "{clause}: {error}");
    }
}
