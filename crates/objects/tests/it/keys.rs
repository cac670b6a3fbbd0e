use object_store::ObjectStoreExt;
use object_store::path::Path;
use objects::Key;
use proptest::prelude::*;

use crate::{keys, local};

#[tokio::test]
async fn odd_keys_survive_a_round_trip_and_the_listing() {
    let (_dir, store) = local();
    let odd =
        ["#1", "100%", "...", "a b", "a#1", "a%20b", "a/.lakehouse", "x/*?[]{}^`|<>\"'", "~", "Zoë/№ 7"];
    for key in odd {
        store.put(&key.parse::<Key>().unwrap().path(), key.into()).await.unwrap();
    }
    for key in odd {
        let object = store.get(&key.parse::<Key>().unwrap().path()).await.unwrap();
        assert_eq!(object.bytes().await.unwrap(), key);
    }
    let mut sorted = odd.map(str::to_owned).to_vec();
    sorted.sort();
    assert_eq!(keys(&*store).await, sorted);
}

#[tokio::test]
async fn longest_legal_key_is_stored() {
    let (_dir, store) = local();
    let key = [255, 255, 255, 255, 0].map(|n| "k".repeat(n)).join("/").trim_end_matches('/').to_owned();
    assert_eq!(key.len(), 1023);
    let path = key.parse::<Key>().unwrap().path();
    store.put(&path, "x".into()).await.unwrap();
    assert_eq!(store.head(&path).await.unwrap().size, 1);
}

#[tokio::test]
async fn path_that_is_no_key_is_refused_even_past_the_key_type() {
    let (dir, store) = local();
    let escape = Path::parse("a/%2e%2e/b").unwrap();
    assert!(store.put(&escape, "x".into()).await.is_err());
    assert!(store.put(&Path::from(".lakehouse/lock"), "x".into()).await.is_err());
    assert!(store.get(&Path::from(".lakehouse/lock")).await.is_err());
    assert!(store.put(&Path::ROOT, "x".into()).await.is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn symbolic_links_are_neither_followed_nor_listed() {
    let (dir, store) = local();
    let secret = dir.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    std::fs::write(secret.join("file"), "secret").unwrap();
    std::os::unix::fs::symlink(&secret, store.root().join("out")).unwrap();
    std::os::unix::fs::symlink(secret.join("file"), store.root().join("link")).unwrap();

    for key in ["out/file", "link"] {
        let path = Path::from(key);
        assert!(matches!(store.get(&path).await, Err(object_store::Error::NotFound { .. })), "{key}");
        assert!(store.put(&path, "x".into()).await.is_err(), "{key}");
        assert!(store.delete(&path).await.is_err(), "{key}");
    }
    assert!(store.put(&Path::from("out/new"), "x".into()).await.is_err());
    assert_eq!(keys(&*store).await, Vec::<String>::new());
    assert!(objects::list_page(&*store, "out/", None, 9).await.unwrap().objects.is_empty());
    assert_eq!(std::fs::read_to_string(secret.join("file")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(&secret).unwrap().count(), 1);
}

#[tokio::test]
async fn object_cannot_be_the_folder_of_another() {
    let (_dir, store) = local();
    store.put(&Path::from("a"), "x".into()).await.unwrap();
    let below = store.put(&Path::from("a/b"), "x".into()).await;
    assert!(matches!(below, Err(object_store::Error::AlreadyExists { .. })), "{below:?}");
    store.put(&Path::from("c/d"), "x".into()).await.unwrap();
    let above = store.put(&Path::from("c"), "x".into()).await;
    assert!(matches!(above, Err(object_store::Error::AlreadyExists { .. })), "{above:?}");
    assert_eq!(keys(&*store).await, ["a", "c/d"]);
    // Once the object is gone, so is its folder.
    store.delete(&Path::from("c/d")).await.unwrap();
    store.put(&Path::from("c"), "x".into()).await.unwrap();
}

proptest! {
    #[test]
    fn no_key_leads_out_of_the_root(text in "[a.%/\\\\2eEfF5cC0 -]{0,24}") {
        if let Ok(key) = text.parse::<Key>() {
            let mut decoded = key.to_string();
            for _ in 0..4 {
                prop_assert!(!decoded.split(['/', '\\']).any(|part| matches!(part, "" | "." | "..")));
                decoded = percent_decoded(&decoded);
            }
        }
    }
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
