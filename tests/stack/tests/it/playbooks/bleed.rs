//! Random recordings and searches against an oracle: what moves is what was recorded for the same role, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use playbook::{AnswerKey, Candidate, Chosen, Entry, choose, rank, role_key};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use testkit::Http;

use super::{PEOPLE, record, search, start};

const SEED: u64 = 20_261_126;
const ROUNDS: usize = 160;
/// `playbook.max_distance` by default.
const MAX_DISTANCE: f32 = 0.35;
/// What two ways of computing a distance may differ by; decisions nearer than that to a limit are not judged.
const TOLERANCE: f32 = 1e-4;

/// Roles that are equal in other cases and spaces, absent, blank, and never recorded for.
const ROLES: [Option<&str>; 9] = [
    None,
    Some(""),
    Some("  "),
    Some("Welder"),
    Some(" wELDER"),
    Some("Welders"),
    Some("CNC Operator"),
    Some("cnc operator "),
    Some("Straßenbauer"),
];
const QUERIES: [&str; 8] = [
    "forklift driver at night",
    "somebody to drive a forklift in the night",
    "welding of pipes",
    "pipe welder in Houston",
    "CNC machinist",
    "operator for CNC mills",
    "night nurse",
    "long haul trucker",
];

struct Oracle {
    people: Vec<(String, Vec<f32>)>,
    queries: BTreeMap<&'static str, Vec<f32>>,
    recorded: Vec<(&'static str, Option<&'static str>, String, f64)>,
}

impl Oracle {
    async fn new(gateway: &Http) -> anyhow::Result<Self> {
        let people = embed(gateway, &PEOPLE.map(|(_, text)| text)).await?;
        let queries = embed(gateway, &QUERIES).await?;
        Ok(Self {
            people: PEOPLE.iter().map(|(id, _)| (*id).to_owned()).zip(people).collect(),
            queries: QUERIES.into_iter().zip(queries).collect(),
            recorded: Vec::new(),
        })
    }

    fn distance_to(&self, query: &str, vector: &[f32]) -> f32 {
        self.queries
            .get(query)
            .map_or(f32::NAN, |query| 1.0 - query.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>())
    }

    /// Who comes, at which distance, and moved or not; `None` where a limit is too near to tell.
    fn search(&self, query: &str, role: Option<&str>, k: usize) -> Option<Vec<(String, f32, bool)>> {
        let entry = |(n, (text, role, id, score)): (usize, &(&str, Option<&str>, String, f64))| Entry {
            playbook_id: n.to_string(),
            role_key: role_key(*role),
            answer: key(id),
            score: *score,
            distance: self.queries.get(text).map_or(f32::NAN, |vector| self.distance_to(query, vector)),
            voter: String::new(),
            query: String::new(),
            age_s: 0,
        };
        let entries: Vec<Entry> = self.recorded.iter().enumerate().map(entry).collect();
        if entries.iter().any(|entry| (entry.distance - MAX_DISTANCE).abs() < TOLERANCE) {
            return None;
        }
        let chosen: BTreeMap<AnswerKey, Chosen> = choose(entries, &role_key(role), MAX_DISTANCE);
        let people = self.people.iter().map(|(id, vector)| Candidate {
            key: key(id),
            base_distance: self.distance_to(query, vector),
            payload: (),
        });
        let all: Vec<Candidate<()>> = people.collect();
        let mut base = all.clone();
        base.sort_by(|a, b| a.base_distance.total_cmp(&b.base_distance));
        base.truncate(k);
        let ranking = rank(base, all, &chosen, k);
        let hit = |ranked: playbook::Ranked<()>| {
            (ranked.candidate.key.id, ranked.distance, ranked.boosted || ranked.injected)
        };
        Some(ranking.results.into_iter().map(hit).collect())
    }
}

fn key(id: &str) -> AnswerKey {
    AnswerKey { corpus: "people".to_owned(), id: id.to_owned() }
}

async fn embed(gateway: &Http, texts: &[&str]) -> anyhow::Result<Vec<Vec<f32>>> {
    let embedded = gateway.post("/v1/embed", &json!({ "texts": texts })).expect(200).await?;
    Ok(serde_json::from_value(embedded["vectors"].clone())?)
}

#[tokio::test]
async fn recordings_for_another_role_never_bleed_into_a_search() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let gateway = stack.gateway()?;
    let mut oracle = Oracle::new(&gateway).await?;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut moved, mut compared) = (0, 0);
    for round in 0..ROUNDS {
        let role = *ROLES.choose(&mut rng).context("roles")?;
        let query = *QUERIES.choose(&mut rng).context("queries")?;
        if rng.random_ratio(1, 3) {
            let (id, _) = *PEOPLE.choose(&mut rng).context("people")?;
            let score = f64::from(rng.random_range(0..=10_u8)) / 10.0;
            record(&gateway, query, id, json!({"role": role, "score": score})).await?;
            oracle.recorded.push((query, role, id.to_owned(), score));
            continue;
        }
        let k = rng.random_range(1..=PEOPLE.len());
        let answer = search(&gateway, query, json!({"role": role, "k": k})).await?;
        let Some(expected) = oracle.search(query, role, k) else { continue };
        check(&answer, &expected)
            .with_context(|| format!("seed {SEED}, round {round}: {query:?} for {role:?}"))?;
        compared += 1;
        moved += expected.iter().filter(|(_, _, is_moved)| *is_moved).count();
    }
    ensure!(
        compared > ROUNDS / 3 && moved > 20,
        "{compared} compared, {moved} moved: seed {SEED} tells too little"
    );
    stack.stop().await?;
    stack.assert_quiet(&[])
}

fn check(answer: &Value, expected: &[(String, f32, bool)]) -> anyhow::Result<()> {
    let hits = answer["results"].as_array().context("results")?;
    ensure!(hits.len() == expected.len(), "{answer} for {expected:?}");
    let moved = |hit: &&Value| hit["boosted"] == true || hit["injected"] == true;
    let got: BTreeSet<_> = hits.iter().filter(moved).filter_map(|hit| hit["id"].as_str()).collect();
    let wanted: BTreeSet<_> = expected.iter().filter(|hit| hit.2).map(|hit| hit.0.as_str()).collect();
    ensure!(got == wanted, "{got:?} moved instead of {wanted:?}: {answer}");
    for (hit, (_, distance, _)) in hits.iter().zip(expected) {
        let found = hit["distance"].as_f64().context("distance")? as f32;
        ensure!((found - distance).abs() < TOLERANCE, "{found} instead of {distance}: {answer}");
    }
    Ok(())
}
