//! Tables and objects through clients that nobody here wrote: PyIceberg, DuckDB and boto3, over Iceberg REST and S3.

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Stack, run_lake_client};
use wire::DaemonName::{Catalogd, Ingestd, Queryd, Storaged};

async fn lake() -> anyhow::Result<Stack> {
    Stack::of(&[Storaged, Catalogd, Ingestd, Queryd]).start().await
}

/// Does a step of `lake.py`.
fn step(stack: &Stack, step: &str) -> anyhow::Result<Value> {
    let program = testkit::repository().join("tests/stack/tests/it/clients/lake.py");
    run_lake_client(stack, &program, step)
}

/// What queryd answers, rows only.
async fn sql(stack: &Stack, sql: &str) -> anyhow::Result<Value> {
    let answer = stack.http(Queryd)?.post("/sql", &json!({"sql": sql})).expect(200).await?;
    Ok(answer["rows"].clone())
}

async fn ingest(stack: &Stack, table: &str, mode: &str, csv: &str) -> anyhow::Result<()> {
    let path = format!("/ingest?table={table}&mode={mode}");
    let answer = stack.http(Ingestd)?.call(Method::POST, &path).body("text/csv", csv).expect(200).await?;
    ensure!(answer["rows_rejected"] == 0, "{answer}");
    Ok(())
}

async fn end(mut stack: Stack) -> anyhow::Result<()> {
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn rows_of_pyiceberg_are_those_of_queryd_and_of_duckdb_and_the_other_way_round() -> anyhow::Result<()> {
    let stack = lake().await?;
    step(&stack, "pyiceberg.create")?;
    let sums = "SELECT count(*), count(name), sum(id), sum(amount), min(day), max(at) FROM hr.people";
    let written = sql(&stack, sums).await?;
    ensure!(written == json!([[100, 80, 4950, "49.50", "2026-11-25", "2026-11-25T12:01:39Z"]]), "{written}");

    ingest(
        &stack,
        "hr.people",
        "append",
        "id,name,amount,day,at\n100,x,1.5,2026-01-01,2026-01-01T00:00:00Z\n",
    )
    .await?;
    step(&stack, "pyiceberg.append")?;
    let by_pyiceberg = step(&stack, "pyiceberg.read")?;
    ensure!(by_pyiceberg.as_array().is_some_and(|rows| rows.len() == 151), "{by_pyiceberg}");
    ensure!(by_pyiceberg[100][1] == "x" || by_pyiceberg[101][1] == "x", "{by_pyiceberg}");
    let ours = sql(&stack, "SELECT id, name, amount FROM hr.people ORDER BY id, name").await?;
    let three = |rows: &Value| -> Vec<Value> {
        let rows = rows.as_array().into_iter().flatten();
        let mut rows: Vec<Value> = rows.map(|row| json!([row[0], row[1], row[2]])).collect();
        rows.sort_by_key(ToString::to_string);
        rows
    };
    ensure!(three(&ours) == three(&by_pyiceberg), "{ours} {by_pyiceberg}");
    let by_duckdb = step(&stack, "duckdb.read")?;
    ensure!(three(&by_duckdb) == three(&by_pyiceberg), "{by_duckdb}");
    end(stack).await
}

#[tokio::test]
async fn schema_that_pyiceberg_changes_is_read_by_all_and_its_names_are_those_of_now() -> anyhow::Result<()> {
    let stack = lake().await?;
    step(&stack, "pyiceberg.create")?;
    step(&stack, "pyiceberg.evolve")?;
    ingest(
        &stack,
        "hr.people",
        "append",
        "id,full_name,amount,at,age\n500,new,1.5,2026-01-01T00:00:00Z,33\n",
    )
    .await?;
    let ours =
        sql(&stack, "SELECT id, full_name, age FROM hr.people WHERE id IN (1, 500) ORDER BY id").await?;
    ensure!(ours == json!([[1, "n1", null], [500, "new", 33]]), "{ours}");
    let by_duckdb = step(&stack, "duckdb.read")?;
    let by_pyiceberg = step(&stack, "pyiceberg.read")?;
    ensure!(by_duckdb == by_pyiceberg, "{by_duckdb} {by_pyiceberg}");
    let last = by_pyiceberg.as_array().and_then(|rows| rows.last().cloned());
    ensure!(last == Some(json!([500, "new", "1.50", "2026-01-01T00:00:00+00:00", 33])), "{last:?}");
    end(stack).await
}

#[tokio::test]
async fn column_that_became_wider_is_read_whole_by_all_in_old_files_and_new_ones() -> anyhow::Result<()> {
    let stack = lake().await?;
    step(&stack, "pyiceberg.narrow")?;
    let wider = "id,share,amount\n3000000000,0.123456789012345,123456.78\n";
    let ingestd = stack.http(Ingestd)?;
    let answer =
        ingestd.call(Method::POST, "/ingest?table=hr.people").body("text/csv", wider).expect(200).await?;
    let change = |column, from, to| json!({"column": column, "from": from, "to": to});
    let expected = json!([
        change("id", "int", "long"),
        change("share", "float", "double"),
        change("amount", "decimal(5, 2)", "decimal(8, 2)"),
    ]);
    ensure!(answer["schema_changes"] == expected, "{answer}");
    let rows = json!([
        [-3, 0.25, "-9.99"],
        [1, 0.5, "1.50"],
        [2, null, null],
        [3_000_000_000_i64, 0.123_456_789_012_345, "123456.78"],
    ]);
    let ours = sql(&stack, "SELECT * FROM hr.people ORDER BY id").await?;
    ensure!(ours == rows, "{ours}");
    // Statistics of old files are of the narrow types; pruning by them must lose no row.
    for (condition, found) in
        [("id = 2", 1), ("id < 0", 1), ("id > 2000000000", 1), ("share < 0.3", 2), ("amount > 1.49", 2)]
    {
        let counted = sql(&stack, &format!("SELECT count(*) FROM hr.people WHERE {condition}")).await?;
        ensure!(counted == json!([[found]]), "{condition}: {counted}");
    }
    for client in ["pyiceberg.read", "duckdb.read"] {
        let read = step(&stack, client)?;
        ensure!(read == rows, "{client}: {read}");
    }
    // Old files are read by what writes them anew, too.
    let erase = json!({"where": {"id": 1}});
    let erased = ingestd.post("/tables/hr.people/delete", &erase).expect(200).await?;
    ensure!(erased["rows_deleted"] == 1, "{erased}");
    let left = json!([rows[0], rows[2], rows[3]]);
    ensure!(sql(&stack, "SELECT * FROM hr.people ORDER BY id").await? == left);
    ensure!(step(&stack, "pyiceberg.read")? == left);
    end(stack).await
}

#[tokio::test]
async fn table_that_duckdb_creates_and_fills_is_read_by_all_and_written_by_ingest() -> anyhow::Result<()> {
    let stack = lake().await?;
    step(&stack, "pyiceberg.create")?;
    let by_duckdb = step(&stack, "duckdb.write")?;
    ensure!(by_duckdb == step(&stack, "pyiceberg.read_other")?, "{by_duckdb}");
    let ours = sql(&stack, "SELECT count(*), sum(id), sum(price), max(born) FROM hr.ducks").await?;
    ensure!(ours == json!([[1000, 499_500, "124875.00", "2029-08-20"]]), "{ours}");
    ingest(&stack, "hr.ducks", "append", "id,name,price,born\n1000,last,0.5,2026-11-25\n").await?;
    let found = step(&stack, "pyiceberg.read_other")?;
    ensure!(found[1000] == json!([1000, "last", "0.50", "2026-11-25"]), "{}", found[1000]);
    let sums = step(&stack, "duckdb.write_several_files")?;
    let ours = sql(&stack, "SELECT count(*), sum(id), count(DISTINCT flock) FROM hr.flocks").await?;
    ensure!(ours[0] == sums, "{ours} {sums}");
    end(stack).await
}

#[tokio::test]
async fn rows_that_pyiceberg_deletes_or_overwrites_are_gone_for_all() -> anyhow::Result<()> {
    let stack = lake().await?;
    step(&stack, "pyiceberg.create")?;
    step(&stack, "pyiceberg.overwrite")?;
    let counted = "SELECT count(*), max(id) FROM hr.people";
    ensure!(sql(&stack, counted).await? == json!([[10, 9]]));
    step(&stack, "pyiceberg.delete")?;
    ensure!(sql(&stack, counted).await? == json!([[5, 4]]));
    ensure!(step(&stack, "duckdb.read")?.as_array().is_some_and(|rows| rows.len() == 5));
    end(stack).await
}

#[tokio::test]
async fn table_is_created_in_a_transaction_renamed_and_dropped_with_its_files_by_pyiceberg()
-> anyhow::Result<()> {
    let stack = lake().await?;
    step(&stack, "pyiceberg.create")?;
    step(&stack, "pyiceberg.create_in_a_transaction")?;
    ensure!(sql(&stack, "SELECT count(*) FROM hr.staged").await? == json!([[10]]));
    let listed = step(&stack, "pyiceberg.rename")?;
    ensure!(listed == json!([["archive", "people"]]), "{listed}");
    ensure!(sql(&stack, "SELECT count(*) FROM archive.people").await? == json!([[100]]));
    let namespaces = step(&stack, "pyiceberg.drop")?;
    ensure!(namespaces == json!([["hr"]]), "{namespaces}");
    let storaged = stack.http(Storaged)?;
    testkit::wait_for("the purge", std::time::Duration::from_secs(30), async || {
        let list = storaged.get("/storage?prefix=hr/people").expect(200).await?;
        ensure!(list["objects"] == json!([]), "{list}");
        Ok(())
    })
    .await?;
    end(stack).await
}

#[tokio::test]
async fn s3_face_keeps_the_promises_of_s3_to_boto() -> anyhow::Result<()> {
    let stack = lake().await?;
    let objects = step(&stack, "boto.objects")?;
    let all = ["same", "part", "tail", "copy", "etag", "empty"];
    ensure!(all.iter().all(|what| objects[what] == true), "{objects}");
    let parts = step(&stack, "boto.parts")?;
    ensure!(parts == json!({"same": true, "after abort": "NoSuchUpload", "never": "404"}), "{parts}");
    let listing = step(&stack, "boto.listing")?;
    ensure!(listing["found"] == json!(["list/a", "list/b/", "list/c"]), "{listing}");
    ensure!(listing["errors"] == json!(["list/../x"]), "{listing}");
    ensure!(listing["left"] == json!(["list/b/1", "list/b/2", "list/c"]), "{listing}");
    // What came as S3 is there over HTTP, and the other way round.
    let over_http = stack.http(Storaged)?.get("/storage/files/empty").send().await?;
    ensure!(over_http.is_success(), "{over_http:?}");
    end(stack).await
}

#[tokio::test]
async fn s3_face_refuses_what_s3_refuses_and_stores_nothing_of_it() -> anyhow::Result<()> {
    let stack = lake().await?;
    let refusals = step(&stack, "boto.refusals")?;
    for (what, code) in [
        ("again", "PreconditionFailed"),
        ("other etag", "PreconditionFailed"),
        ("same etag", "none"),
        ("wrong md5", "BadDigest"),
        ("wrong crc", "BadDigest"),
        ("missing", "NoSuchKey"),
        ("beyond", "InvalidRange"),
        ("hostile", "InvalidArgument"),
        ("own folder", "InvalidArgument"),
    ] {
        ensure!(refusals[what] == code, "{what}: {refusals}");
    }
    ensure!(refusals["stored anyway"] == json!(["404", "404"]), "{refusals}");
    let strangers = step(&stack, "boto.strangers")?;
    let expected = json!({"wrong secret": "SignatureDoesNotMatch", "unknown key": "InvalidAccessKeyId", "unsigned": 403});
    ensure!(strangers == expected, "{strangers}");
    end(stack).await
}

#[tokio::test]
async fn erased_person_is_in_no_file_once_the_snapshots_before_have_expired() -> anyhow::Result<()> {
    let stack = lake().await?;
    ingest(&stack, "hr.people", "create", "id,name\n1,Ann\n2,Bob\n").await?;
    ingest(&stack, "hr.people", "append", "id,name\n3,Cid\n").await?;
    let storaged = stack.http(Storaged)?;
    let data_files = async || -> anyhow::Result<Vec<String>> {
        let list = storaged.get("/storage?prefix=hr/people").expect(200).await?;
        let keys =
            list["objects"].as_array().into_iter().flatten().filter_map(|object| object["key"].as_str());
        Ok(keys.filter(|key| key.ends_with(".parquet")).map(str::to_owned).collect())
    };
    let before = data_files().await?;
    let erase = json!({"where": {"name": "Bob"}});
    let erased = stack.http(Ingestd)?.post("/tables/hr.people/delete", &erase).expect(200).await?;
    ensure!(erased["rows_deleted"] == 1, "{erased}");
    ensure!(sql(&stack, "SELECT name FROM hr.people ORDER BY id").await? == json!([["Ann"], ["Cid"]]));
    let expire = json!({"older_than_s": 0});
    let expired =
        stack.http(Catalogd)?.post("/catalog/tables/hr.people/expire-snapshots", &expire).expect(200).await?;
    ensure!(expired["snapshot_ids"].as_array().is_some_and(|ids| ids.len() == 2), "{expired}");
    let after = data_files().await?;
    // Of the two files, the one with Bob is gone; a new one has Ann.
    ensure!(
        after.len() == 2 && before.iter().filter(|key| after.contains(key)).count() == 1,
        "{before:?} {after:?}"
    );
    let by_duckdb = step(&stack, "duckdb.read")?;
    ensure!(by_duckdb == json!([[1, "Ann"], [3, "Cid"]]), "{by_duckdb}");
    end(stack).await
}
