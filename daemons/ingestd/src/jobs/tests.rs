//! Jobs from submission to their end, against an embedd that notes what it is sent and a vectord that keeps it in memory.

mod model;
mod peers;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client::PeerUrls;
use serde_json::json;
use wire::DaemonName;
use wire::ingest::IndexJobState;

use super::*;
use crate::deletion::Which;
use crate::fake::{World, request};
use peers::{Indexed, Peers, serve, vector_of};

/// A job service over a table of six people, in batches of two rows.
struct Fixture {
    world: World,
    peers: Arc<Peers>,
    urls: PeerUrls,
    ledger: Ledger,
    jobs: Jobs,
}

const PEOPLE: &str = "id,role,years\na,Welder,1\nb,Welder,2\nc,Cook,3\nd,Cook,4\ne,,5\nf,Nurse,6\n";

fn jobs(world: &World, urls: &PeerUrls, ledger: &Ledger) -> Jobs {
    let env = service::testing::env(world.folder.path(), urls.clone()).unwrap();
    let config =
        Config { index_batch_rows: 2, peer_patience_s: 0, follow_poll_s: 3_600, ..Config::default() };
    Jobs::new(env, world.warehouse.clone(), world.catalogue.clone(), ledger.clone(), Arc::new(config))
}

impl Fixture {
    async fn new() -> Self {
        let fixture = Self::empty().await;
        fixture.world.load(&request("hr.people"), PEOPLE).await.unwrap();
        fixture
    }

    async fn empty() -> Self {
        let peers = Arc::new(Peers::default());
        let urls = serve(Arc::clone(&peers)).await;
        Self::with_peers(peers, urls)
    }

    fn with_peers(peers: Arc<Peers>, urls: PeerUrls) -> Self {
        let world = World::new();
        let path = world.folder.path().join("jobs.sqlite");
        let ledger = Ledger::open(&path, &[MIGRATION, MIGRATION_FOLLOWING]).unwrap();
        let jobs = jobs(&world, &urls, &ledger);
        Self { world, peers, urls, ledger, jobs }
    }

    async fn submit(&self, request: IndexJobRequest) -> Result<String, ApiError> {
        self.jobs.submit(&CallContext::root(Duration::from_secs(60)), request).await
    }

    /// Waits until the job is as it should be.
    async fn until(&self, job_id: &str, is_so: impl Fn(&IndexJob) -> bool) -> IndexJob {
        let mut changes = self.jobs.changes();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                let job = self.jobs.get(job_id.to_owned()).await.unwrap().unwrap();
                if is_so(&job) {
                    return job;
                }
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        let Ok(job) = waited else { panic!("{:?}", self.jobs.get(job_id.to_owned()).await) };
        job
    }

    async fn ended(&self, job_id: String) -> IndexJob {
        self.until(&job_id, |job| job.state.is_over()).await
    }

    async fn index(&self, request: IndexJobRequest) -> IndexJob {
        let job_id = self.submit(request).await.unwrap();
        self.ended(job_id).await
    }

    /// Stops everything where it is, as a kill does, and starts again.
    async fn restart(&mut self) {
        self.jobs.env.shutdown.cancel();
        self.jobs.env.tasks.close();
        self.jobs.env.tasks.wait().await;
        self.peers.answers.store(usize::MAX, Ordering::Relaxed);
        self.jobs = jobs(&self.world, &self.urls, &self.ledger);
        self.jobs.resume().await.unwrap();
    }

    /// A job that is killed in its addition number `additions`, from 1.
    async fn killed(&self, request: IndexJobRequest, additions: usize) -> String {
        self.peers.answers.store(additions - 1, Ordering::Relaxed);
        let job_id = self.submit(request).await.unwrap();
        tokio::time::timeout(Duration::from_secs(60), self.peers.stuck.notified()).await.unwrap();
        job_id
    }

    async fn delete(&self, id: &str) {
        let key = json!({"id": id}).as_object().unwrap().clone();
        self.world.delete("hr.people", &Which::Keys(vec![key])).await.unwrap();
        self.jobs.table_changed(&"hr.people".parse().unwrap());
    }

    async fn upsert(&self, body: &str) {
        self.world.upsert(&crate::fake::upsert_request("hr.people", "id"), body).await.unwrap();
        self.jobs.table_changed(&"hr.people".parse().unwrap());
    }

    fn indexed_ids(&self) -> Vec<String> {
        self.peers.items.lock().iter().flatten().map(|(id, _)| id.clone()).collect()
    }

    /// What was embedded since the last call, sorted.
    fn embedded(&self) -> Vec<String> {
        let mut texts = std::mem::take(&mut *self.peers.texts.lock());
        texts.sort();
        texts
    }
}

fn counts(job: &IndexJob) -> [u64; 4] {
    [job.added, job.updated, job.deleted, job.unchanged]
}

fn people() -> IndexJobRequest {
    IndexJobRequest {
        table: "hr.people".to_owned(),
        id_column: "id".to_owned(),
        text_template: "{role} ({years})".to_owned(),
        metadata_columns: vec!["role".to_owned(), "years".to_owned()],
        index: "people".to_owned(),
        follow: false,
    }
}

fn following() -> IndexJobRequest {
    IndexJobRequest { follow: true, ..people() }
}

#[tokio::test]
async fn every_row_is_embedded_and_indexed_with_its_metadata() {
    let fixture = Fixture::new().await;
    let job = fixture.index(people()).await;
    assert_eq!((job.state, job.done, job.total, &job.error), (IndexJobState::Succeeded, 6, 6, &None));
    assert_eq!((counts(&job), job.snapshot_id), ([6, 0, 0, 0], fixture.world.snapshot_id("hr.people")));
    assert!(job.rate > 0.0);
    assert_eq!(fixture.peers.created.load(Ordering::Relaxed), 1);
    assert_eq!(fixture.indexed_ids(), ["a", "b", "c", "d", "e", "f"]);
    let items = fixture.peers.items.lock();
    let (vector, metadata) = &items.as_ref().unwrap()["c"];
    assert_eq!(metadata, &json!({"role": "Cook", "years": 3}));
    assert_eq!(*vector, vector_of("Cook (3)"), "vectors stay with their rows");
}

#[tokio::test]
async fn second_job_embeds_what_has_changed_and_nothing_else() {
    let fixture = Fixture::new().await;
    fixture.index(people()).await;
    fixture.embedded();
    let same = fixture.index(people()).await;
    assert_eq!((counts(&same), same.total), ([0, 0, 0, 0], 0), "not even looked at");

    fixture.world.load(&request("hr.people"), "id,role,years\ng,Cook,7\n").await.unwrap();
    let appended = fixture.index(people()).await;
    assert_eq!((counts(&appended), appended.total), ([1, 0, 0, 0], 1), "only the file that came");

    fixture.upsert("id,role,years\na,Welder,9\nb,Welder,2\nh,Nurse,1\n").await;
    fixture.delete("c").await;
    let changed = fixture.index(people()).await;
    assert_eq!(counts(&changed), [1, 1, 1, 4], "d, e and f stood in a file with others, b came as it was");
    assert_eq!(fixture.embedded(), ["Cook (7)", "Nurse (1)", "Welder (9)"]);
    assert_eq!(fixture.indexed_ids(), ["a", "b", "d", "e", "f", "g", "h"]);

    fixture.world.compact("hr.people").await;
    assert_eq!(fixture.index(people()).await.total, 0, "a compaction changes no row");
}

#[tokio::test]
async fn index_that_is_not_what_it_was_is_made_anew() {
    let fixture = Fixture::new().await;
    fixture.index(people()).await;
    *fixture.peers.items.lock() = None;
    fixture.peers.version.store(0, Ordering::Relaxed);
    assert_eq!(counts(&fixture.index(people()).await), [6, 0, 0, 0], "it was dropped");
    *fixture.peers.items.lock() = Some(BTreeMap::new());
    fixture.peers.version.store(1, Ordering::Relaxed);
    assert_eq!(counts(&fixture.index(people()).await), [6, 0, 0, 0], "it came back from an old snapshot");
    assert_eq!(fixture.indexed_ids().len(), 6);
}

#[tokio::test]
async fn other_settings_another_model_and_an_expired_snapshot_are_compared_with_the_whole_table() {
    let fixture = Fixture::new().await;
    fixture.index(people()).await;
    fixture.embedded();
    let by_role = IndexJobRequest { text_template: "{role}".to_owned(), ..people() };
    assert_eq!(counts(&fixture.index(by_role.clone()).await), [0, 6, 0, 0]);
    *fixture.peers.model.lock() = "another";
    assert_eq!(counts(&fixture.index(by_role.clone()).await), [0, 6, 0, 0]);
    assert_eq!(fixture.embedded().len(), 12);

    fixture.delete("a").await;
    fixture.upsert("id,role,years\ng,Cook,7\n").await;
    fixture.world.compact("hr.people").await;
    fixture.world.expire("hr.people").await;
    let expired = fixture.index(by_role).await;
    assert_eq!((counts(&expired), expired.total), ([1, 0, 1, 5], 6));
    assert_eq!(fixture.embedded(), ["Cook"]);
    assert_eq!(fixture.indexed_ids(), ["b", "c", "d", "e", "f", "g"]);
}

#[tokio::test]
async fn table_without_rows_empties_its_index() {
    let fixture = Fixture::new().await;
    fixture.index(people()).await;
    for id in ["a", "b", "c", "d", "e", "f"] {
        fixture.delete(id).await;
    }
    let emptied = fixture.index(people()).await;
    assert_eq!((emptied.state, counts(&emptied)), (IndexJobState::Succeeded, [0, 0, 6, 0]));
    assert_eq!(fixture.indexed_ids(), [""; 0]);
    let elsewhere = IndexJobRequest { index: "elsewhere".to_owned(), ..people() };
    assert_eq!(fixture.submit(elsewhere).await.unwrap_err().code(), ErrorCode::Unprocessable);
}

#[tokio::test]
async fn killed_job_goes_on_behind_the_last_counted_row_to_the_snapshot_that_it_began_with() {
    let mut fixture = Fixture::new().await;
    let snapshot_id = fixture.world.snapshot_id("hr.people");
    fixture.jobs.config = Arc::new(Config { index_batches_in_flight: 1, ..(*fixture.jobs.config).clone() });
    let job_id = fixture.killed(people(), 2).await;
    let counted = fixture.until(&job_id, |job| job.done > 0).await;
    assert_eq!((counted.done, counted.state), (2, IndexJobState::Running));
    fixture.embedded();
    fixture.world.load(&request("hr.people"), "id,role,years\ng,Cook,7\n").await.unwrap();
    fixture.restart().await;
    let job = fixture.ended(job_id).await;
    assert_eq!((job.state, job.done, job.snapshot_id), (IndexJobState::Succeeded, 6, snapshot_id));
    assert_eq!(counts(&job), [6, 0, 0, 0], "each row is counted once");
    assert_eq!(fixture.embedded(), [" (5)", "Cook (3)", "Cook (4)", "Nurse (6)"]);
    assert_eq!(counts(&fixture.index(people()).await), [1, 0, 0, 0]);
}

#[tokio::test]
async fn person_who_came_and_went_around_a_failed_job_is_not_left_in_the_index() {
    let fixture = Fixture::new().await;
    fixture.index(people()).await;
    fixture.world.load(&request("hr.people"), "id,role,years\ng,Cook,7\nh,Cook,8\ni,Cook,9\n").await.unwrap();
    *fixture.peers.refuses_text.lock() = Some("Cook (9)".to_owned());
    let failed = fixture.index(people()).await;
    assert_eq!((failed.state, counts(&failed)), (IndexJobState::Failed, [2, 0, 0, 0]));
    fixture.delete("g").await;
    fixture.delete("i").await;
    let job = fixture.index(people()).await;
    assert_eq!(counts(&job), [0, 0, 1, 7]);
    assert_eq!(fixture.indexed_ids(), ["a", "b", "c", "d", "e", "f", "h"]);
}

#[tokio::test]
async fn killed_job_whose_token_is_gone_waits_until_the_daemon_has_one_of_its_own() {
    let mut fixture = Fixture::new().await;
    let round = Round { total: 6, ..Round::default() };
    let job = StoredJob { job_id: "1".to_owned(), request: people(), round };
    fixture.jobs.store.insert(&job, Vec::new()).await.unwrap();
    fixture.jobs.env.service_token = ServiceToken::Missing;
    fixture.jobs.resume().await.unwrap();
    let waiting = fixture.jobs.get("1".to_owned()).await.unwrap().unwrap();
    assert_eq!(waiting.state, IndexJobState::Queued);
    assert!(waiting.error.is_some_and(|error| error.contains("auth.service_token")));
    let degraded = fixture.jobs.env.readiness.report().degraded;
    assert!(degraded[0].contains("auth.service_token") && degraded[0].contains("1 wait"), "{degraded:?}");

    fixture.jobs.env.service_token = ServiceToken::Known(Secret::new("the service's own"));
    fixture.jobs.resume().await.unwrap();
    let job = fixture.ended("1".to_owned()).await;
    assert_eq!((job.state, job.done, job.error), (IndexJobState::Succeeded, 6, None));
    let tokens = fixture.peers.tokens.lock();
    assert_eq!(*tokens, ["Bearer the service's own"; 4], "a probe and three batches");
}

#[tokio::test]
async fn job_that_an_earlier_release_left_unfinished_is_done_from_its_first_row() {
    let mut fixture = Fixture::new().await;
    let path = fixture.world.folder.path().join("earlier.sqlite");
    let earlier = Ledger::open(&path, &[MIGRATION]).unwrap();
    let request = r#"{"table":"hr.people","id_column":"id","text_template":"{role}","index":"people"}"#;
    let insert = "INSERT INTO index_jobs (job_id, request, snapshot_id, state, done, total)
                  VALUES ('1', ?, 7, 'running', 3, 6)";
    let inserted =
        earlier.write(move |transaction| transaction.execute(insert, [request]).map_err(ledger::Error::from));
    inserted.await.unwrap();
    earlier.close().await;
    fixture.ledger = Ledger::open(&path, &[MIGRATION, MIGRATION_FOLLOWING]).unwrap();
    fixture.restart().await;
    let job = fixture.ended("1".to_owned()).await;
    assert_eq!((job.state, job.done, counts(&job)), (IndexJobState::Succeeded, 6, [6, 0, 0, 0]));
}

#[tokio::test]
async fn follower_brings_the_index_up_to_date_after_every_commit_also_after_a_restart() {
    let mut fixture = Fixture::new().await;
    let job_id = fixture.submit(following()).await.unwrap();
    let job = fixture.until(&job_id, |job| job.state == IndexJobState::Following).await;
    assert_eq!((counts(&job), job.lag_s), ([6, 0, 0, 0], Some(0.0)));

    fixture.delete("c").await;
    let job = fixture.until(&job_id, |job| job.deleted == 1 && job.state == IndexJobState::Following).await;
    assert_eq!((job.lag_s, job.snapshot_id), (Some(0.0), fixture.world.snapshot_id("hr.people")));
    assert_eq!(fixture.indexed_ids(), ["a", "b", "d", "e", "f"]);

    // While the daemon is down, somebody else commits.
    fixture.jobs.env.shutdown.cancel();
    fixture.upsert("id,role,years\na,Cook,1\n").await;
    fixture.restart().await;
    fixture.until(&job_id, |job| job.updated == 1 && job.state == IndexJobState::Following).await;
    assert!(fixture.jobs.cancel(&job_id).await.unwrap());
    assert_eq!(fixture.ended(job_id).await.state, IndexJobState::Cancelled);
    assert!(!fixture.jobs.cancel("unknown").await.unwrap());
}

#[tokio::test]
async fn erased_person_leaves_the_index_while_no_model_answers_and_the_job_says_what_is_wrong() {
    let mut fixture = Fixture::new().await;
    let job_id = fixture.submit(following()).await.unwrap();
    fixture.until(&job_id, |job| job.state == IndexJobState::Following).await;
    *fixture.peers.refuses_text.lock() = Some(round::PROBE.to_owned());
    fixture.delete("a").await;
    let job = fixture.until(&job_id, |job| job.error.is_some()).await;
    assert!(job.error.as_deref().is_some_and(|error| error.contains("not liked")), "{job:?}");
    assert!(job.lag_s.is_some_and(|lag_s| lag_s > 0.0), "{job:?}");
    assert_eq!(fixture.indexed_ids(), ["b", "c", "d", "e", "f"]);

    *fixture.peers.refuses_text.lock() = None;
    fixture.restart().await;
    let job =
        fixture.until(&job_id, |job| job.error.is_none() && job.state == IndexJobState::Following).await;
    assert_eq!((job.deleted, job.lag_s), (1, Some(0.0)));
}

#[tokio::test]
async fn one_job_follows_a_table_for_an_index_and_others_do_not_undo_its_work() {
    let fixture = Fixture::new().await;
    let first = fixture.submit(following()).await.unwrap();
    fixture.until(&first, |job| job.state == IndexJobState::Following).await;
    let by_role = |follow| IndexJobRequest { text_template: "{role}".to_owned(), follow, ..people() };
    let refused = fixture.submit(by_role(false)).await.unwrap_err();
    assert!(
        refused.code() == ErrorCode::Conflict && refused.detail().contains(&first),
        "{}",
        refused.detail()
    );
    assert_eq!(fixture.index(people()).await.state, IndexJobState::Succeeded, "the same is no harm");
    let second = fixture.submit(by_role(true)).await.unwrap();
    let old = fixture.ended(first).await;
    assert!(old.state == IndexJobState::Cancelled && old.error.is_some_and(|error| error.contains(&second)));
    fixture.until(&second, |job| job.state == IndexJobState::Following && job.updated == 6).await;
}

#[tokio::test]
async fn failure_says_which_rows_and_why() {
    let fixture = Fixture::new().await;
    *fixture.peers.refuses_text.lock() = Some("Cook (3)".to_owned());
    let job = fixture.index(people()).await;
    let error = job.error.unwrap();
    assert_eq!((job.state, job.done), (IndexJobState::Failed, 2));
    assert!(error.contains("rows 3 to 4") && error.contains("this text is not liked"), "{error}");
}

#[tokio::test]
async fn peer_that_stays_away_is_named() {
    // A port that was free a moment ago: nobody answers there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut urls = PeerUrls::default();
    urls.set(DaemonName::Embedd, format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    urls.set(DaemonName::Vectord, urls.url(DaemonName::Embedd));
    let fixture = Fixture::with_peers(Arc::default(), urls);
    fixture.world.load(&request("hr.people"), PEOPLE).await.unwrap();
    let job = fixture.index(people()).await;
    assert!(job.error.as_deref().is_some_and(|error| error.contains("vectord")), "{job:?}");
}

#[tokio::test]
async fn row_without_an_id_fails_the_job_and_is_named() {
    let fixture = Fixture::new().await;
    let request = IndexJobRequest { id_column: "role".to_owned(), ..people() };
    let job = fixture.index(request).await;
    assert!(job.error.as_deref().is_some_and(|error| error.starts_with("row 5: column \"role\"")), "{job:?}");
}

#[tokio::test]
async fn request_that_cannot_work_is_refused_at_once() {
    let fixture = Fixture::new().await;
    let refused = |change: fn(&mut IndexJobRequest)| {
        let mut request = people();
        change(&mut request);
        request
    };
    for (request, code, said) in [
        (refused(|r| r.id_column = "idd".into()), ErrorCode::InvalidArgument, "\"id\""),
        (refused(|r| r.text_template = "{roel}".into()), ErrorCode::InvalidArgument, "\"role\""),
        (refused(|r| r.text_template = "{".into()), ErrorCode::InvalidArgument, "brace"),
        (refused(|r| r.metadata_columns.push("year".into())), ErrorCode::InvalidArgument, "\"years\""),
        (refused(|r| r.index = "../x".into()), ErrorCode::InvalidArgument, "../x"),
        (refused(|r| r.table = "people".into()), ErrorCode::InvalidArgument, "namespace.name"),
        (refused(|r| r.table = "hr.poeple".into()), ErrorCode::NotFound, "hr.poeple"),
    ] {
        let error = fixture.submit(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{}", error.detail());
        assert!(error.detail().contains(said), "{}", error.detail());
    }
    assert_eq!(fixture.jobs.list().await.unwrap(), []);
}

#[tokio::test]
async fn call_that_took_longer_to_fail_than_the_patience_is_made_again() {
    let fixture = Fixture::empty().await;
    let (patience, calls) = (Duration::from_millis(20), AtomicUsize::new(0));
    let (peers, index) = (fixture.jobs.env.peers.clone(), "people".to_owned());
    let peers = super::peers::JobPeers { peers, token: None, patience, index };
    let call = || async {
        if calls.fetch_add(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        tokio::time::sleep(2 * patience).await; // the work of the peer
        Err(client::Error::DeadlineExceeded { peer: DaemonName::Embedd })
    };
    peers.with_patience(call).await.unwrap();
    assert_eq!(calls.into_inner(), 2);
}
