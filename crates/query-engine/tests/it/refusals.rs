//! What is not run, and what its author is told.

use arrow::datatypes::{DataType, Field, Schema};
use query_engine::Error;

use crate::fixture::{Lake, name};

fn lake() -> Lake {
    let lake = Lake::new();
    lake.create("hr.people", &Schema::new(vec![Field::new("reliability", DataType::Float64, true)]));
    lake
}

#[tokio::test]
async fn nothing_that_writes_or_configures_is_run() {
    let lake = lake();
    for sql in [
        "INSERT INTO hr.people VALUES (1)",
        "UPDATE hr.people SET reliability = 0",
        "DELETE FROM hr.people",
        "DROP TABLE hr.people",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "COPY hr.people TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW ALL",
        "BEGIN",
        "PREPARE p AS SELECT 1",
        "EXPLAIN DROP TABLE hr.people",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE hr.people",
    ] {
        let error = lake.query(sql).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{sql}: {error:?}");
    }
    for sql in [
        "WITH x AS (SELECT 1) INSERT INTO hr.people SELECT * FROM x",
        "SELECT 1 INTO t",
        "SELECT reliability INTO hr.t FROM hr.people",
    ] {
        let error = lake.query(sql).await.unwrap_err();
        assert!(
            matches!(error, Error::Refused(_) | Error::Invalid(_) | Error::UnknownTable { .. }),
            "{sql}: {error:?}"
        );
    }
}

#[tokio::test]
async fn files_of_the_machine_are_no_tables() {
    let lake = lake();
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd.csv\"",
        "SELECT * FROM read_csv('/etc/passwd')",
    ] {
        let error = lake.query(sql).await.unwrap_err();
        assert!(matches!(error, Error::UnknownTable { .. } | Error::Invalid(_)), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn text_that_is_no_sql_is_invalid() {
    let lake = lake();
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    for sql in ["", ";", "   ", "SELEC 1", "SELECT", "SELECT 'x", "\0", deep.as_str()] {
        let error = lake.query(sql).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_) | Error::Refused(_)), "{sql:.20}: {error:?}");
    }
}

#[tokio::test]
async fn unknown_table_is_named_with_the_nearest() {
    match lake().query("SELECT * FROM hr.poeple").await.unwrap_err() {
        Error::UnknownTable { table, nearest } => {
            assert_eq!((table, nearest), (name("hr.poeple"), Some(name("hr.people"))));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn unknown_column_is_named_with_what_there_is() {
    let error = lake().query("SELECT relaibility FROM hr.people").await.unwrap_err();
    let said = error.to_string();
    assert!(
        matches!(error, Error::Invalid(_)) && said.contains("relaibility") && said.contains("reliability"),
        "{said}"
    );
}

#[tokio::test]
async fn failing_catalogue_is_told_apart_from_a_missing_table() {
    let error = lake().query("SELECT * FROM down.t").await.unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error:?}");
}

#[tokio::test]
async fn failure_on_the_data_is_an_execution_error() {
    for sql in ["SELECT 1 / 0", "SELECT CAST(column1 AS INT) FROM (VALUES ('x'))"] {
        let error = lake().query(sql).await.unwrap_err();
        assert!(matches!(error, Error::Execution(_)), "{sql}: {error:?}");
    }
}
