//! One search over several corpora.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::{DaemonName, ErrorCode};

use super::oracle::{TOLERANCE, coarse_vector, euclidean};
use super::{add, create, hits, item, replica_of_matrixd};

const SEED: u64 = 20_261_126;
const DIMENSION: usize = 4;
const SEARCHES: usize = 150;
/// Corpora and their sizes: the last is above the number of items up to which a search scans.
const SIZES: [(&str, usize); 5] = [("b", 300), ("a", 40), ("empty", 0), ("c", 7), ("large", 6000)];
const STATES: [&str; 4] = ["TX", "OK", "WA", "CO"];

struct Item {
    vector: Vec<f32>,
    state: &'static str,
    years: u64,
}

type Corpora = BTreeMap<&'static str, BTreeMap<String, Item>>;

async fn fill(vectord: &Http, rng: &mut ChaCha8Rng) -> anyhow::Result<Corpora> {
    let mut corpora = Corpora::new();
    for (name, size) in SIZES {
        create(vectord, name, DIMENSION, "euclidean").await?;
        let made = |n: usize| {
            let state = STATES[rng.random_range(0..STATES.len())];
            let item = Item { vector: coarse_vector(rng, DIMENSION), state, years: rng.random_range(0..20) };
            (format!("{n:04}"), item)
        };
        let items: BTreeMap<String, Item> = (0..size).map(made).collect();
        let sent = |(id, made): (&String, &Item)| {
            item(id, &made.vector, &json!({"state": made.state, "years": made.years}))
        };
        add(vectord, name, &items.iter().map(sent).collect::<Vec<_>>()).await?;
        corpora.insert(name, items);
    }
    Ok(corpora)
}

/// A request, and which items may answer it.
struct Question {
    vector: Vec<f32>,
    corpora: Vec<&'static str>,
    k: usize,
    states: Option<Vec<&'static str>>,
    min_years: Option<u64>,
    excluded: Vec<String>,
}

impl Question {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut corpora = SIZES.map(|(name, _)| name).to_vec();
        corpora.shuffle(rng);
        corpora.truncate(rng.random_range(1..=SIZES.len()));
        let mut excluded: Vec<String> = (0..40).map(|n| format!("{n:04}")).collect();
        excluded.shuffle(rng);
        excluded.truncate(if rng.random_bool(0.5) { rng.random_range(0..40) } else { 0 });
        Self {
            vector: coarse_vector(rng, DIMENSION),
            corpora,
            k: [1, 3, 10, 100, 1000, 10_000][rng.random_range(0..6)],
            states: rng.random_bool(0.4).then(|| STATES[..rng.random_range(0..4)].to_vec()),
            min_years: rng.random_bool(0.4).then(|| rng.random_range(0..25)),
            excluded,
        }
    }

    fn body(&self) -> Value {
        let mut filter = json!({});
        if let Some(states) = &self.states {
            filter["state"] = json!({"in": states});
        }
        if let Some(years) = self.min_years {
            filter["years"] = json!({"gte": years});
        }
        json!({"query_vector": self.vector, "corpora": self.corpora, "k": self.k, "filter": filter,
               "exclude_ids": self.excluded, "explain": true})
    }

    fn admits(&self, id: &String, item: &Item) -> bool {
        !self.excluded.contains(id)
            && self.states.as_ref().is_none_or(|states| states.contains(&item.state))
            && self.min_years.is_none_or(|years| item.years >= years)
    }

    /// All that may be found, nearest first, ties by corpus and id. Of whole numbers squares are exact, and so are ties.
    fn expected(&self, corpora: &Corpora) -> Vec<(String, String, f64)> {
        let asked = corpora.iter().filter(|(name, _)| self.corpora.contains(name));
        let admitted = asked.flat_map(|(name, items)| {
            let admitted = items.iter().filter(|(id, item)| self.admits(id, item));
            admitted.map(|(id, item)| ((*name).to_owned(), id.clone(), euclidean(&self.vector, &item.vector)))
        });
        let mut expected: Vec<_> = admitted.collect();
        expected.sort_by(|a, b| a.2.total_cmp(&b.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
        expected
    }
}

fn ensure_same(answer: &Value, expected: &[(String, String, f64)]) -> anyhow::Result<()> {
    let found = hits(answer, "results")?;
    ensure!(found.len() == expected.len(), "{} found, {} expected", found.len(), expected.len());
    for (hit, (corpus, id, distance)) in found.iter().zip(expected) {
        ensure!(
            hit["corpus"] == **corpus && hit["id"] == **id,
            "{hit}, expected {id} of {corpus} at {distance}"
        );
        let off = hit["distance"].as_f64().context("distance")? - distance;
        ensure!(
            off.abs() < TOLERANCE && hit["distance"] == hit["base_distance"],
            "{hit}, expected {distance}"
        );
    }
    Ok(())
}

fn ensure_explained(question: &Question, corpora: &Corpora, answer: &Value) -> anyhow::Result<()> {
    let retrieval = &answer["explain"]["retrieval"];
    let indexes = hits(retrieval, "indexes")?;
    ensure!(indexes.len() == question.corpora.len(), "{retrieval}");
    let mut computed = 0.0;
    for (index, name) in indexes.iter().zip(&question.corpora) {
        let eligible = corpora[name].iter().filter(|(id, item)| question.admits(id, item)).count();
        let is_right = index["corpus"] == **name && index["candidates"] == eligible.min(question.k);
        ensure!(is_right && index["took_ms"].as_f64() > Some(0.0) && index["exact"].is_boolean(), "{index}");
        ensure!(index["exact"] == true || eligible > 4096, "{eligible} are scanned: {index}");
        computed += index["took_ms"].as_f64().unwrap_or_default();
    }
    // What the indexes computed is part of the call, and the call is part of the whole.
    ensure!(Some(computed) <= retrieval["took_ms"].as_f64(), "{retrieval}");
    ensure!(retrieval["took_ms"].as_f64() <= answer["took_ms"].as_f64(), "{answer}");
    ensure!(answer["explain"]["embed"].is_null() && answer["explain"]["playbook"].is_null(), "{answer}");
    Ok(())
}

#[tokio::test]
async fn several_corpora_answer_as_one_that_holds_all_their_items() -> anyhow::Result<()> {
    println!("seed {SEED}");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut stack = Stack::of(&[DaemonName::Vectord, DaemonName::Matrixd]).start().await?;
    let corpora = fill(&stack.http(DaemonName::Vectord)?, &mut rng).await?;
    let matrixd = stack.http(DaemonName::Matrixd)?;
    for n in 0..SEARCHES {
        let question = Question::draw(&mut rng);
        let body = question.body();
        let answer = matrixd.post("/matrix/search", &body).expect(200).await?;
        let mut expected = question.expected(&corpora);
        expected.truncate(question.k);
        let is_exact =
            hits(&answer["explain"]["retrieval"], "indexes")?.iter().all(|index| index["exact"] == true);
        // A graph may miss one of 6,000; merging is what is looked at here.
        if is_exact {
            ensure_same(&answer, &expected).with_context(|| format!("search {n}: {body}"))?;
        }
        ensure_explained(&question, &corpora, &answer).with_context(|| format!("search {n}: {body}"))?;
    }
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn corpora_that_do_not_compare_are_refused_by_name() -> anyhow::Result<()> {
    let stack = Stack::of(&[DaemonName::Vectord, DaemonName::Matrixd]).start().await?;
    let (vectord, matrixd) = (stack.http(DaemonName::Vectord)?, stack.http(DaemonName::Matrixd)?);
    for (name, dimension, distance) in [("a", 2, "cosine"), ("b", 2, "euclidean"), ("c", 3, "cosine")] {
        create(&vectord, name, dimension, distance).await?;
    }
    let refused = async |corpora: &[&str], code: ErrorCode, word: &str| {
        let body = json!({"query_vector": [1.0, 0.0], "corpora": corpora});
        let problem = matrixd.post("/matrix/search", &body).send().await?.expect_problem(code)?;
        ensure!(problem.detail.contains(word), "{}", problem.detail);
        anyhow::Ok(())
    };
    refused(&["a", "b"], ErrorCode::InvalidArgument, "\"b\" measures another distance").await?;
    refused(&["a", "c"], ErrorCode::InvalidArgument, "\"c\"").await?;
    refused(&["a", "nobody"], ErrorCode::NotFound, "\"nobody\"").await
}

/// An index may be dropped and made anew under the same name at any moment.
#[tokio::test]
async fn all_replicas_see_at_once_that_a_corpus_was_made_anew_with_another_distance_or_dimension()
-> anyhow::Result<()> {
    let stack = Stack::of(&[DaemonName::Vectord, DaemonName::Matrixd]).start().await?;
    let other = replica_of_matrixd(&stack, &[]).await?;
    let vectord = stack.http(DaemonName::Vectord)?;
    let replicas = [stack.http(DaemonName::Matrixd)?, other.http(DaemonName::Matrixd)?];
    create(&vectord, "still", 2, "cosine").await?;
    let mut statuses = Vec::new();
    for (dimension, distance) in [(2, "cosine"), (2, "dot"), (2, "euclidean"), (3, "cosine"), (2, "cosine")] {
        create(&vectord, "changes", dimension, distance).await?;
        for body in [
            json!({"query_vector": [1.0, 0.0], "corpora": ["changes"], "use_playbook": true}),
            json!({"query_vector": [1.0, 0.0], "corpora": ["still", "changes"]}),
        ] {
            let first = replicas[0].post("/matrix/search", &body).send().await?.status;
            let second = replicas[1].post("/matrix/search", &body).send().await?.status;
            ensure!(
                first == second,
                "{distance}, {dimension}: {first} from one replica, {second} from the other"
            );
            statuses.push(first);
        }
        vectord.delete("/vectors/index/changes").expect(204).await?;
    }
    ensure!(statuses == [200, 200, 400, 400, 200, 400, 400, 400, 200, 200], "{statuses:?}");
    Ok(())
}
