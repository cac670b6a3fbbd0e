//! What a query may use.

use std::time::Duration;

use query_engine::Error;

use crate::fixture::{Lake, drawn};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn more_rows_than_allowed_is_an_error_and_not_a_part_of_the_rows() {
    let lake = Lake::new();
    let engine = lake.engine_with(|limits| limits.max_rows = 10);
    let query = |sql: &'static str| engine.query(&lake, sql, Vec::new(), LONG);
    assert_eq!(query("SELECT * FROM generate_series(1, 10)").await.unwrap().len(), 10);
    assert!(matches!(query("SELECT * FROM generate_series(1, 11)").await, Err(Error::Limit(_))));
}

#[tokio::test]
async fn more_bytes_than_allowed_is_an_error() {
    let lake = Lake::new();
    let engine = lake.engine_with(|limits| limits.max_result_bytes = 1 << 10);
    let error = engine.query(&lake, "SELECT * FROM generate_series(1, 1000)", Vec::new(), LONG).await;
    assert!(matches!(error, Err(Error::Limit(_))));
}

#[tokio::test]
async fn more_memory_than_allowed_is_an_error_that_says_so() {
    let lake = Lake::new();
    let engine = lake.engine_with(|limits| {
        limits.memory_bytes = 1 << 20;
        limits.spill_bytes = 0;
    });
    let sql = "SELECT count(DISTINCT value) FROM generate_series(1, 3000000)";
    let error = engine.query(&lake, sql, Vec::new(), LONG).await.unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error:?}");
}

#[tokio::test]
async fn sort_that_does_not_fit_in_memory_is_spilled_and_right_and_leaves_no_file() {
    let lake = Lake::new();
    let engine = lake.engine_with(|limits| limits.memory_bytes = 32 << 20);
    // By the remainder first: so the rows are in no order that the engine could know.
    let sql =
        "SELECT max(place) AS last, sum(CASE WHEN place = expected THEN 0 ELSE 1 END) AS misplaced FROM (
        SELECT row_number() OVER (ORDER BY value % 1000, value) AS place,
            (value % 1000) * 2000 + value / 1000 + CASE WHEN value % 1000 = 0 THEN 0 ELSE 1 END AS expected
        FROM generate_series(1, 2000000))";
    let rows = engine.query(&lake, sql, Vec::new(), LONG).await.unwrap();
    assert!(drawn(&rows).contains("| 2000000 | 0         |"), "{}", drawn(&rows));
    let explained = engine.query(&lake, &format!("EXPLAIN ANALYZE {sql}"), Vec::new(), LONG).await.unwrap();
    let spills = drawn(&explained);
    let spilled = spills.split("spill_count=").skip(1).any(|rest| !rest.starts_with('0'));
    assert!(spilled, "it was not spilled: {spills}");
    assert_eq!(lake.spilled_files(), Vec::<std::path::PathBuf>::new());
}

/// With more threads than the query has parts, as queryd has them beside the one that takes requests: one step of a nested
/// loop takes seconds in a debug build.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn endless_query_is_cut_at_its_deadline() {
    let lake = Lake::new();
    let engine = lake.engine_with(|_| ());
    let sql = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000000) b WHERE a.value + b.value = 0";
    let budget = Duration::from_millis(300);
    let started = std::time::Instant::now();
    let error = engine.query(&lake, sql, Vec::new(), budget).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(limit) if limit == budget), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10), "cut only after {:?}", started.elapsed());
}
