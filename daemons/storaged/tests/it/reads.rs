use axum::http::{Method, StatusCode};

use crate::Fixture;

#[tokio::test]
async fn object_comes_back_with_length_etag_and_date() {
    let storage = Fixture::new().await;
    let put = storage.put("a/b.bin", "0123456789").await;
    assert_eq!(put.status, StatusCode::OK);
    assert_eq!(put.json()["key"], "a/b.bin");

    let get = storage.get("a/b.bin", &[]).await;
    assert_eq!((get.status, &get.body[..]), (StatusCode::OK, &b"0123456789"[..]));
    assert_eq!(get.header("etag"), put.header("etag"));
    assert_eq!(put.json()["etag"], put.header("etag"));
    assert_eq!(get.header("content-length"), "10");
    assert_eq!(get.header("accept-ranges"), "bytes");
    assert!(get.header("last-modified").ends_with(" GMT"));

    let head = storage.call(Method::HEAD, "a/b.bin", &[], "").await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), "10");
    assert_eq!(head.header("etag"), put.header("etag"));
}

#[tokio::test]
async fn missing_object_is_404_with_a_problem() {
    let storage = Fixture::new().await;
    assert_eq!(storage.get("nothing", &[]).await.code(), "not_found");
    assert_eq!(storage.call(Method::HEAD, "nothing", &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(storage.call(Method::DELETE, "nothing", &[], "").await.code(), "not_found");
}

#[tokio::test]
async fn ranges_are_206_and_those_beyond_the_end_416() {
    let storage = Fixture::new().await;
    storage.put("a", "0123456789").await;
    for (range, body, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let get = storage.get("a", &[("range", range)]).await;
        assert_eq!((get.status, &get.body[..]), (StatusCode::PARTIAL_CONTENT, body.as_bytes()), "{range}");
        assert_eq!(get.header("content-range"), content_range);
        assert_eq!(get.header("content-length"), body.len().to_string());
    }
    let beyond = storage.get("a", &[("range", "bytes=10-")]).await;
    assert_eq!(
        (beyond.code().as_str(), beyond.header("content-range")),
        ("range_not_satisfiable", "bytes */10")
    );
    assert_eq!(storage.get("a", &[("range", "bytes=3-1")]).await.status, StatusCode::OK);
    assert_eq!(storage.get("none", &[("range", "bytes=0-1")]).await.code(), "not_found");
}

#[tokio::test]
async fn conditional_reads_compare_the_etag() {
    let storage = Fixture::new().await;
    let etag = storage.put("a", "x").await.header("etag").to_owned();
    let same = storage.get("a", &[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.header("etag")), (StatusCode::NOT_MODIFIED, etag.as_str()));
    assert_eq!(storage.get("a", &[("if-none-match", "\"other\"")]).await.status, StatusCode::OK);
    assert_eq!(storage.get("a", &[("if-match", &etag)]).await.status, StatusCode::OK);
    assert_eq!(storage.get("a", &[("if-match", "\"other\"")]).await.code(), "precondition_failed");
    let stale = storage.get("a", &[("range", "bytes=0-0"), ("if-range", "\"other\"")]).await;
    assert_eq!(stale.status, StatusCode::OK);
}

#[tokio::test]
async fn listing_pages_through_a_prefix_in_key_order() {
    let storage = Fixture::new().await;
    for key in ["b/2", "a/1", "b/1", "bb", "b/3"] {
        storage.put(key, key).await;
    }
    assert_eq!(storage.keys("").await, ["a/1", "b/1", "b/2", "b/3", "bb"]);
    assert_eq!(storage.keys("?prefix=b/").await, ["b/1", "b/2", "b/3"]);
    let page = storage.list("?prefix=b&limit=2").await.json();
    assert_eq!(page["next"], "b/2");
    assert_eq!(page["objects"][0]["size"], 3);
    assert_eq!(storage.keys("?prefix=b&limit=2&after=b/2").await, ["b/3", "bb"]);
    assert_eq!(storage.list("?prefix=b&after=b/3").await.json().get("next"), None);
    for bad in ["?limit=0", "?limit=10001", "?limit=x", "?prefixx=a", "?prefix=../etc/"] {
        assert_eq!(storage.list(bad).await.code(), "invalid_argument", "{bad}");
    }
}
