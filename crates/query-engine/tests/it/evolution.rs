//! Tables whose schema has changed since some of their files were written.

use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, RecordBatch, StringArray};
use lake::{TableUpdate, VersionedMetadata};
use serde_json::{Value, json};

use crate::fixture::Lake;

/// A table `hr.people` with `id` and `name`, and one file.
async fn people() -> Lake {
    let lake = Lake::new();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int32Array::from_iter_values(0..100)) as _),
        ("name", Arc::new(StringArray::from_iter_values((0..100).map(|id| format!("n{id}")))) as _),
    ]);
    lake.append("hr.people", &batch.unwrap()).await;
    lake
}

/// Gives the table the schema that `change` makes of its fields, as a client of the catalogue does.
fn evolve(lake: &Lake, change: impl FnOnce(&mut Vec<Value>)) {
    let current = lake.version("hr.people");
    let mut schema = serde_json::to_value(current.metadata.current_schema()).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    schema["schema-id"] = json!(current.metadata.current_schema_id() + 1);
    let updates: Vec<TableUpdate> = serde_json::from_value(json!([
        {"action": "add-schema", "schema": schema},
        {"action": "set-current-schema", "schema-id": -1},
    ]))
    .unwrap();
    let next: VersionedMetadata = lake::commit(&lake.warehouse, &current, &[], updates).unwrap();
    lake.replace("hr.people", next);
}

#[tokio::test]
async fn renamed_column_keeps_the_values_of_old_files_in_results_and_in_filters() {
    let lake = people().await;
    evolve(&lake, |fields| fields[1]["name"] = json!("full_name"));
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int32Array::from(vec![100])) as _),
        ("full_name", Arc::new(StringArray::from(vec!["n100"])) as _),
    ]);
    lake.append("hr.people", &batch.unwrap()).await;
    let shown = lake.shown("SELECT id FROM hr.people WHERE full_name IN ('n7', 'n100') ORDER BY id").await;
    assert_eq!(shown, "+-----+\n| id  |\n+-----+\n| 7   |\n| 100 |\n+-----+");
    let counted = lake.shown("SELECT count(full_name) AS n, min(full_name) AS least FROM hr.people").await;
    assert_eq!(
        counted,
        "+-----+-------+\n| n   | least |\n+-----+-------+\n| 101 | n0    |\n+-----+-------+"
    );
    assert!(lake.query("SELECT name FROM hr.people").await.is_err(), "the old name is no column");
}

#[tokio::test]
async fn new_column_under_the_name_of_a_dropped_one_does_not_inherit_its_values() {
    let lake = people().await;
    evolve(&lake, |fields| {
        fields[1] = json!({"id": 3, "name": "name", "required": false, "type": "string"});
    });
    let counted = lake.shown("SELECT count(*) AS rows, count(name) AS names FROM hr.people").await;
    assert_eq!(
        counted,
        "+------+-------+\n| rows | names |\n+------+-------+\n| 100  | 0     |\n+------+-------+"
    );
    let found = lake.shown("SELECT count(*) AS n FROM hr.people WHERE name = 'n7'").await;
    assert_eq!(found, "+---+\n| n |\n+---+\n| 0 |\n+---+");
}

#[tokio::test]
async fn columns_that_have_swapped_names_have_swapped_values() {
    let lake = people().await;
    evolve(&lake, |fields| {
        fields[1]["name"] = json!("alias");
        fields.push(json!({"id": 3, "name": "name", "required": false, "type": "string"}));
    });
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int32Array::from(vec![200])) as _),
        ("alias", Arc::new(StringArray::from(vec!["a"])) as _),
        ("name", Arc::new(StringArray::from(vec!["b"])) as _),
    ]);
    lake.append("hr.people", &batch.unwrap()).await;
    evolve(&lake, |fields| {
        fields[1]["name"] = json!("name");
        fields[2]["name"] = json!("alias");
        fields.reverse();
    });
    let shown = lake.shown("SELECT id, name, alias FROM hr.people WHERE id IN (7, 200) ORDER BY id").await;
    let expected = "+-----+------+-------+\n| id  | name | alias |\n+-----+------+-------+\n| 7   | n7   |       |\n\
                    | 200 | a    | b     |\n+-----+------+-------+";
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn widened_column_reads_old_and_new_files_alike() {
    let lake = people().await;
    evolve(&lake, |fields| fields[0]["type"] = json!("long"));
    let big = i64::from(i32::MAX) + 1;
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![big])) as _),
        ("name", Arc::new(StringArray::from(vec!["big"])) as _),
    ]);
    lake.append("hr.people", &batch.unwrap()).await;
    let shown = lake.shown("SELECT name FROM hr.people WHERE id IN (7, 2147483648) ORDER BY id").await;
    assert_eq!(shown, "+------+\n| name |\n+------+\n| n7   |\n| big  |\n+------+");
    let sum = lake.shown("SELECT sum(id) AS total FROM hr.people").await;
    assert!(sum.contains(&(big + 4950).to_string()), "{sum}");
}
