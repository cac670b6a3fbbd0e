use std::sync::Arc;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};
use objects::LocalStore;

use crate::local;

/// Racers enough that two of them meet between check and rename if nothing orders them.
const RACERS: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn create_race_has_one_winner_also_across_stores() {
    let (_dir, store) = local();
    // Another opened store on the same folder stands for another process.
    let stores = [store.clone(), Arc::new(LocalStore::open(store.root()).unwrap())];
    let path = Path::from("deep/down/prize");
    let racers = (0..RACERS).map(|n| {
        let (store, path) = (stores[n % 2].clone(), path.clone());
        tokio::spawn(async move {
            let payload = format!("racer {n}");
            store.put_opts(&path, payload.clone().into(), PutMode::Create.into()).await.map(|_| payload)
        })
    });
    let mut winners = Vec::new();
    for racer in futures::future::join_all(racers).await {
        match racer.unwrap() {
            Ok(payload) => winners.push(payload),
            Err(Error::AlreadyExists { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), winners[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn update_race_has_one_winner() {
    let (_dir, store) = local();
    let path = Path::from("counter");
    let first = store.put(&path, "0".into()).await.unwrap();
    let racers = (0..RACERS).map(|n| {
        let (store, path) = (store.clone(), path.clone());
        let mode = PutMode::Update(UpdateVersion::from(first.clone()));
        tokio::spawn(async move { store.put_opts(&path, n.to_string().into(), PutOptions::from(mode)).await })
    });
    let outcomes = futures::future::join_all(racers).await;
    let won = outcomes.iter().filter(|outcome| outcome.as_ref().unwrap().is_ok()).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn update_of_a_missing_or_changed_object_is_refused() {
    let (_dir, store) = local();
    let path = Path::from("a");
    let version = UpdateVersion::from(store.put(&path, "1".into()).await.unwrap());
    store.put(&path, "2".into()).await.unwrap();
    let update = || PutOptions::from(PutMode::Update(version.clone()));
    assert!(matches!(store.put_opts(&path, "3".into(), update()).await, Err(Error::Precondition { .. })));
    store.delete(&path).await.unwrap();
    assert!(matches!(store.put_opts(&path, "3".into(), update()).await, Err(Error::Precondition { .. })));
    assert!(store.head(&path).await.is_err());
}

#[tokio::test]
async fn etag_changes_with_every_put_and_is_the_one_that_reads_report() {
    let (_dir, store) = local();
    let path = Path::from("a");
    let first = store.put(&path, "same".into()).await.unwrap().e_tag.unwrap();
    let second = store.put(&path, "same".into()).await.unwrap().e_tag.unwrap();
    assert_ne!(first, second);
    assert_eq!(store.head(&path).await.unwrap().e_tag.unwrap(), second);
    assert!(second.starts_with('"') && second.ends_with('"'));
}

#[tokio::test]
async fn delete_says_whether_there_was_an_object() {
    let (_dir, store) = local();
    let path = Path::from("a/b/c");
    store.put(&path, "x".into()).await.unwrap();
    store.delete(&path).await.unwrap();
    assert!(matches!(store.delete(&path).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.delete(&Path::from("a")).await, Err(Error::NotFound { .. })));
}
