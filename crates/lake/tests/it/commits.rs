use std::collections::HashMap;

use lake::rest::CreateTable;
use lake::{Error, TableUpdate};

use crate::Fixture;

#[tokio::test]
async fn versions_count_up_and_remember_their_predecessors() {
    let mut table = Fixture::new().await;
    let first = table.table.location.clone();
    assert!(first.contains("/metadata/00000-"), "{first}");
    table.append(0..1).await;
    table.append(1..2).await;
    assert!(table.table.location.contains("/metadata/00002-"), "{}", table.table.location);
    assert_eq!(table.metadata().metadata_log()[0].metadata_file, first);
    assert_eq!(table.metadata().metadata_log().len(), 2);
}

#[tokio::test]
async fn commit_that_changes_nothing_makes_no_version() {
    let table = Fixture::new().await;
    let same = lake::commit(&table.warehouse, &table.table, &[], vec![]).unwrap();
    assert_eq!(same, table.table);
}

#[tokio::test]
async fn update_that_leads_out_of_the_warehouse_is_refused() {
    let table = Fixture::new().await;
    for location in ["s3://elsewhere/x", "file:///etc", "s3://lakehouse/../x"] {
        let update = TableUpdate::SetLocation { location: location.to_owned() };
        let committed = lake::commit(&table.warehouse, &table.table, &[], vec![update]);
        assert!(matches!(committed, Err(Error::Location { .. })), "{location}");
    }
}

#[tokio::test]
async fn request_for_another_format_version_or_place_is_refused() {
    let table = Fixture::new().await;
    let schema = table.metadata().current_schema().as_ref().clone();
    let request = |properties: &[(&str, &str)], location: Option<&str>| CreateTable {
        location: location.map(str::to_owned),
        properties: properties
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<HashMap<_, _>>(),
        ..CreateTable::new("t", schema.clone())
    };
    let create = |request| lake::create(&table.warehouse, &["x".to_owned()], request);
    assert!(create(request(&[("format-version", "2")], Some("s3://lakehouse/my/t/"))).is_ok());
    assert!(matches!(create(request(&[("format-version", "3")], None)), Err(Error::Unsupported(_))));
    assert!(matches!(create(request(&[], Some("s3://elsewhere/t"))), Err(Error::Location { .. })));
}

#[tokio::test]
async fn impossible_update_is_the_callers_mistake() {
    let table = Fixture::new().await;
    for update in [
        TableUpdate::SetCurrentSchema { schema_id: 77 },
        TableUpdate::AssignUuid { uuid: uuid::Uuid::from_u128(7) },
    ] {
        let committed = lake::commit(&table.warehouse, &table.table, &[], vec![update]);
        assert!(matches!(committed, Err(Error::Invalid(_))), "{committed:?}");
    }
}
