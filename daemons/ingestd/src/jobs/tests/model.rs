//! Random histories of a table and its index beside a map: after every job the index holds what the map holds, and what was
//! embedded is what had changed.

use futures::FutureExt;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use super::*;

/// A row without its id: role and years.
type Row = (String, u8);

#[derive(Debug, Clone)]
enum Step {
    /// Rows with new ids, as an ingest adds them.
    Append(Vec<(u8, u8)>),
    Upsert(Vec<(u8, u8)>),
    Delete(Vec<u8>),
    DeleteRole(u8),
    Compact,
    Expire,
    DropIndex,
    Index,
    /// A job that is killed in an addition, if it comes so far, and goes on after a restart.
    KilledIndex(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let rows = || prop::collection::vec((0..24_u8, 0..6_u8), 1..8);
    prop_oneof![
        3 => rows().prop_map(Step::Append),
        3 => rows().prop_map(Step::Upsert),
        2 => prop::collection::vec(0..24_u8, 1..6).prop_map(Step::Delete),
        1 => (0..3_u8).prop_map(Step::DeleteRole),
        1 => Just(Step::Compact),
        1 => Just(Step::Expire),
        1 => Just(Step::DropIndex),
        4 => Just(Step::Index),
        2 => (1..4_usize).prop_map(Step::KilledIndex),
    ]
}

fn row(value: u8) -> Row {
    (["Welder", "Cook", "Nurse"][usize::from(value % 3)].to_owned(), value)
}

fn id(number: u8) -> String {
    format!("p{number:02}")
}

fn body(rows: &BTreeMap<String, Row>) -> String {
    let lines = rows.iter().map(|(id, (role, years))| format!("{id},{role},{years}\n"));
    "id,role,years\n".to_owned() + &lines.collect::<String>()
}

fn item((role, years): &Row) -> Indexed {
    (vector_of(&format!("{role} ({years})")), json!({"role": role, "years": years}))
}

struct Model {
    fixture: Fixture,
    rows: BTreeMap<String, Row>,
}

impl Model {
    async fn new() -> Self {
        let fixture = Fixture::empty().await;
        let rows = BTreeMap::from([(id(99), row(0))]);
        fixture.world.load(&request("hr.people"), &body(&rows)).await.unwrap();
        Self { fixture, rows }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append(rows) => {
                let new = rows.into_iter().map(|(number, value)| (id(number), row(value)));
                let new: BTreeMap<_, _> = new.filter(|(id, _)| !self.rows.contains_key(id)).collect();
                if !new.is_empty() {
                    self.fixture.world.load(&request("hr.people"), &body(&new)).await.unwrap();
                    self.rows.extend(new);
                }
            }
            Step::Upsert(rows) => {
                let rows: BTreeMap<_, _> =
                    rows.into_iter().map(|(number, value)| (id(number), row(value))).collect();
                self.fixture.upsert(&body(&rows)).await;
                self.rows.extend(rows);
            }
            Step::Delete(numbers) => {
                let keys =
                    numbers.iter().map(|number| json!({"id": id(*number)}).as_object().unwrap().clone());
                self.fixture.world.delete("hr.people", &Which::Keys(keys.collect())).await.unwrap();
                self.rows.retain(|name, _| !numbers.iter().any(|number| id(*number) == *name));
            }
            Step::DeleteRole(value) => {
                let role = row(value).0;
                let which = lake::Predicate::parse(&json!({"role": role})).unwrap();
                self.fixture.world.delete("hr.people", &Which::Where(which)).await.unwrap();
                self.rows.retain(|_, row| row.0 != role);
            }
            Step::Compact => self.fixture.world.compact("hr.people").await,
            Step::Expire => self.fixture.world.expire("hr.people").await,
            Step::DropIndex => {
                *self.fixture.peers.items.lock() = None;
                self.fixture.peers.version.store(0, Ordering::Relaxed);
            }
            Step::Index => self.index(None).await,
            Step::KilledIndex(additions) => self.index(Some(additions)).await,
        }
        let found = self.fixture.world.contents("hr.people").await;
        let expected =
            self.rows.iter().map(|(id, (role, years))| vec![id.clone(), role.clone(), years.to_string()]);
        assert_eq!(found, expected.collect::<Vec<_>>(), "the table");
    }

    async fn index(&mut self, killed_in: Option<usize>) {
        let before = self.fixture.peers.items.lock().clone().unwrap_or_default();
        self.fixture.embedded();
        let peers = Arc::clone(&self.fixture.peers);
        // Several additions of an earlier job may have been cut off.
        let _ = peers.stuck.notified().now_or_never();
        peers.answers.store(killed_in.map_or(usize::MAX, |additions| additions - 1), Ordering::Relaxed);
        let Ok(job_id) = self.fixture.submit(people()).await else {
            assert!(self.rows.is_empty(), "only a table without rows is refused");
            return;
        };
        let job = tokio::select! {
            job = self.fixture.ended(job_id.clone()) => job,
            () = peers.stuck.notified() => {
                self.fixture.restart().await;
                self.fixture.ended(job_id).await
            }
        };
        peers.answers.store(usize::MAX, Ordering::Relaxed);
        assert_eq!((job.state, &job.error), (IndexJobState::Succeeded, &None));
        let expected: BTreeMap<String, Indexed> =
            self.rows.iter().map(|(id, row)| (id.clone(), item(row))).collect();
        assert_eq!(peers.items.lock().clone().unwrap_or_default(), expected, "the index");

        let changed = expected.iter().filter(|(id, item)| before.get(*id) != Some(*item)).count();
        let embedded = self.fixture.embedded().len();
        if killed_in.is_none() {
            assert_eq!(embedded, changed, "what is embedded is what has changed");
        }
        assert_eq!((job.added + job.updated) as usize, changed);
        let gone = before.keys().filter(|id| !expected.contains_key(*id)).count();
        assert_eq!(job.deleted as usize, gone);
    }
}

#[test]
fn index_holds_what_the_table_holds_after_every_job_whatever_happened_between() {
    let cases = Cases { cases: 24, failure_persistence: None, max_shrink_iters: 64, ..Cases::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let steps = prop::collection::vec(step(), 4..16);
    let outcome = TestRunner::new(cases).run(&steps, |steps| {
        runtime.block_on(async {
            let mut model = Model::new().await;
            for step in steps {
                model.take(step).await;
            }
            model.take(Step::Index).await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
