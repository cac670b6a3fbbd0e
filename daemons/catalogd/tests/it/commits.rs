use axum::http::Method;
use serde_json::json;

use crate::{Fixture, TABLE};

#[tokio::test]
async fn committed_snapshot_is_current_and_survives_a_restart() {
    let catalog = Fixture::with_table().await;
    let change = catalog.append(7).await;
    let snapshot_id = change.snapshot_id;
    let committed = catalog.ok(Method::POST, TABLE, change).await;
    assert_eq!(committed["metadata"]["current-snapshot-id"], snapshot_id);

    let catalog = catalog.restarted().await;
    let metadata = catalog.load().await;
    assert_eq!(metadata.current_snapshot_id(), Some(snapshot_id));
    let files = lake::data_files(&catalog.warehouse, &metadata, None).await.unwrap();
    assert_eq!(files.iter().map(|file| file.record_count).sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_racing_commits_one_wins_and_the_loser_sees_409() {
    for round in 0..8 {
        let catalog = Fixture::with_table().await;
        let (first, second) = (catalog.append(round).await, catalog.append(round + 100).await);
        let ids = [first.snapshot_id, second.snapshot_id];
        let (a, b) =
            tokio::join!(catalog.call(Method::POST, TABLE, first), catalog.call(Method::POST, TABLE, second));
        let (winner, loser) = if a.0.is_success() { (ids[0], b) } else { (ids[1], a) };
        assert_eq!(loser.0.as_u16(), 409, "{}", loser.1);
        assert_eq!(loser.1["error"]["type"], "CommitFailedException");
        let metadata = catalog.load().await;
        assert_eq!(metadata.current_snapshot_id(), Some(winner));
        assert_eq!(metadata.snapshots().len(), 1);
        // The first version and the winner's; nothing of the loser's.
        assert_eq!(catalog.objects(".metadata.json").await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_that_require_nothing_of_each_other_all_happen() {
    let catalog = Fixture::with_table().await;
    let set = |n: u32| {
        json!({"requirements": [], "updates": [
        {"action": "set-properties", "updates": {(format!("key{n}")): "x"}}]})
    };
    let (a, b, c) = tokio::join!(
        catalog.call(Method::POST, TABLE, set(1)),
        catalog.call(Method::POST, TABLE, set(2)),
        catalog.call(Method::POST, TABLE, set(3))
    );
    assert!([&a, &b, &c].iter().all(|answer| answer.0.is_success()), "{a:?} {b:?} {c:?}");
    assert_eq!(catalog.load().await.properties().len(), 3);
}

#[tokio::test]
async fn commit_to_a_missing_table_or_with_a_foreign_uuid_is_refused() {
    let catalog = Fixture::with_table().await;
    let nothing = json!({"requirements": [], "updates": []});
    let missing = catalog.refused(Method::POST, "/iceberg/v1/namespaces/hr/tables/none", nothing).await;
    assert_eq!(missing, (404, "NoSuchTableException".to_owned()));
    let foreign = json!({"requirements": [
        {"type": "assert-table-uuid", "uuid": "00000000-0000-0000-0000-000000000000"}], "updates": []});
    let foreign = catalog.refused(Method::POST, TABLE, foreign).await;
    assert_eq!(foreign, (409, "CommitFailedException".to_owned()));
}

#[tokio::test]
async fn update_that_cannot_be_applied_changes_nothing() {
    let catalog = Fixture::with_table().await;
    let before = (catalog.load().await, catalog.objects("").await);
    for update in [
        json!({"action": "set-current-schema", "schema-id": 99}),
        json!({"action": "set-location", "location": "s3://elsewhere/x"}),
        json!({"action": "no-such-action"}),
        json!({"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 5}),
    ] {
        let body = json!({"requirements": [], "updates": [update]});
        let refused = catalog.refused(Method::POST, TABLE, &body).await;
        assert_eq!(refused, (400, "BadRequestException".to_owned()), "{body}");
    }
    let upgrade =
        json!({"requirements": [], "updates": [{"action": "upgrade-format-version", "format-version": 3}]});
    let refused = catalog.refused(Method::POST, TABLE, upgrade).await;
    assert_eq!(refused, (400, "UnsupportedOperationException".to_owned()));
    assert_eq!((catalog.load().await, catalog.objects("").await), before);
}
