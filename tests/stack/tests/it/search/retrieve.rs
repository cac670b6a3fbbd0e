//! Retrieve, by either plan, against a brute force over the rows and raw vectors of the test.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::{DaemonName, ErrorCode};

use super::oracle::{cosine, ensure_nearest, random_vector};
use super::{add, create, embed, hits, item, replica_of_matrixd};

const SEED: u64 = 11;
const ROWS: usize = 2500;
const QUESTIONS: usize = 60;
const TABLE: &str = "people.all";
const QUERY: &str = "forklift operator, night shift";
const STATES: [&str; 4] = ["TX", "OK", "O'Neil", "Zürich"];
/// Sections of the configuration: one corpus by a column of text, one by a column of numbers, one without a table.
const CORPORA: [(&str, &str); 6] = [
    ("LAKEHOUSE_MATRIXD__CORPORA__BY_TEXT__TABLE", TABLE),
    ("LAKEHOUSE_MATRIXD__CORPORA__BY_TEXT__ID_COLUMN", "key"),
    ("LAKEHOUSE_MATRIXD__CORPORA__BY_NUMBER__TABLE", TABLE),
    ("LAKEHOUSE_MATRIXD__CORPORA__BY_NUMBER__ID_COLUMN", "n"),
    ("LAKEHOUSE_MATRIXD__CORPORA__NOWHERE__TABLE", "people.none"),
    ("LAKEHOUSE_MATRIXD__CORPORA__NOWHERE__ID_COLUMN", "key"),
];
const LIMIT: &str = "LAKEHOUSE_MATRIXD__RETRIEVE__SQL_FIRST_ROWS";

#[derive(Clone)]
struct Row {
    n: u64,
    key: Option<String>,
    years: Option<i64>,
    state: Option<&'static str>,
    pay: f64,
}

impl Row {
    fn draw(n: usize, rng: &mut ChaCha8Rng) -> Self {
        let key = match n % 10 {
            0 => format!("O'Neil \"{n}\""),
            1 => format!("Zoë 東京 {n}"),
            2 => format!("'; DROP TABLE {n} --"),
            3 => format!("%_\\{n}"),
            // Longer than any id of an index.
            4 if n % 100 == 4 => format!("{n}").repeat(300),
            _ => format!("{n:06}"),
        };
        Self {
            n: n as u64,
            key: (n % 50 != 7).then_some(key),
            years: rng.random_bool(0.8).then(|| rng.random_range(0..40)),
            state: rng.random_bool(0.8).then(|| STATES[rng.random_range(0..STATES.len())]),
            pay: f64::from(rng.random_range(0..4000)) / 4.0,
        }
    }

    fn json(&self) -> Value {
        json!({"n": self.n, "key": self.key, "years": self.years, "state": self.state, "pay": self.pay})
    }

    fn id(&self, corpus: &str) -> Option<String> {
        if corpus == "by_text" { self.key.clone() } else { Some(self.n.to_string()) }
    }
}

/// A condition, and what SQL's three-valued logic makes of it: `None` is unknown.
enum Condition {
    Years(i64),
    State(&'static str),
    Pay(f64),
    N(u64),
    YearsIsNull,
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Condition {
    fn draw(rng: &mut ChaCha8Rng, depth: usize) -> Self {
        let kinds = if depth == 0 { 5 } else { 8 };
        match rng.random_range(0..kinds) {
            0 => Self::Years(rng.random_range(-1..42)),
            1 => Self::State(STATES[rng.random_range(0..STATES.len())]),
            2 => Self::Pay(f64::from(rng.random_range(0..1000))),
            3 => Self::N(rng.random_range(0..ROWS as u64)),
            4 => Self::YearsIsNull,
            5 => Self::Not(Box::new(Self::draw(rng, depth - 1))),
            6 => Self::And(Box::new(Self::draw(rng, depth - 1)), Box::new(Self::draw(rng, depth - 1))),
            _ => Self::Or(Box::new(Self::draw(rng, depth - 1)), Box::new(Self::draw(rng, depth - 1))),
        }
    }

    fn sql(&self) -> String {
        match self {
            Self::Years(least) => format!("years >= {least}"),
            Self::State(state) => format!("state = '{}'", state.replace('\'', "''")),
            Self::Pay(below) => format!("pay < {below:.1}"),
            Self::N(n) => format!("n BETWEEN {n} AND {}", n + 3),
            Self::YearsIsNull => "\"years\" IS NULL".to_owned(),
            Self::Not(inner) => format!("NOT ({})", inner.sql()),
            Self::And(a, b) => format!("({}) AND ({})", a.sql(), b.sql()),
            Self::Or(a, b) => format!("({}) OR ({})", a.sql(), b.sql()),
        }
    }

    fn of(&self, row: &Row) -> Option<bool> {
        match self {
            Self::Years(least) => row.years.map(|years| years >= *least),
            Self::State(state) => row.state.map(|own| own == *state),
            Self::Pay(below) => Some(row.pay < *below),
            Self::N(n) => Some((*n..=n + 3).contains(&row.n)),
            Self::YearsIsNull => Some(row.years.is_none()),
            Self::Not(inner) => inner.of(row).map(|truth| !truth),
            Self::And(a, b) => match (a.of(row), b.of(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(a, b) => match (a.of(row), b.of(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }
}

struct World {
    rows: Vec<Row>,
    /// By corpus: distances of its items to the query.
    distances: BTreeMap<&'static str, BTreeMap<String, f64>>,
}

impl World {
    /// A table, and two indexes that each lack some of its rows and have items that are in no row.
    async fn make(stack: &Stack) -> anyhow::Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let rows: Vec<Row> = (0..ROWS).map(|n| Row::draw(n, &mut rng)).collect();
        let lines: Vec<String> = rows.iter().map(|row| row.json().to_string()).collect();
        let ingest = stack.http(DaemonName::Ingestd)?;
        let ingest = ingest.call(Method::POST, &format!("/ingest?table={TABLE}&mode=create"));
        ingest.body("application/x-ndjson", lines.join("\n")).expect(200).await?;

        let query = embed(&stack.http(DaemonName::Embedd)?, &[QUERY]).await?.remove(0);
        let vectord = stack.http(DaemonName::Vectord)?;
        let mut distances = BTreeMap::new();
        for corpus in ["by_text", "by_number"] {
            create(&vectord, corpus, query.len(), "cosine").await?;
            let indexed = rows.iter().filter(|row| row.n % 7 != 3).filter_map(|row| row.id(corpus));
            let strangers = (0..200).map(|n| format!("{}", 900_000 + n));
            let ids = indexed.filter(|id| id.len() <= 512).chain(strangers);
            let items: BTreeMap<String, Vec<f32>> =
                ids.map(|id| (id, random_vector(&mut rng, query.len()))).collect();
            let sent: Vec<Value> = items.iter().map(|(id, vector)| item(id, vector, &json!({}))).collect();
            add(&vectord, corpus, &sent).await?;
            let distance = |(id, vector): (String, Vec<f32>)| (id, cosine(&query, &vector));
            distances.insert(corpus, items.into_iter().map(distance).collect());
        }
        Ok(Self { rows, distances })
    }

    /// Every row that satisfies `condition` and is indexed, with its distance.
    fn matching(&self, corpus: &str, condition: Option<&Condition>) -> Vec<(String, f64)> {
        let distances = &self.distances[corpus];
        let is_wanted = |row: &&Row| condition.is_none_or(|condition| condition.of(row) == Some(true));
        let ids = self.rows.iter().filter(is_wanted).filter_map(|row| row.id(corpus));
        ids.filter_map(|id| distances.get(&id).map(|distance| (id.clone(), *distance))).collect()
    }

    fn ensure_right(
        &self,
        answer: &Value,
        corpus: &str,
        condition: Option<&Condition>,
        k: usize,
    ) -> anyhow::Result<()> {
        let mut found = Vec::new();
        for row in hits(answer, "rows")? {
            let id = row["id"].as_str().context("id")?.to_owned();
            let own =
                self.rows.iter().find(|own| own.id(corpus).as_deref() == Some(&id)).context("the row")?;
            ensure!(
                row["values"] == json!({"pay": own.pay, "state": own.state, "years": own.years}),
                "{row}"
            );
            found.push((id, row["distance"].as_f64().context("distance")?));
        }
        ensure!(found.is_sorted_by(|a, b| a.1 <= b.1), "{found:?}");
        ensure_nearest(&found, &self.matching(corpus, condition), k)
    }
}

fn question(corpus: &str, condition: Option<&str>, k: usize) -> Value {
    let mut body = json!({"query_text": QUERY, "corpus": corpus, "k": k, "explain": true,
                          "columns": ["state", "years", "pay"]});
    if let Some(condition) = condition {
        body["where"] = json!(condition);
    }
    body
}

async fn stack() -> anyhow::Result<Stack> {
    let daemons = [
        DaemonName::Catalogd,
        DaemonName::Ingestd,
        DaemonName::Queryd,
        DaemonName::Embedd,
        DaemonName::Vectord,
        DaemonName::Matrixd,
    ];
    Stack::of(&daemons).envs(CORPORA).start().await
}

/// matrixd with the limit that makes it take this plan, for every condition that more rows than one satisfy.
async fn with_limit(stack: &Stack, limit: &'static str) -> anyhow::Result<(Stack, Http)> {
    let settings: Vec<_> = CORPORA.into_iter().chain([(LIMIT, limit)]).collect();
    let replica = replica_of_matrixd(stack, &settings).await?;
    let http = replica.http(DaemonName::Matrixd)?;
    Ok((replica, http))
}

#[tokio::test]
async fn either_plan_gives_what_brute_force_gives() -> anyhow::Result<()> {
    println!("seed {SEED}");
    let stack = stack().await?;
    let world = World::make(&stack).await?;
    let (_first, sql_first) = with_limit(&stack, "10000").await?;
    let (_second, vectors_first) = with_limit(&stack, "1").await?;
    let plans = [
        ("free", stack.http(DaemonName::Matrixd)?),
        ("sql_first", sql_first),
        ("vectors_first", vectors_first),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
    let mut selectivities = Vec::new();
    let mut took = BTreeMap::<String, Vec<f64>>::new();
    for n in 0..QUESTIONS {
        let condition = (n > 0).then(|| Condition::draw(&mut rng, n % 4));
        let condition = condition.as_ref();
        let corpus = ["by_text", "by_number"][n % 2];
        let k = [1, 7, 100, 5000][rng.random_range(0..4)];
        let matching = world.matching(corpus, condition).len();
        selectivities.push(matching);
        for (plan, matrixd) in &plans {
            let body = question(corpus, condition.map(Condition::sql).as_deref(), k);
            let answer = matrixd.post("/matrix/retrieve", &body).expect(200).await?;
            let seen =
                || format!("question {n}, {plan}: {body}\nplan {}\n{}", answer["plan"], answer["explain"]);
            world.ensure_right(&answer, corpus, condition, k).with_context(seen)?;
            let is_as_forced = *plan == "free" || matching <= 1 || answer["plan"]["strategy"] == **plan;
            ensure!(is_as_forced, "{}", seen());
            let strategy = answer["plan"]["strategy"].as_str().context("strategy")?.to_owned();
            took.entry(strategy).or_default().push(answer["explain"]["took_ms"].as_f64().context("took_ms")?);
        }
    }
    selectivities.sort_unstable();
    println!("rows that match: {selectivities:?}");
    for (strategy, mut took) in took {
        took.sort_by(f64::total_cmp);
        println!("{strategy}: p50 {:.1} ms of {}", took[took.len() / 2], took.len());
    }
    let most = world.matching("by_number", None).len();
    ensure!(selectivities[0] == 0 && selectivities[QUESTIONS - 1] + 400 >= most, "{selectivities:?}");
    Ok(())
}

#[tokio::test]
async fn explain_says_what_each_hop_did_and_what_either_plan_was_expected_to() -> anyhow::Result<()> {
    let stack = stack().await?;
    let world = World::make(&stack).await?;
    let matrixd = stack.http(DaemonName::Matrixd)?;
    let (_second, vectors_first) = with_limit(&stack, "1").await?;
    let narrow = question("by_number", Some("n BETWEEN 100 AND 103"), 10);
    let answer = matrixd.post("/matrix/retrieve", &narrow).expect(200).await?;
    let explain = &answer["explain"];
    let found = hits(&answer, "rows")?.len();
    ensure!(explain["embed"]["dimension"] == 384 && explain["embed"]["cached"] == false, "{explain}");
    ensure!(explain["ids"]["statements"] == 1 && explain["ids"]["rows"] == 4, "{explain}");
    ensure!(explain["vectors"]["searches"] == 1 && explain["vectors"]["candidates"] == found, "{explain}");
    ensure!(explain["vectors"]["exact"] == true, "{explain}");
    ensure!(
        explain["values"]["statements"] == 1 && explain["values"]["rows"] == found,
        "all columns come at once: {explain}"
    );
    let estimates = &explain["estimates"];
    ensure!(estimates["items"] == world.distances["by_number"].len(), "{explain}");
    ensure!(estimates["matching_rows"] == 4 && estimates["is_lower_bound"] == false, "{explain}");
    ensure!(estimates["sql_first"] == json!({"ids_to_vectord": 4, "ids_to_queryd": 4}), "{explain}");
    ensure!(estimates["vectors_first"]["ids_to_queryd"].as_u64() > Some(1000), "{explain}");
    let parts =
        ["embed", "vectors", "values"].map(|hop| explain[hop]["took_ms"].as_f64().unwrap_or(f64::NAN));
    ensure!(
        parts.iter().all(|ms| *ms > 0.0) && explain["took_ms"].as_f64() >= Some(parts[1] + parts[2]),
        "{explain}"
    );

    let wide = question("by_number", Some("n >= 0"), 10);
    let answer = vectors_first.post("/matrix/retrieve", &wide).expect(200).await?;
    let estimates = &answer["explain"]["estimates"];
    ensure!(estimates["matching_rows"] == 2 && estimates["is_lower_bound"] == true, "{answer}");
    ensure!(
        answer["explain"]["ids"]["rows"] == 2 && answer["plan"]["strategy"] == "vectors_first",
        "{answer}"
    );

    let mut silent = narrow;
    silent["explain"] = json!(false);
    ensure!(matrixd.post("/matrix/retrieve", &silent).expect(200).await?["explain"].is_null());
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_the_table_is_named_with_the_next_step() -> anyhow::Result<()> {
    let stack = stack().await?;
    World::make(&stack).await?;
    let matrixd = stack.http(DaemonName::Matrixd)?;
    for (corpus, condition, code, words) in [
        ("by_text", "yeras >= 5", ErrorCode::InvalidArgument, &["where", "people.all", "yeras", "years"][..]),
        ("by_text", "years + 1", ErrorCode::InvalidArgument, &["where", "people.all"]),
        ("by_text", "state >= ", ErrorCode::InvalidArgument, &["where", "people.all"]),
        ("by_text", "years >= 5; DROP TABLE x", ErrorCode::InvalidArgument, &["semicolon"]),
        ("nowhere", "true", ErrorCode::NotFound, &["people.none", "ingest", "[matrixd.corpora]"]),
        ("titles", "true", ErrorCode::InvalidArgument, &["[matrixd.corpora.titles]", "id_column"]),
    ] {
        let reply = matrixd.post("/matrix/retrieve", &question(corpus, Some(condition), 3)).send().await?;
        let problem = reply.expect_problem(code).with_context(|| condition.to_owned())?;
        ensure!(words.iter().all(|word| problem.detail.contains(word)), "{condition}: {}", problem.detail);
    }
    let mut columns = question("by_text", None, 3);
    columns["columns"] = json!(["salary"]);
    let problem = matrixd.post("/matrix/retrieve", &columns).send().await?;
    let problem = problem.expect_problem(ErrorCode::InvalidArgument)?;
    ensure!(problem.detail.contains("salary") && problem.detail.contains("columns"), "{}", problem.detail);

    stack.http(DaemonName::Vectord)?.delete("/vectors/index/by_text").expect(204).await?;
    let gone = matrixd.post("/matrix/retrieve", &question("by_text", Some("true"), 3)).send().await?;
    let problem = gone.expect_problem(ErrorCode::NotFound)?;
    ensure!(problem.detail.contains("no corpus \"by_text\""), "{}", problem.detail);
    Ok(())
}

/// The first rows of such a table have no id, or all the same: what counts is how many rows there are.
#[tokio::test]
async fn rows_without_an_id_or_with_the_same_do_not_hide_those_behind_them() -> anyhow::Result<()> {
    const IDLE: usize = 40;
    let stack = stack().await?;
    let mut lines: Vec<String> =
        (0..IDLE).map(|n| json!({"n": n, "key": (n % 2 == 0).then_some("same")}).to_string()).collect();
    lines.extend((0..20).map(|n| json!({"n": 1000 + n, "key": format!("k{n}")}).to_string()));
    let ingest = stack.http(DaemonName::Ingestd)?;
    let ingest = ingest.call(Method::POST, &format!("/ingest?table={TABLE}&mode=create"));
    ingest.body("application/x-ndjson", lines.join("\n")).expect(200).await?;
    let query = embed(&stack.http(DaemonName::Embedd)?, &[QUERY]).await?.remove(0);
    let vectord = stack.http(DaemonName::Vectord)?;
    create(&vectord, "by_text", query.len(), "cosine").await?;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let ids = (0..20).map(|n| format!("k{n}")).chain(["same".to_owned()]);
    let items: Vec<Value> =
        ids.map(|id| item(&id, &random_vector(&mut rng, query.len()), &json!({}))).collect();
    add(&vectord, "by_text", &items).await?;
    for limit in ["1", "10", "39", "100"] {
        let (_replica, matrixd) = with_limit(&stack, limit).await?;
        let mut body = question("by_text", Some("n >= 0"), 50);
        body["columns"] = json!(["n"]);
        let answer = matrixd.post("/matrix/retrieve", &body).expect(200).await?;
        ensure!(hits(&answer, "rows")?.len() == 21, "limit {limit}: {answer}");
    }
    Ok(())
}
