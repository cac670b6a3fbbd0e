use std::collections::HashMap;

use lake::Error;

use crate::Fixture;

#[tokio::test]
async fn overwrite_replaces_all_rows_and_the_past_stays_readable() {
    let mut table = Fixture::new().await;
    table.append(0..10).await;
    table.append(10..20).await;
    let before = table.metadata().current_snapshot_id();

    let files = table.write(100..105).await;
    let change = lake::overwrite(&table.warehouse, table.metadata(), files, HashMap::new()).await.unwrap();
    let snapshot_id = change.snapshot_id;
    table.commit(change).await;
    assert_eq!(table.metadata().current_snapshot_id(), Some(snapshot_id));
    assert_eq!(table.ids(None).await, (100..105).collect::<Vec<_>>());
    assert_eq!(table.ids(before).await, (0..20).collect::<Vec<_>>());

    table.append(200..201).await;
    assert_eq!(table.ids(None).await, [100, 101, 102, 103, 104, 200]);
}

#[tokio::test]
async fn overwrite_with_nothing_empties_the_table() {
    let mut table = Fixture::new().await;
    table.append(0..10).await;
    let change = lake::overwrite(&table.warehouse, table.metadata(), vec![], HashMap::new()).await.unwrap();
    table.commit(change).await;
    assert_eq!(table.ids(None).await, Vec::<i64>::new());
    assert_eq!(figure(&table, "total-records"), "0");
    assert_eq!(figure(&table, "deleted-records"), "10");
}

#[tokio::test]
async fn summary_counts_what_changed_and_nobody_can_shadow_it() {
    let mut table = Fixture::new().await;
    table.append(0..10).await;
    let files = table.write(10..15).await;
    let own = HashMap::from([
        ("total-records".to_owned(), "9999".to_owned()),
        ("lakehouse.source".to_owned(), "test".to_owned()),
    ]);
    let change = lake::append(&table.warehouse, table.metadata(), files, own).await.unwrap();
    table.commit(change).await;
    assert_eq!(figure(&table, "added-records"), "5");
    assert_eq!(figure(&table, "total-records"), "15");
    assert_eq!(figure(&table, "total-data-files"), "2");
    assert_eq!(figure(&table, "lakehouse.source"), "test");
}

#[tokio::test]
async fn second_of_two_changes_on_one_snapshot_is_a_conflict() {
    let mut table = Fixture::new().await;
    table.append(0..1).await;
    let (files_a, files_b) = (table.write(1..2).await, table.write(2..3).await);
    let first = lake::append(&table.warehouse, table.metadata(), files_a, HashMap::new()).await.unwrap();
    let second =
        lake::append(&table.warehouse, table.metadata(), files_b.clone(), HashMap::new()).await.unwrap();
    table.commit(first).await;
    let lost = lake::commit(&table.warehouse, &table.table, &second.requirements, second.updates.clone());
    assert!(matches!(lost, Err(Error::Conflict(_))));

    // Its manifests go, its data files stay for the retry.
    let with_manifests = table.objects().await.len();
    second.discard(&table.warehouse).await;
    assert_eq!(table.objects().await.len(), with_manifests - 2);
    let retry = lake::append(&table.warehouse, table.metadata(), files_b, HashMap::new()).await.unwrap();
    table.commit(retry).await;
    assert_eq!(table.ids(None).await, [0, 1, 2]);
}

#[tokio::test]
async fn unknown_snapshot_is_refused() {
    let table = Fixture::new().await;
    let planned = lake::data_files(&table.warehouse, table.metadata(), Some(1)).await;
    assert!(matches!(planned, Err(Error::Invalid(text)) if text.contains("snapshot 1")));
}

fn figure<'a>(table: &'a Fixture, key: &str) -> &'a str {
    &table.metadata().current_snapshot().unwrap().summary().additional_properties[key]
}
