//! Objects in the bucket, through storaged.

use anyhow::ensure;
use testkit::{Http, Reply};
use wire::DaemonName::Storaged;
use wire::ErrorCode;

use super::{PREFIX, keys, on_s3, server};

/// More than two parts of an upload.
const LARGE_BYTES: usize = 20 << 20;
const RACERS: usize = 16;

async fn put_if(http: &Http, path: &str, condition: (&str, &str), body: &str) -> anyhow::Result<Reply> {
    http.put(path, body).header(condition.0, condition.1).send().await
}

#[tokio::test]
async fn objects_on_s3_are_put_read_listed_and_deleted_as_on_a_disk() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let mut stack = on_s3(&[Storaged], &server, &user).start().await?;
    let http = stack.http(Storaged)?;
    for name in ["b.txt", "a%20%C3%BC.txt", "c%2Bd/e.txt"] {
        http.put(&format!("/storage/notes/{name}"), "0123456789").expect(200).await?;
    }
    let path = "/storage/notes/a%20%C3%BC.txt";
    let whole = http.get(path).send().await?;
    ensure!(whole.status == 200 && whole.body == b"0123456789", "{whole}");
    for (range, status, body) in
        [("bytes=2-4", 206, "234"), ("bytes=-2", 206, "89"), ("bytes=7-", 206, "789")]
    {
        let part = http.get(path).header("range", range).send().await?;
        ensure!(part.status == status && part.body == body.as_bytes(), "{range}: {part}");
    }
    let beyond = http.get(path).header("range", "bytes=10-").send().await?;
    beyond.expect_problem(ErrorCode::RangeNotSatisfiable)?;
    ensure!(beyond.header("content-range") == "bytes */10", "{beyond}");
    let unchanged = http.get(path).header("if-none-match", whole.header("etag")).send().await?;
    ensure!(unchanged.status == 304, "{unchanged}");

    let list = http.get("/storage?prefix=notes/&limit=2").expect(200).await?;
    ensure!(
        list["objects"][0]["key"] == "notes/a ü.txt" && list["objects"][1]["key"] == "notes/b.txt",
        "{list}"
    );
    let rest = http.get("/storage?prefix=notes/&limit=2&after=notes/b.txt").expect(200).await?;
    ensure!(rest["objects"][0]["key"] == "notes/c+d/e.txt" && rest["next"].is_null(), "{rest}");
    ensure!(keys(&server).await?.contains(&format!("{PREFIX}/notes/c+d/e.txt")));

    http.delete(path).expect(204).await?;
    http.get(path).send().await?.expect_problem(ErrorCode::NotFound)?;
    http.delete(path).send().await?.expect_problem(ErrorCode::NotFound)?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn large_object_on_s3_travels_in_parts_and_comes_back_whole() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let stack = on_s3(&[Storaged], &server, &user).start().await?;
    let http = stack.http(Storaged)?;
    let large: Vec<u8> = (0..LARGE_BYTES).map(|at| (at / 251 + at % 251) as u8).collect();
    http.put("/storage/large", large.clone()).expect(200).await?;
    let back = http.get("/storage/large").send().await?;
    ensure!(back.status == 200 && back.body == large, "{} bytes came back", back.body.len());
    let (from, to) = (8 << 20, (8 << 20) + 1);
    let seam = http.get("/storage/large").header("range", &format!("bytes={}-{to}", from - 1)).send().await?;
    ensure!(seam.status == 206 && seam.body == large[from - 1..=to], "{seam}");
    Ok(())
}

#[tokio::test]
async fn of_many_creates_on_s3_at_once_one_wins() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let mut stack = on_s3(&[Storaged], &server, &user).start().await?;
    let http = stack.http(Storaged)?;
    let mut racers = tokio::task::JoinSet::new();
    for racer in 0..RACERS {
        let http = http.clone();
        racers.spawn(async move {
            let name = format!("racer {racer}");
            Ok::<_, anyhow::Error>((
                put_if(&http, "/storage/prize", ("if-none-match", "*"), &name).await?,
                name,
            ))
        });
    }
    let mut winners = Vec::new();
    while let Some(raced) = racers.join_next().await {
        let (reply, name) = raced??;
        if reply.is_success() {
            winners.push(name);
        } else {
            reply.expect_problem(ErrorCode::PreconditionFailed)?;
        }
    }
    let prize = http.get("/storage/prize").send().await?;
    ensure!(winners.len() == 1 && prize.body == winners[0].as_bytes(), "{winners:?} won, there is {prize}");

    let etag = prize.header("etag");
    let replaced = put_if(&http, "/storage/prize", ("if-match", etag), "2").await?;
    ensure!(replaced.is_success(), "{replaced}");
    for path in ["/storage/prize", "/storage/nothing"] {
        let stale = put_if(&http, path, ("if-match", etag), "3").await?;
        stale.expect_problem(ErrorCode::PreconditionFailed)?;
    }
    stack.stop().await?;
    stack.assert_quiet(&[])
}
