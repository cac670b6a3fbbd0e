use std::collections::HashMap;

use lake::{Error, Keys, Selection};
use serde_json::{Value, json};

use crate::{Fixture, people};

fn keys(table: &Fixture, ids: std::ops::Range<i64>) -> Keys {
    let mut keys = Keys::new(table.metadata(), &["id".to_owned()]).unwrap();
    keys.insert(&people(ids)).unwrap();
    keys
}

fn parse(table: &Fixture, json: &Value) -> lake::Result<Keys> {
    let objects: Vec<_> =
        json.as_array().unwrap().iter().map(|key| key.as_object().unwrap().clone()).collect();
    Keys::parse(table.metadata(), &objects)
}

#[tokio::test]
async fn upsert_replaces_rows_of_its_keys_adds_the_others_and_leaves_other_files_alone() {
    let mut table = Fixture::new().await;
    for start in [0, 10, 20] {
        table.append(start..start + 10).await;
    }
    let before = lake::data_files(&table.warehouse, table.metadata(), None).await.unwrap();
    let keys = keys(&table, 25..35);
    let plan = lake::plan_upsert(&table.warehouse, table.metadata(), &keys).await.unwrap();
    assert_eq!((plan.keys_found, plan.replaced.rows(), plan.replaced.files()), (5, 5, 1));

    let rewrite = lake::delete_rows(&table.warehouse, table.metadata(), &keys, &plan.replaced).await.unwrap();
    let joining = table.write(25..35).await;
    let change = rewrite.change_joined_by(&table.warehouse, table.metadata(), &joining, HashMap::new());
    let change = change.await.unwrap();
    table.commit(change).await;
    assert_eq!(table.ids(None).await, (0..35).collect::<Vec<_>>());
    let after = lake::data_files(&table.warehouse, table.metadata(), None).await.unwrap();
    let stayed =
        before.iter().filter(|file| after.iter().any(|other| other.location == file.location)).count();
    assert_eq!((stayed, after.len()), (2, 4));
}

#[tokio::test]
async fn key_that_the_table_has_twice_is_found_once_and_all_its_rows_go() {
    let mut table = Fixture::new().await;
    table.append(0..5).await;
    table.append(3..8).await;
    let keys = keys(&table, 4..5);
    let plan = lake::plan_upsert(&table.warehouse, table.metadata(), &keys).await.unwrap();
    assert_eq!((plan.keys_found, plan.replaced.rows()), (1, 2));
}

#[tokio::test]
async fn file_is_passed_over_only_if_its_bounds_exclude_every_key() {
    let mut table = Fixture::new().await;
    table.append(100..200).await;
    let files = lake::data_files(&table.warehouse, table.metadata(), None).await.unwrap();
    for (json, expected) in [
        (json!([{"id": 99}]), false),
        (json!([{"id": 200}]), false),
        (json!([{"id": 99}, {"id": 200}]), false),
        (json!([{"id": 100}]), true),
        (json!([{"id": 199}]), true),
        (json!([{"id": 0}, {"id": 150}, {"id": 999}]), true),
        // The bounds of `name` are texts: "0100" to "0199".
        (json!([{"name": "0"}]), false),
        (json!([{"name": "02"}]), false),
        (json!([{"name": "0199"}]), true),
        (json!([{"id": 199, "name": "zzz"}]), true),
        (json!([{"id": 200, "name": "0199"}]), false),
    ] {
        let keys = parse(&table, &json).unwrap();
        assert_eq!(keys.may_be_in(&files[0]).unwrap(), expected, "{json}");
    }
}

#[tokio::test]
async fn keys_that_cannot_name_a_row_are_refused_by_name() {
    let table = Fixture::new().await;
    let said = |result: lake::Result<_>| match result {
        Err(Error::Invalid(text)) => text,
        other => panic!("{other:?}"),
    };
    let of = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Keys::new(table.metadata(), &names).map(drop)
    };
    assert!(said(of(&[])).contains("at least one"));
    assert!(said(of(&["idd"])).contains("\"idd\""));
    assert!(said(of(&["id", "id"])).contains("twice"));
    let mut names = Keys::new(table.metadata(), &["name".to_owned()]).unwrap();
    assert!(said(names.insert(&people(0..2))).contains("\"name\""), "0 has no name");
    let mut ids = keys(&table, 0..5);
    assert!(said(ids.insert(&people(4..6))).contains("id=4"));
    for json in [
        json!([{"id": 1}, {"name": "a"}]),
        json!([{"id": 1}, {}]),
        json!([{"id": null}]),
        json!([{"id": 1.5}]),
    ] {
        said(parse(&table, &json).map(drop));
    }
    assert_eq!(parse(&table, &json!([{"id": 1}, {"id": 1}])).unwrap().len(), 1);
}
