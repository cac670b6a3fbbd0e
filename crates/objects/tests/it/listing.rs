use std::collections::BTreeSet;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use objects::{LocalStore, list_page};
use proptest::prelude::*;

use crate::{keys, local};

#[tokio::test]
async fn keys_come_in_byte_order_across_folders() {
    let (_dir, store) = local();
    // '-' and '.' sort before '/', '0' after it: a folder's contents stand between its siblings.
    let sorted = ["a", "b-1", "b.1", "b/x", "b/y/z", "b0", "c"];
    for key in ["c", "b0", "b/y/z", "b/x", "b.1", "b-1", "a"] {
        store.put(&Path::from(key), "x".into()).await.unwrap();
    }
    assert_eq!(keys(&*store).await, sorted);
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_overlap() {
    let (_dir, store) = local();
    let all: Vec<String> = (0..25).map(|n| format!("p{}/{n:02}", n % 3)).collect();
    for key in &all {
        store.put(&Path::from(key.as_str()), "x".into()).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = list_page(&*store, "p", after.as_deref(), 4).await.unwrap();
        seen.extend(page.objects.iter().map(|object| object.location.to_string()));
        after = seen.last().cloned();
        if !page.has_more {
            break;
        }
        assert_eq!(page.objects.len(), 4);
    }
    let sorted: Vec<String> = all.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(seen, sorted);
}

#[tokio::test]
async fn leftovers_of_a_crash_are_never_listed_and_swept_at_start() {
    let (_dir, store) = local();
    store.put(&Path::from("whole"), "x".into()).await.unwrap();
    let leftover = store.root().join(".lakehouse/staging/half");
    std::fs::write(&leftover, "half").unwrap();
    assert_eq!(keys(&*store).await, ["whole"]);

    let reopened = LocalStore::open(store.root()).unwrap();
    assert!(!leftover.exists());
    assert_eq!(keys(&reopened).await, ["whole"]);
}

#[tokio::test]
async fn opening_a_store_leaves_the_uploads_of_others_alone() {
    let (_dir, store) = local();
    let mut upload = store.put_multipart(&Path::from("slow")).await.unwrap();
    upload.put_part("first ".into()).await.unwrap();
    LocalStore::open(store.root()).unwrap();
    upload.put_part("second".into()).await.unwrap();
    upload.complete().await.unwrap();
    let object = store.get(&Path::from("slow")).await.unwrap();
    assert_eq!(object.bytes().await.unwrap(), "first second");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn listing_equals_a_sorted_set_filtered_by_prefix_and_start(
        names in proptest::collection::btree_set("[ab](/[ab.-]{1,2}x){0,2}", 1..12),
        prefix in "[ab/.-]{0,3}",
        after in proptest::option::of("[ab](/[ab.-]{1,2}x){0,2}"),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_dir, store) = local();
            let mut model = BTreeSet::new();
            for name in names {
                if store.put(&Path::from(name.as_str()), "x".into()).await.is_ok() {
                    model.insert(name);
                }
            }
            prop_assume!(!prefix.starts_with('/') && !prefix.contains("//"));
            let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
            prop_assume!(Path::parse(folder).is_ok());
            let page = list_page(&*store, &prefix, after.as_deref(), usize::MAX).await.unwrap();
            let listed: Vec<String> = page.objects.iter().map(|object| object.location.to_string()).collect();
            let expected: Vec<String> = model
                .into_iter()
                .filter(|key| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| key > after))
                .collect();
            prop_assert_eq!(listed, expected);
            Ok(())
        })?;
    }
}
