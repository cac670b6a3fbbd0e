//! The promises of upserting, against a catalogue that can conflict, vanish and lose answers.

use serde_json::json;

use super::*;
use crate::deletion::Which;
use crate::fake::{Fault, World, request, upsert_request};

fn upsert(key: &str) -> UpsertRequest {
    upsert_request("hr.people", key)
}

fn keyed() -> UpsertRequest {
    UpsertRequest { idempotency_key: Some("k1".to_owned()), ..upsert("id") }
}

/// A table of four people in two files.
async fn people() -> World {
    let world = World::new();
    for body in ["id,zip,pay\n1,00123,1.5\n2,90210,2.5\n", "id,zip,pay\n3,00501,3.5\n4,,4.5\n"] {
        world.load(&request("hr.people"), body).await.unwrap();
    }
    world
}

async fn contents(world: &World) -> Vec<String> {
    world.contents("hr.people").await.into_iter().map(|row| row.join(",")).collect()
}

#[tokio::test]
async fn rows_take_the_place_of_those_with_their_keys_and_the_others_join() {
    let world = people().await;
    let answer = world.upsert(&upsert("id"), "zip,id\n11111,2\n55555,5\n").await.unwrap();
    let counts = (answer.rows_read, answer.rows_inserted, answer.rows_updated, answer.rows_rejected);
    assert_eq!(counts, (2, 1, 1, 0));
    assert_eq!(answer.snapshot_id, world.snapshot_id("hr.people"));
    let expected = ["1,00123,1.5", "2,11111,", "3,00501,3.5", "4,,4.5", "5,55555,"];
    assert_eq!(contents(&world).await, expected, "a row is replaced as a whole");
    let again = world.upsert(&upsert("id"), "zip,id\n11111,2\n55555,5\n").await.unwrap();
    assert_eq!((again.rows_inserted, again.rows_updated), (0, 2));
    assert_eq!(contents(&world).await, expected);
}

#[tokio::test]
async fn key_of_several_columns_matches_only_as_a_whole() {
    let world = people().await;
    let answer = world.upsert(&upsert("id,zip"), "id,zip,pay\n1,00123,9\n1,90210,9\n").await.unwrap();
    assert_eq!((answer.rows_inserted, answer.rows_updated), (1, 1));
    assert_eq!(
        contents(&world).await,
        ["1,00123,9.0", "1,90210,9.0", "2,90210,2.5", "3,00501,3.5", "4,,4.5"]
    );
}

#[tokio::test]
async fn body_that_leaves_a_key_unclear_changes_nothing_and_says_which() {
    let world = people().await;
    let before = (contents(&world).await, world.files().await);
    let skip = UpsertRequest { on_error: OnError::Skip, ..upsert("id") };
    for (request, body, said) in [
        (upsert("id"), "id,zip\n7,1\n8,1\n7,2\n", "id=7"),
        (skip.clone(), "id,zip\n7,1\n7,2\n", "id=7"),
        (upsert("id"), "id,zip\n7,1\n,2\n", "line 3, column id"),
        (upsert("id"), "id,zip\nseven,1\n", "line 2, column id, value \"seven\""),
        (upsert("id"), "zip\n1\n", "\"id\""),
        (upsert("idd"), "id,zip\n7,1\n", "nearest is \"id\""),
        (upsert("id,id"), "id,zip\n7,1\n", "twice"),
        (upsert("pay"), "id,pay\n7,1\n", "cannot be part of a key"),
        (upsert("id"), "id,zip\n", "no rows"),
        (skip, "id,zip\n,1\n", "none of the 1 rows fits"),
    ] {
        let error = world.upsert(&request, body).await.unwrap_err();
        assert!(error.to_string().contains(said), "{body:?}: {error}");
        assert_eq!((contents(&world).await, world.files().await), before, "{body:?}");
    }
    let missing = UpsertRequest { table: "hr.none".parse().unwrap(), ..upsert("id") };
    assert!(matches!(world.upsert(&missing, "id\n1\n").await, Err(LoadError::NoSuchTable(_))));
}

#[tokio::test]
async fn skipped_rows_are_reported_and_leave_the_old_ones_in_place() {
    let world = people().await;
    let skip = UpsertRequest { on_error: OnError::Skip, ..upsert("id") };
    let answer = world.upsert(&skip, "id,pay\n1,much\n,1\n2,9\n").await.unwrap();
    assert_eq!((answer.rows_read, answer.rows_updated, answer.rows_rejected), (3, 1, 2));
    assert_eq!(answer.rejects.len(), 2);
    assert_eq!(contents(&world).await, ["1,00123,1.5", "2,,9.0", "3,00501,3.5", "4,,4.5"]);
}

#[tokio::test]
async fn dry_run_counts_and_changes_nothing() {
    let world = people().await;
    let before = (world.snapshot_id("hr.people"), world.files().await);
    let dry = UpsertRequest { dry_run: true, ..keyed() };
    let answer = world.upsert(&dry, "id\n1\n9\n").await.unwrap();
    assert_eq!((answer.rows_inserted, answer.rows_updated, answer.snapshot_id), (1, 1, None));
    assert_eq!((world.snapshot_id("hr.people"), world.files().await), before);
    assert!(!world.upsert(&keyed(), "id\n1\n9\n").await.unwrap().replayed);
}

#[tokio::test]
async fn late_repetition_whose_snapshot_has_expired_does_not_undo_what_came_after_it() {
    let world = people().await;
    world.upsert(&keyed(), "id,zip,pay\n2,11111,1\n").await.unwrap();
    world.upsert(&upsert("id"), "id,zip,pay\n2,22222,2\n").await.unwrap();
    world.expire("hr.people").await;
    let (rows, files) = (contents(&world).await, world.files().await);
    let again = world.with_new_ledger().upsert(&keyed(), "id,zip,pay\n2,11111,1\n").await.unwrap();
    assert_eq!((again.replayed, again.snapshot_id), (true, None));
    assert_eq!((contents(&world).await, world.files().await), (rows, files));
}

#[tokio::test]
async fn repeated_key_gets_the_first_answer_also_when_the_ledger_has_lost_it() {
    let world = people().await;
    let first = world.upsert(&keyed(), "id\n1\n9\n").await.unwrap();
    world.upsert(&upsert("id"), "id,zip\n9,99999\n").await.unwrap();
    let now = contents(&world).await;
    for world in [&world, &world.with_new_ledger()] {
        let again = world.upsert(&keyed(), "id\n1\n9\n").await.unwrap();
        assert_eq!(again, UpsertAnswer { replayed: true, ..first.clone() });
        assert!(matches!(world.upsert(&keyed(), "id\n2\n").await, Err(LoadError::KeyReused)));
        let ingest =
            crate::load::LoadRequest { idempotency_key: Some("k1".to_owned()), ..request("hr.people") };
        assert!(matches!(world.load(&ingest, "id\n1\n9\n").await, Err(LoadError::KeyReused)));
    }
    assert_eq!(contents(&world).await, now);
}

#[tokio::test]
async fn upserts_appends_and_deletions_at_the_same_time_lose_nothing_and_double_nothing() {
    let world = people().await;
    let (id, append) = (upsert("id"), request("hr.people"));
    let bodies: Vec<String> = (0..4).map(|n| format!("id,zip\n1,{n}\n{},new\n", 10 + n)).collect();
    let upserts = futures::future::join_all(bodies.iter().map(|body| world.upsert(&id, body)));
    let key = json!({"id": 3}).as_object().unwrap().clone();
    let gone = Which::Keys(vec![key]);
    let (upserts, appended, deleted) =
        tokio::join!(upserts, world.load(&append, "id,zip\n20,new\n"), world.delete("hr.people", &gone));
    let updated: u64 = upserts.into_iter().map(|answer| answer.unwrap().rows_updated).sum();
    appended.unwrap();
    assert_eq!(
        (updated, deleted.unwrap().rows_deleted),
        (4, 1),
        "each upsert replaces the row of the one before"
    );
    let ids: Vec<String> = world.contents("hr.people").await.into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, ["1", "10", "11", "12", "13", "2", "20", "4"]);
    let files = lake::data_files(&world.warehouse, &world.metadata("hr.people"), None).await.unwrap();
    let superseded = world.metadata("hr.people").snapshots().count();
    assert!(world.files().await.len() <= files.len() + superseded, "files of lost attempts are gone");
}

#[tokio::test]
async fn conflict_is_answered_from_the_new_snapshot_and_an_endless_one_leaves_nothing() {
    let world = people().await;
    world.fail_commits(vec![Fault::Conflict; 3]);
    world.upsert(&upsert("id"), "id,zip\n1,1\n").await.unwrap();
    let before = (contents(&world).await, world.files().await);
    world.fail_commits(vec![Fault::Conflict; 100]);
    let error = world.upsert(&upsert("id"), "id,zip\n1,2\n").await.unwrap_err();
    assert!(matches!(error, LoadError::Contended(_)), "{error:?}");
    assert_eq!((contents(&world).await, world.files().await), before);
}

#[tokio::test]
async fn lost_answer_is_found_and_a_late_commit_is_not_repeated() {
    let world = people().await;
    world.fail_commits(vec![Fault::AnswerLost]);
    let answer = world.upsert(&upsert("id"), "id,zip\n1,1\n").await.unwrap();
    assert_eq!(answer.snapshot_id, world.snapshot_id("hr.people"));
    world.fail_commits(vec![Fault::StillOnItsWay]);
    let lost = world.upsert(&keyed(), "id,zip\n1,2\n9,2\n").await;
    assert!(matches!(lost, Err(LoadError::OutcomeUnknown { .. })), "{lost:?}");
    // It arrives between the retry's look at the history and the retry's own commit.
    world.fail_commits(vec![Fault::EarlierOneArrives]);
    let retried = world.upsert(&keyed(), "id,zip\n1,2\n9,2\n").await.unwrap();
    assert!(retried.replayed);
    assert_eq!(retried.snapshot_id, world.snapshot_id("hr.people"));
    assert_eq!(contents(&world).await, ["1,2,", "2,90210,2.5", "3,00501,3.5", "4,,4.5", "9,2,"]);
}

#[tokio::test]
async fn too_many_rows_are_refused_with_the_setting_that_says_so() {
    let world = people().await;
    let files = world.files().await;
    let replays = Replays::new(
        ledger::Ledger::open(&world.folder.path().join("few"), crate::load::MIGRATIONS).unwrap(),
    );
    let limits = crate::Config::default().limits();
    let upserter = Upserter::new(world.warehouse.clone(), world.catalogue.clone(), replays, limits, 2);
    let ctx = CallContext::root(std::time::Duration::from_secs(60));
    let body = world.spool("id\n1\n2\n3\n").await;
    let error = upserter.upsert(&ctx, &upsert("id"), body).await.unwrap_err();
    assert!(error.to_string().contains("max_upsert_rows = 2"), "{error}");
    assert_eq!(world.files().await, files);
}
