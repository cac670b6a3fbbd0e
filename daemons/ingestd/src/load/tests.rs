//! The promises of loading, against a catalogue that can conflict, vanish and lose answers.

use arrow::array::{ArrayRef, Decimal128Array, Float32Array, Int32Array, Int64Array};
use wire::ErrorCode;
use wire::ingest::OnError;

use super::*;
use crate::fake::{Fault, World, request};

fn keyed(table: &str, key: &str) -> LoadRequest {
    LoadRequest { idempotency_key: Some(key.to_owned()), ..request(table) }
}

const PEOPLE: &str = "id,zip\n1,00123\n2,90210\n";

#[tokio::test]
async fn first_body_makes_the_table_and_the_second_adds_to_it() {
    let world = World::new();
    let first = world.load(&request("hr.people"), PEOPLE).await.unwrap();
    assert_eq!((first.rows_read, first.rows_written, first.rows_rejected, first.replayed), (2, 2, 0, false));
    assert_eq!(first.snapshot_id, world.snapshot_id("hr.people"));
    world.load(&request("hr.people"), "zip,id\n00501,3\n").await.unwrap();
    assert_eq!(world.rows("hr.people").await, 3);
}

#[tokio::test]
async fn mode_says_what_may_happen_to_the_table() {
    let world = World::new();
    let with = |mode| LoadRequest { mode: Some(mode), ..request("hr.people") };
    let missing = world.load(&with(IngestMode::Append), PEOPLE).await;
    assert!(matches!(missing, Err(LoadError::NoSuchTable(_))));
    world.load(&with(IngestMode::Create), PEOPLE).await.unwrap();
    assert!(matches!(world.load(&with(IngestMode::Create), PEOPLE).await, Err(LoadError::TableExists(_))));
    world.load(&with(IngestMode::Append), PEOPLE).await.unwrap();
    assert_eq!(world.rows("hr.people").await, 4);
    world.load(&with(IngestMode::Overwrite), "id,zip\n9,10001\n").await.unwrap();
    assert_eq!(world.rows("hr.people").await, 1);
    let other = LoadRequest { mode: Some(IngestMode::Overwrite), ..request("hr.other") };
    world.load(&other, PEOPLE).await.unwrap();
    assert_eq!(world.rows("hr.other").await, 2);
}

#[tokio::test]
async fn body_that_does_not_fit_leaves_no_table_no_file_and_no_snapshot() {
    let world = World::new();
    // Bad only long after the types were chosen, and data files were begun.
    let bad = "id\n".to_owned() + &"2\n".repeat(20_000) + "00501\n";
    for body in ["", "id\n", "id\n\"1\n", bad.as_str()] {
        let error = world.load(&request("hr.people"), body).await.unwrap_err();
        assert!(matches!(error, LoadError::Read(_)), "{error:?}");
        assert!(
            world.tables().is_empty() && world.files().await.is_empty(),
            "{body:.10} left something behind"
        );
    }
    world.load(&request("hr.people"), PEOPLE).await.unwrap();
    let (snapshot, files) = (world.snapshot_id("hr.people"), world.files().await);
    for body in ["id,zip\nx,1\n", "id,zap\n1,1\n", "id,zip\n1,2\n3\n"] {
        world.load(&request("hr.people"), body).await.unwrap_err();
    }
    assert_eq!((world.snapshot_id("hr.people"), world.files().await), (snapshot, files));
}

#[tokio::test]
async fn request_whose_answer_was_forgotten_and_whose_snapshot_has_expired_is_not_loaded_twice() {
    let world = World::new();
    let first = world.load(&keyed("hr.people", "k"), PEOPLE).await.unwrap();
    world.load(&request("hr.people"), "id,zip\n3,00501\n").await.unwrap();
    world.expire("hr.people").await;
    let crashed = world.with_new_ledger();
    let again = crashed.load(&keyed("hr.people", "k"), PEOPLE).await.unwrap();
    assert_eq!((again.rows_written, again.snapshot_id), (first.rows_written, None));
    assert_eq!(world.rows("hr.people").await, 3);
    assert_eq!(world.files().await.len(), 2, "what was written for the repetition is gone");
}

#[tokio::test]
async fn skipped_rows_are_reported_and_the_others_written() {
    let world = World::new();
    world.load(&request("hr.people"), PEOPLE).await.unwrap();
    let skip = LoadRequest { on_error: OnError::Skip, ..request("hr.people") };
    let answer = world.load(&skip, "id,zip\n3,1\nx,2\n4\n").await.unwrap();
    assert_eq!((answer.rows_read, answer.rows_written, answer.rows_rejected), (3, 1, 2));
    let lines: Vec<u64> = answer.rejects.iter().map(|reject| reject.line).collect();
    assert!(lines.contains(&3) && lines.contains(&4), "{lines:?}");
    let limited = LoadRequest { max_errors: Some(1), ..skip };
    assert!(world.load(&limited, "id,zip\n3,1\nx,2\n4\n").await.is_err());
    assert_eq!(world.rows("hr.people").await, 3);
}

/// A table with a column of each type that can become wider, and one row.
async fn narrow(world: &World) {
    let columns = vec![
        ("n", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
        ("x", Arc::new(Float32Array::from(vec![0.5])) as ArrayRef),
        ("d", Arc::new(Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap()) as ArrayRef),
    ];
    world.load_parquet(&request("hr.narrow"), columns).await.unwrap();
}

fn changes(answer: &IngestAnswer) -> Vec<(&str, &str, &str)> {
    let changes = answer.schema_changes.iter();
    changes.map(|change| (change.column.as_str(), change.from.as_str(), change.to.as_str())).collect()
}

#[tokio::test]
async fn column_becomes_wider_in_the_commit_of_the_rows_that_need_it() {
    let world = World::new();
    narrow(&world).await;
    let same = world.load(&request("hr.narrow"), "n,x,d\n2,0.1,999.99\n").await.unwrap();
    assert_eq!(changes(&same), []);
    let versions = world.versions("hr.narrow");
    let wider = "n,x,d\n3000000000,3.14159265358979,12345.67\n";
    let dry = LoadRequest { dry_run: true, ..request("hr.narrow") };
    let expected = [("n", "int", "long"), ("x", "float", "double"), ("d", "decimal(5, 2)", "decimal(7, 2)")];
    assert_eq!(changes(&world.load(&dry, wider).await.unwrap()), expected);
    assert_eq!(world.versions("hr.narrow"), versions);
    let answer = world.load(&request("hr.narrow"), wider).await.unwrap();
    assert_eq!(changes(&answer), expected);
    assert_eq!(world.versions("hr.narrow"), versions + 1, "schema and rows are one commit");
    let again = world.load(&request("hr.narrow"), wider).await.unwrap();
    assert_eq!((changes(&again).len(), world.rows("hr.narrow").await), (0, 4));
}

#[tokio::test]
async fn body_that_fails_makes_no_column_wider() {
    let world = World::new();
    narrow(&world).await;
    let versions = world.versions("hr.narrow");
    for body in ["n\n3000000000\n1.5\n", "n\n3000000000\n00501\n", "n,d\n3000000000,1.234\n"] {
        world.load(&request("hr.narrow"), body).await.unwrap_err();
        assert_eq!(world.versions("hr.narrow"), versions, "{body}");
    }
}

#[tokio::test]
async fn column_that_others_made_as_wide_meanwhile_is_no_conflict() {
    let world = World::new();
    narrow(&world).await;
    let request = request("hr.narrow");
    let loads = (0..4).map(|_| world.load(&request, "n\n3000000000\n"));
    for answer in futures::future::join_all(loads).await {
        answer.unwrap();
    }
    assert_eq!(world.rows("hr.narrow").await, 5);
}

#[tokio::test]
async fn declared_type_of_parquet_makes_a_column_wider() {
    let world = World::new();
    narrow(&world).await;
    let columns = vec![("n", Arc::new(Int64Array::from(vec![7])) as ArrayRef)];
    let answer = world.load_parquet(&request("hr.narrow"), columns).await.unwrap();
    assert_eq!(changes(&answer), [("n", "int", "long")]);
}

#[tokio::test]
async fn dry_run_says_what_would_happen_and_changes_nothing() {
    let world = World::new();
    let dry = LoadRequest { dry_run: true, ..keyed("hr.people", "k") };
    let answer = world.load(&dry, PEOPLE).await.unwrap();
    assert_eq!((answer.rows_written, answer.snapshot_id), (2, None));
    assert!(world.tables().is_empty() && world.files().await.is_empty());
    assert!(!world.load(&keyed("hr.people", "k"), PEOPLE).await.unwrap().replayed);
}

#[tokio::test]
async fn repeated_key_gets_the_first_answer_and_writes_nothing() {
    let world = World::new();
    let first = world.load(&keyed("hr.people", "k1"), PEOPLE).await.unwrap();
    let second = world.load(&keyed("hr.people", "k1"), PEOPLE).await.unwrap();
    assert_eq!(second, IngestAnswer { replayed: true, ..first });
    assert_eq!(world.rows("hr.people").await, 2);
}

#[tokio::test]
async fn key_with_another_request_is_refused() {
    let world = World::new();
    world.load(&keyed("hr.people", "k1"), PEOPLE).await.unwrap();
    let skip = LoadRequest { on_error: OnError::Skip, ..keyed("hr.people", "k1") };
    for (request, body) in
        [(keyed("hr.people", "k1"), "id,zip\n5,1\n"), (keyed("hr.other", "k1"), PEOPLE), (skip, PEOPLE)]
    {
        assert!(matches!(world.load(&request, body).await, Err(LoadError::KeyReused)));
    }
    assert_eq!(world.rows("hr.people").await, 2);
}

#[tokio::test]
async fn key_is_known_from_the_snapshot_when_the_ledger_has_lost_it() {
    let world = World::new();
    let first = world.load(&keyed("hr.people", "k1"), PEOPLE).await.unwrap();
    let restarted = world.with_new_ledger();
    let second = restarted.load(&keyed("hr.people", "k1"), PEOPLE).await.unwrap();
    assert_eq!(second, IngestAnswer { replayed: true, ..first });
    assert!(matches!(
        restarted.load(&keyed("hr.people", "k1"), "id,zip\n5,1\n").await,
        Err(LoadError::KeyReused)
    ));
    assert_eq!(world.rows("hr.people").await, 2);
}

#[tokio::test]
async fn same_key_at_the_same_time_loads_once() {
    let world = World::new();
    let request = keyed("hr.people", "k1");
    let answers = futures::future::join_all((0..8).map(|_| world.load(&request, PEOPLE))).await;
    assert_eq!(answers.iter().filter(|answer| !answer.as_ref().unwrap().replayed).count(), 1);
    assert_eq!(world.rows("hr.people").await, 2);
}

#[tokio::test]
async fn loads_at_the_same_time_all_land() {
    let world = World::new();
    world.load(&request("hr.people"), PEOPLE).await.unwrap();
    let request = request("hr.people");
    for answer in futures::future::join_all((0..6).map(|_| world.load(&request, PEOPLE))).await {
        answer.unwrap();
    }
    assert_eq!(world.rows("hr.people").await, 14);
    assert_eq!(world.files().await.len(), 7, "no data file is left over");
}

#[tokio::test]
async fn endless_conflict_ends_and_leaves_nothing() {
    let world = World::new();
    world.load(&request("hr.people"), PEOPLE).await.unwrap();
    let files = world.files().await;
    world.fail_commits(vec![Fault::Conflict; 100]);
    let error = world.load(&request("hr.people"), PEOPLE).await.unwrap_err();
    assert!(matches!(error, LoadError::Contended(_)), "{error:?}");
    assert_eq!(world.files().await, files);
}

#[tokio::test]
async fn commit_whose_answer_is_lost_is_found_in_the_history() {
    let world = World::new();
    world.fail_commits(vec![Fault::AnswerLost]);
    let answer = world.load(&request("hr.people"), PEOPLE).await.unwrap();
    assert_eq!(answer.snapshot_id, world.snapshot_id("hr.people"));
    assert_eq!(world.rows("hr.people").await, 2);
}

#[tokio::test]
async fn commit_whose_outcome_is_unknown_deletes_nothing_and_its_retry_does_not_double_the_rows() {
    let world = World::new();
    world.load(&request("hr.people"), PEOPLE).await.unwrap();
    world.fail_commits(vec![Fault::StillOnItsWay]);
    let lost = world.load(&keyed("hr.people", "k1"), "id,zip\n7,1\n").await;
    assert!(matches!(lost, Err(LoadError::OutcomeUnknown { .. })), "{lost:?}");
    assert_eq!(world.files().await.len(), 2, "the file of a commit that may still arrive stays");
    // It arrives between the retry's look at the history and the retry's own commit.
    world.fail_commits(vec![Fault::EarlierOneArrives]);
    let retried = world.load(&keyed("hr.people", "k1"), "id,zip\n7,1\n").await.unwrap();
    assert_eq!(retried.snapshot_id, world.snapshot_id("hr.people"));
    assert_eq!(world.rows("hr.people").await, 3);
}

#[tokio::test]
async fn refused_commit_deletes_its_files() {
    for code in [ErrorCode::InvalidArgument, ErrorCode::InsufficientStorage] {
        let world = World::new();
        world.fail_commits(vec![Fault::Refused(code)]);
        let error = world.load(&request("hr.people"), PEOPLE).await.unwrap_err();
        assert!(matches!(&error, LoadError::Catalogue(error) if error.is(code)), "{error:?}");
        assert!(world.files().await.is_empty());
    }
}

#[tokio::test]
async fn keyed_creation_that_was_cut_short_goes_on() {
    let world = World::new();
    let create = LoadRequest { mode: Some(IngestMode::Create), ..keyed("hr.people", "k1") };
    world.fail_commits(vec![Fault::Refused(ErrorCode::InvalidArgument)]);
    world.load(&create, PEOPLE).await.unwrap_err();
    assert_eq!(world.tables(), ["hr.people"], "the empty table remains");
    let stranger = LoadRequest { idempotency_key: None, ..create.clone() };
    assert!(matches!(world.load(&stranger, PEOPLE).await, Err(LoadError::TableExists(_))));
    assert_eq!(world.load(&create, PEOPLE).await.unwrap().rows_written, 2);
    assert_eq!(world.rows("hr.people").await, 2);
}

#[tokio::test]
async fn catalogue_that_does_not_answer_is_named() {
    let world = World::new();
    world.go_down();
    let error = world.load(&request("hr.people"), PEOPLE).await.unwrap_err();
    assert!(error.to_string().contains("catalogd"), "{error}");
    assert!(world.files().await.is_empty());
}
