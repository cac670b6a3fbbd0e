//! Two matrixd on the same peers, by themselves and behind the gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context, ensure};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use testkit::{Http, Stack, wait_for};
use wire::DaemonName;

use super::oracle::{cosine, ensure_nearest};
use super::{add, beside, create, embed, hits, item, replica_of_matrixd};

const SEED: u64 = 7;
const STEPS: usize = 250;
/// Beyond it a recording does not count: the default of `matrixd.playbook.max_distance`.
const MAX_DISTANCE: f64 = 0.35;
const LIMIT: Duration = Duration::from_secs(30);

const QUERIES: [&str; 6] = [
    "forklift operator for a warehouse, night shift",
    "forklift driver, nights, warehouse",
    "experienced forklift operator",
    "CNC machine operator, day shift",
    "CNC operator with lathe experience",
    "welder with a certificate",
];
const ROLES: [Option<&str>; 4] =
    [None, Some("Forklift Operator"), Some(" FORKLIFT operator "), Some("CNC Operator")];

/// What there is, kept by the test itself.
struct World {
    queries: BTreeMap<&'static str, Vec<f32>>,
    texts: Vec<Vec<f32>>,
    items: BTreeMap<String, Vec<f32>>,
    /// Query, role as it is compared, answer, score.
    memory: Vec<(&'static str, Option<String>, String, f64)>,
}

/// As the gate compares roles.
fn gate(role: Option<&str>) -> Option<String> {
    role.map(|role| role.trim().to_lowercase())
}

impl World {
    /// Every item with its distance for this query, drawn nearer by what was learnt.
    fn distances(
        &self,
        query: &'static str,
        role: Option<&str>,
        use_playbook: bool,
    ) -> BTreeMap<&str, (f64, bool)> {
        let asked = &self.queries[query];
        let mut scores = BTreeMap::<&str, f64>::new();
        for (recorded, recorded_role, answer, score) in &self.memory {
            let is_near = cosine(asked, &self.queries[recorded]) <= MAX_DISTANCE;
            if use_playbook && is_near && *recorded_role == gate(role) && *score > 0.0 {
                let best = scores.entry(answer).or_default();
                *best = best.max(*score);
            }
        }
        let distance = |(id, vector): (&'_ String, &Vec<f32>)| {
            cosine(asked, vector) * (1.0 - 0.5 * scores.get(id.as_str()).copied().unwrap_or(0.0))
        };
        self.items
            .iter()
            .map(|entry| (entry.0.as_str(), (distance(entry), scores.contains_key(entry.0.as_str()))))
            .collect()
    }

    /// Ensures that `answer` is what brute force says.
    fn ensure_right(&self, answer: &Value, asked: &Asked) -> anyhow::Result<()> {
        let distances = self.distances(asked.query, asked.role, asked.use_playbook);
        let all: Vec<(&str, f64)> = distances
            .iter()
            .filter(|(id, _)| !asked.excluded.contains(**id))
            .map(|(id, (distance, _))| (*id, *distance))
            .collect();
        let results = hits(answer, "results")?;
        let mut found = Vec::new();
        let mut moved = 0;
        for hit in results {
            let (id, distance) =
                (hit["id"].as_str().context("id")?, hit["distance"].as_f64().context("distance")?);
            let is_moved = hit["boosted"] == true || hit["injected"] == true;
            ensure!(is_moved == distances.get(id).is_some_and(|(_, is_taught)| *is_taught), "{hit}");
            moved += u64::from(is_moved);
            found.push((id, distance));
        }
        let counted = answer["boosted"].as_u64().zip(answer["injected"].as_u64());
        ensure!(counted.is_some_and(|(boosted, injected)| boosted + injected == moved), "{answer}");
        ensure_nearest(&found, &all, asked.k)
    }
}

struct Asked {
    query: &'static str,
    role: Option<&'static str>,
    use_playbook: bool,
    k: usize,
    excluded: BTreeSet<String>,
}

impl Asked {
    fn draw(rng: &mut ChaCha8Rng, world: &World) -> Self {
        let ids: Vec<&String> = world.items.keys().collect();
        let excluded = (0..rng.random_range(0..4)).filter_map(|_| ids.choose(rng).map(|id| (*id).clone()));
        let excluded = excluded.collect();
        Self {
            query: QUERIES[rng.random_range(0..QUERIES.len())],
            role: ROLES[rng.random_range(0..ROLES.len())],
            use_playbook: rng.random_bool(0.8),
            k: [1, 3, 10, 100][rng.random_range(0..4)],
            excluded,
        }
    }

    fn body(&self, use_result_cache: bool) -> Value {
        json!({"query_text": self.query, "corpora": ["people"], "k": self.k, "role": self.role,
               "use_playbook": self.use_playbook, "exclude_ids": self.excluded,
               "use_result_cache": use_result_cache})
    }
}

/// Two matrixd, what they work on, and a gateway in front of both.
struct Replicas {
    first: Stack,
    second: Stack,
    gateway: Stack,
}

impl Replicas {
    async fn start() -> anyhow::Result<Self> {
        let peers = [DaemonName::Vectord, DaemonName::Embedd, DaemonName::Pathwayd, DaemonName::Matrixd];
        let first = Stack::of(&peers).start().await?;
        let second = replica_of_matrixd(&first, &[]).await?;
        let url = |stack: &Stack| Ok::<_, anyhow::Error>(stack.http(DaemonName::Matrixd)?.url(""));
        let urls = format!("{},{}", url(&first)?, url(&second)?);
        let gateway = beside(&first, Stack::of(&[DaemonName::Gateway])).env("LAKEHOUSE_PEERS__MATRIXD", urls);
        let gateway = gateway.start().await?;
        Ok(Self { first, second, gateway })
    }

    /// The two, and the gateway, with the path that leads to matrixd.
    fn ways(&self) -> anyhow::Result<[(Http, &'static str); 3]> {
        Ok([
            (self.first.http(DaemonName::Matrixd)?, "/matrix"),
            (self.second.http(DaemonName::Matrixd)?, "/matrix"),
            (self.gateway.gateway()?, "/v1/matrix"),
        ])
    }

    async fn people(&self) -> anyhow::Result<World> {
        let embedd = self.first.http(DaemonName::Embedd)?;
        let queries = QUERIES.into_iter().zip(embed(&embedd, &QUERIES).await?).collect();
        let places = ["Houston", "Tulsa", "Seattle", "Denver", "Auburn", "Richmond"];
        let texts: Vec<String> =
            QUERIES.iter().flat_map(|text| places.map(|place| format!("{text} in {place}"))).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let texts = embed(&embedd, &texts).await?;
        let items = texts.iter().enumerate().map(|(n, vector)| (format!("{n:03}"), vector.clone())).collect();
        let world = World { queries, texts, items, memory: Vec::new() };
        self.make_people(&world).await?;
        Ok(world)
    }

    async fn make_people(&self, world: &World) -> anyhow::Result<()> {
        let vectord = self.first.http(DaemonName::Vectord)?;
        create(&vectord, "people", world.texts[0].len(), "cosine").await?;
        let items: Vec<Value> = world.items.iter().map(|(id, vector)| item(id, vector, &json!({}))).collect();
        add(&vectord, "people", &items).await
    }

    /// One random step; a search is asked of every way.
    async fn step(&self, world: &mut World, rng: &mut ChaCha8Rng) -> anyhow::Result<()> {
        let vectord = self.first.http(DaemonName::Vectord)?;
        let ways = self.ways()?;
        let ids: Vec<String> = world.items.keys().cloned().collect();
        let id = ids.choose(rng).context("an item is left")?.clone();
        match rng.random_range(0..100) {
            0..25 => {
                let (http, path) = &ways[rng.random_range(0..3)];
                let query = QUERIES[rng.random_range(0..QUERIES.len())];
                let role = ROLES[rng.random_range(0..ROLES.len())];
                let score = [0.0, 0.5, 1.0][rng.random_range(0..3)];
                let outcome = json!({"query_text": query, "corpus": "people", "answer_id": id, "score": score,
                                     "role": role});
                let recorded = http.post(&format!("{path}/playbooks/record"), &outcome).expect(201).await?;
                ensure!(recorded["indexed"] == true, "{recorded}");
                world.memory.push((query, gate(role), id, score));
            }
            25..35 => {
                let vector = world.texts[rng.random_range(0..world.texts.len())].clone();
                add(&vectord, "people", &[item(&id, &vector, &json!({}))]).await?;
                world.items.insert(id, vector);
            }
            35..40 if ids.len() > 10 => {
                vectord.post("/vectors/index/people/delete", &json!({"ids": [id]})).expect(200).await?;
                world.items.remove(&id);
            }
            40..43 => {
                vectord.delete("/vectors/index/playbook_memory").send().await?;
                world.memory.clear();
            }
            43..46 => {
                vectord.delete("/vectors/index/people").expect(204).await?;
                self.make_people(world).await?;
            }
            _ => {
                let asked = Asked::draw(rng, world);
                for (way, (http, path)) in ways.iter().enumerate() {
                    let body = asked.body(rng.random_bool(0.7));
                    let answer = http.post(&format!("{path}/search"), &body).expect(200).await?;
                    world
                        .ensure_right(&answer, &asked)
                        .with_context(|| format!("way {way}: {body}\n{answer}"))?;
                }
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn replicas_answer_alike_while_outcomes_are_recorded_through_either() -> anyhow::Result<()> {
    println!("seed {SEED}");
    let replicas = Replicas::start().await?;
    let mut world = replicas.people().await?;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    for step in 0..STEPS {
        replicas.step(&mut world, &mut rng).await.with_context(|| format!("step {step}"))?;
    }
    Ok(())
}

/// Searches through the gateway until it is told to stop; how many succeeded.
async fn search_on(gateway: Http, is_over: Arc<AtomicBool>, served: Arc<AtomicUsize>) -> anyhow::Result<()> {
    let body = json!({"query_text": QUERIES[0], "corpora": ["people"], "k": 5, "use_playbook": true});
    while !is_over.load(SeqCst) {
        gateway.post("/v1/matrix/search", &body).expect(200).await?;
        served.fetch_add(1, SeqCst);
    }
    Ok(())
}

/// What the gateway says of both matrixd.
async fn states(gateway: &Http) -> anyhow::Result<Vec<String>> {
    let status = gateway.get("/v1/status").expect(200).await?;
    let lines = hits(&status, "daemons")?.iter().filter(|line| line["name"] == "matrixd");
    Ok(lines.map(|line| line["status"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Waits until so many more searches have been served, or one has failed.
async fn more(
    served: &AtomicUsize,
    searchers: &[tokio::task::JoinHandle<anyhow::Result<()>>],
) -> anyhow::Result<()> {
    const MORE: usize = 200;
    let before = served.load(SeqCst);
    wait_for("searches that go on", LIMIT, async || {
        let done = served.load(SeqCst) - before;
        ensure!(
            done >= MORE || searchers.iter().any(tokio::task::JoinHandle::is_finished),
            "{done} searches"
        );
        Ok(())
    })
    .await
}

async fn requests(replica: &Http) -> anyhow::Result<u64> {
    replica.get("/healthz").expect(200).await?["requests"].as_u64().context("requests")
}

#[tokio::test]
async fn no_search_fails_when_one_replica_is_killed_and_it_takes_part_again_once_it_is_back()
-> anyhow::Result<()> {
    let mut replicas = Replicas::start().await?;
    replicas.people().await?;
    let gateway = replicas.gateway.gateway()?.keeping_connections();
    let (is_over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let searchers: Vec<_> = (0..8)
        .map(|_| tokio::spawn(search_on(gateway.clone(), Arc::clone(&is_over), Arc::clone(&served))))
        .collect();
    more(&served, &searchers).await?;
    let [first, second, _] = replicas.ways()?;
    let shares = [requests(&first.0).await?, requests(&second.0).await?];
    ensure!(shares.iter().all(|share| *share >= 50), "both take part: {shares:?}");

    for _ in 0..3 {
        replicas.second.daemon(DaemonName::Matrixd)?.kill9()?;
        more(&served, &searchers).await?;
        ensure!(states(&gateway).await? == ["ok", "down"]);
        // An outcome has a connection of its own or none: nothing was sent to the dead one.
        let outcome = json!({"query_text": QUERIES[0], "corpus": "people", "answer_id": "001", "score": 1.0});
        gateway.post("/v1/matrix/playbooks/record", &outcome).expect(201).await?;

        replicas.second.daemon(DaemonName::Matrixd)?.restart().await?;
        let second = replicas.second.http(DaemonName::Matrixd)?;
        wait_for("searches at the replica that is back", LIMIT, async || {
            let share = requests(&second).await?;
            ensure!(share >= 20, "{share} requests");
            Ok(())
        })
        .await?;
        ensure!(states(&gateway).await? == ["ok", "ok"]);
    }
    is_over.store(true, SeqCst);
    for searcher in searchers {
        searcher.await??;
    }
    println!("{} searches, none failed", served.load(SeqCst));
    replicas.gateway.assert_quiet(&[])
}

#[tokio::test]
async fn daemon_whose_replicas_are_all_gone_is_named() -> anyhow::Result<()> {
    let urls = "http://127.0.0.1:1,http://127.0.0.1:2";
    let stack = Stack::of(&[DaemonName::Gateway]).env("LAKEHOUSE_PEERS__MATRIXD", urls).start().await?;
    let gateway = stack.gateway()?;
    let body = json!({"query_text": "q", "corpora": ["people"]});
    for path in ["search", "playbooks/record"] {
        let reply = gateway.post(&format!("/v1/matrix/{path}"), &body).send().await?;
        let problem = reply.expect_problem(wire::ErrorCode::PeerUnavailable)?;
        ensure!(problem.detail.contains("matrixd"), "{}", problem.detail);
    }
    ensure!(states(&gateway).await? == ["down", "down"]);
    Ok(())
}
