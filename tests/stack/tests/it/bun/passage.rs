//! Between a caller and a gateway that are played by the test.

use anyhow::{Context, ensure};
use testkit::FrontEnd;
use wire::ErrorCode;

use super::by_hand::{Line, Upstream};

/// A body in pieces, so large that a front end which kept it could be told by its memory.
const PIECE_BYTES: usize = 1 << 20;
const PIECES: usize = 512;
/// Bun's own memory, and what is on its way.
const MAX_RSS_BYTES: u64 = 256 << 20;

async fn between() -> anyhow::Result<(Upstream, FrontEnd)> {
    let upstream = Upstream::start().await?;
    let front_end = FrontEnd::start(Some(&upstream.url()?)).await?;
    Ok((upstream, front_end))
}

/// A caller that has sent a request, and the gateway that has received it.
async fn request(
    upstream: &Upstream,
    front_end: &FrontEnd,
    text: &str,
) -> anyhow::Result<(Line, Line, String)> {
    let mut caller = Line::connect(front_end.address()).await?;
    caller.say(text).await?;
    let mut gateway = upstream.accept().await?;
    let head = gateway.hear("\r\n\r\n").await?;
    Ok((caller, gateway, head))
}

#[tokio::test]
async fn route_is_there_only_while_the_variable_is_set() -> anyhow::Result<()> {
    for unset in [None, Some("")] {
        let front_end = FrontEnd::start(unset).await?;
        let problem =
            front_end.gateway().get("/v1/status").send().await?.expect_problem(ErrorCode::NotFound)?;
        ensure!(problem.detail.contains("GO_LAKEHOUSE_URL"), "{problem:?}");
        let page = front_end.http().get("/?q=x").send().await?;
        ensure!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{page}");
    }
    let refused = FrontEnd::start(Some("127.0.0.1:4110")).await.err().context("no URL, yet it started")?;
    ensure!(format!("{refused:#}").contains("GO_LAKEHOUSE_URL"), "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn gateway_that_is_down_is_named_with_what_to_do() -> anyhow::Result<()> {
    let url = "http://127.0.0.1:1";
    let front_end = FrontEnd::start(Some(url)).await?;
    let call =
        front_end.gateway().post("/v1/matrix/search", &serde_json::json!({})).header("x-request-id", "r1");
    let problem = call.send().await?.expect_problem(ErrorCode::UpstreamFailed)?;
    let says = |what: &str| problem.detail.contains(what);
    ensure!(says(url) && says("lakectl status") && says("GO_LAKEHOUSE_URL"), "{problem:?}");
    ensure!(problem.request_id == "r1", "{problem:?}");
    Ok(())
}

#[tokio::test]
async fn gateway_that_comes_back_is_found() -> anyhow::Result<()> {
    let (upstream, front_end) = between().await?;
    let get = "GET /_go/ HTTP/1.1\r\nhost: x\r\n\r\n";
    let (mut caller, gateway, _) = request(&upstream, &front_end, get).await?;
    drop(gateway);
    caller.hear("upstream_failed").await?;
    let (mut caller, mut gateway, _) = request(&upstream, &front_end, get).await?;
    gateway.say("HTTP/1.1 204 No Content\r\n\r\n").await?;
    caller.hear("HTTP/1.1 204 No Content\r\n").await.map(drop)
}

#[tokio::test]
async fn all_headers_pass_but_those_of_the_connection() -> anyhow::Result<()> {
    let (upstream, front_end) = between().await?;
    let (mut caller, mut gateway, head) = request(
        &upstream,
        &front_end,
        "POST /_go/v1/a%2Fb/../c?q=%20 HTTP/1.1\r\nhost: front\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nte: trailers\r\n\
         authorization: Bearer t\r\nx-twice: 1\r\nx-twice: 2\r\ncontent-length: 2\r\n\r\nhi",
    )
    .await?;
    ensure!(head.starts_with("POST /v1/a%2Fb/../c?q=%20 HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    for passed in
        ["authorization: bearer t\r\n", "x-twice: 1", "content-length: 2\r\n", &upstream.url()?[7..]]
    {
        ensure!(head.contains(passed), "{passed} is missing: {head}");
    }
    ensure!(!["x-hop", "te:", "front", "accept-encoding"].iter().any(|name| head.contains(name)), "{head}");
    gateway.hear("hi").await?;
    let compressed = "\u{1f}not really gzip";
    let length = compressed.len();
    gateway
        .say(format!(
            "HTTP/1.1 299 Odd\r\nconnection: x-hop\r\nx-hop: 1\r\nset-cookie: a\r\nset-cookie: b\r\ndate: today\r\n\
             content-encoding: gzip\r\ncontent-length: {length}\r\n\r\n{compressed}"
        ))
        .await?;
    let answer = caller.hear(compressed).await?.to_lowercase();
    ensure!(answer.starts_with("http/1.1 299 odd\r\n"), "{answer}");
    let length = format!("content-length: {length}\r\n");
    for passed in
        ["set-cookie: a\r\n", "set-cookie: b\r\n", "date: today\r\n", "content-encoding: gzip\r\n", &length]
    {
        ensure!(answer.contains(passed), "{passed} is missing: {answer}");
    }
    ensure!(!answer.contains("x-hop"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn events_arrive_one_by_one() -> anyhow::Result<()> {
    let (upstream, front_end) = between().await?;
    let get = "GET /_go/v1/events HTTP/1.1\r\nhost: x\r\n\r\n";
    let (mut caller, mut gateway, _) = request(&upstream, &front_end, get).await?;
    gateway
        .say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    caller.hear("\r\n\r\n").await?;
    for number in 0..3 {
        let event = format!("data: {number}\n\n");
        gateway.say(format!("{:x}\r\n{event}\r\n", event.len())).await?;
        caller.hear(&event).await?;
    }
    gateway.say("0\r\n\r\n").await?;
    caller.hear("0\r\n\r\n").await.map(drop)
}

#[tokio::test]
async fn upload_is_passed_on_while_it_comes_and_is_never_held() -> anyhow::Result<()> {
    let (upstream, front_end) = between().await?;
    let bytes = PIECES * PIECE_BYTES;
    let put = format!("PUT /_go/v1/storage/x HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\nfirst");
    let (mut caller, mut gateway, head) = request(&upstream, &front_end, &put).await?;
    ensure!(head.to_lowercase().contains(&format!("content-length: {bytes}\r\n")), "{head}");
    gateway.hear("first").await?;
    let sent = async {
        let piece = vec![0; PIECE_BYTES];
        for _ in 1..PIECES {
            caller.say(&piece).await?;
        }
        caller.say(&piece["first".len()..]).await
    };
    tokio::try_join!(sent, gateway.skip(bytes - "first".len()))?;
    gateway.say("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await?;
    caller.hear("HTTP/1.1 201 Created\r\n").await?;
    let peak = front_end.peak_rss_bytes()?;
    ensure!(peak < MAX_RSS_BYTES, "{peak} bytes of memory for an upload of {bytes}");
    Ok(())
}

#[tokio::test]
async fn caller_that_leaves_ends_the_request_to_the_gateway() -> anyhow::Result<()> {
    let (upstream, front_end) = between().await?;
    let get = "GET /_go/v1/slow HTTP/1.1\r\nhost: x\r\n\r\n";
    let (caller, mut gateway, _) = request(&upstream, &front_end, get).await?;
    drop(caller);
    gateway.ends().await.context("before the answer")?;

    let (mut caller, mut gateway, _) = request(&upstream, &front_end, get).await?;
    gateway.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").await?;
    caller.hear("hi").await?;
    drop(caller);
    gateway.ends().await.context("in the middle of the answer")?;

    let put = "PUT /_go/v1/storage/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf";
    let (caller, mut gateway, _) = request(&upstream, &front_end, put).await?;
    gateway.hear("half").await?;
    drop(caller);
    gateway.ends().await.context("in the middle of the request").map(drop)
}

#[tokio::test]
async fn answer_that_breaks_off_is_never_taken_for_a_whole_one() -> anyhow::Result<()> {
    let (upstream, front_end) = between().await?;
    let get = "GET /_go/v1/storage/x HTTP/1.1\r\nhost: x\r\n\r\n";
    for framing in ["content-length: 9\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let (mut caller, mut gateway, _) = request(&upstream, &front_end, get).await?;
        gateway.say(format!("HTTP/1.1 200 OK\r\n{framing}")).await?;
        caller.hear("half").await?;
        drop(gateway);
        let rest = caller.ends().await?;
        ensure!(rest.is_empty() || rest == "\r\n", "{framing:?} goes on with {rest:?}");
    }
    Ok(())
}
