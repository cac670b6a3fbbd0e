//! The paths of the legacy system beside the native ones, at real daemons.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::{DaemonName, ErrorCode};

const WORKERS: [(&str, &str, u32); 4] = [
    ("w1", "forklift operator for a warehouse, night shift", 7),
    ("w2", "CNC machine operator with lathe experience", 12),
    ("w3", "certified welder for pipes", 3),
    ("w4", "forklift driver, day shift", 1),
];

/// A legacy path, the native one, and what is asked on both.
type Question = (&'static str, &'static str, Value);

/// Everything that answers legacy paths, and where its rows come from.
async fn stack() -> anyhow::Result<Stack> {
    let daemons = [
        DaemonName::Storaged,
        DaemonName::Catalogd,
        DaemonName::Ingestd,
        DaemonName::Queryd,
        DaemonName::Embedd,
        DaemonName::Vectord,
        DaemonName::Matrixd,
        DaemonName::Gateway,
    ];
    let corpus = [
        ("LAKEHOUSE_MATRIXD__CORPORA__PEOPLE__TABLE", "hr.people"),
        ("LAKEHOUSE_MATRIXD__CORPORA__PEOPLE__ID_COLUMN", "id"),
    ];
    Stack::of(&daemons).envs(corpus).start().await
}

/// A table of workers and an index of what they do: the vector of each.
async fn people(gateway: &Http) -> anyhow::Result<Vec<Value>> {
    let rows: Vec<String> =
        WORKERS.map(|(id, role, years)| json!({"id": id, "role": role, "years": years}).to_string()).into();
    let ingest = gateway.call(Method::POST, "/v1/ingest?table=hr.people&mode=create");
    ingest.body("application/x-ndjson", rows.join("\n")).expect(200).await?;

    let texts = WORKERS.map(|(_, role, _)| role);
    let embedded = gateway.post("/v1/embed", &json!({"texts": texts})).expect(200).await?;
    let vectors = embedded["vectors"].as_array().context("vectors")?.clone();
    let index = json!({"name": "people", "dimension": embedded["dimension"]});
    gateway.post("/v1/vectors/index", &index).expect(201).await?;
    let item = |((id, _, years), vector): (&(&str, &str, u32), &Value)| json!({"id": id, "vector": vector, "metadata": {"years": years}});
    let items: Vec<Value> = WORKERS.iter().zip(&vectors).map(item).collect();
    gateway.post("/v1/vectors/index/people/add", &json!({"items": items})).expect(200).await?;
    Ok(vectors)
}

fn questions(vector: &Value) -> [Question; 4] {
    let several =
        json!([{"index": "people", "vector": vector, "k": 1}, {"index": "nobody", "vector": vector, "k": 1}]);
    [
        (
            "/query",
            "/v1/sql",
            json!({"sql": "SELECT id, years FROM hr.people WHERE years >= $1 ORDER BY id", "params": [3]}),
        ),
        (
            "/vectors/search",
            "/v1/vectors/search",
            json!({"index": "people", "vector": vector, "k": 3, "filter": {"years": {"gte": 3}}}),
        ),
        ("/vectors/search", "/v1/vectors/search", json!({"searches": several})),
        (
            "/vectors/hybrid",
            "/v1/matrix/retrieve",
            json!({"query_text": "forklift", "corpus": "people", "where": "years >= 3", "columns": ["role"], "k": 2}),
        ),
    ]
}

#[tokio::test]
async fn legacy_paths_answer_as_the_native_ones_do() -> anyhow::Result<()> {
    let stack = stack().await?;
    let gateway = stack.gateway()?;
    let vectors = people(&gateway).await?;
    embeddings_are_the_native_vectors(&gateway).await.context("/ai/embed")?;
    for (legacy, native, body) in questions(&vectors[0]) {
        let native = gateway.post(native, &body).expect(200).await?;
        let answer = gateway.post(legacy, &body).expect(200).await?;
        ensure!(
            without_timing(answer.clone()) == without_timing(native.clone()),
            "{legacy}: {answer}\n{native}"
        );
        let (rows, hits) = (answer["rows"].as_array(), answer["results"].as_array());
        let answers = answer["answers"].as_array();
        let found = rows.or(hits).or(answers).context("something is found")?;
        ensure!(found.len() >= 2, "{legacy}: {answer}");
    }
    objects_are_the_same(&gateway).await.context("/storage")?;
    refusals_are_problems(&gateway).await.context("refusals")?;
    stack.assert_quiet(&[])
}

/// The same without what each call measures anew.
fn without_timing(mut answer: Value) -> Value {
    let answers = answer.get_mut("answers").and_then(Value::as_array_mut);
    for one in answers.into_iter().flatten() {
        for (part, measured) in [("searched", "took_ms"), ("error", "request_id")] {
            if let Some(part) = one.get_mut(part).and_then(Value::as_object_mut) {
                part.remove(measured);
            }
        }
    }
    answer
}

async fn embeddings_are_the_native_vectors(gateway: &Http) -> anyhow::Result<()> {
    for body in [
        json!({"texts": ["forklift operator", "", "Größe 42"]}),
        json!({"texts": ["word ".repeat(2_000)], "model": "all-MiniLM-L6-v2"}),
    ] {
        let native = gateway.post("/v1/embed", &body).expect(200).await?;
        let legacy = gateway.post("/ai/embed", &body).expect(200).await?;
        let mut expected = json!({
            "embeddings": native["vectors"], "dimensions": native["dimension"], "model": native["model"],
        });
        if let Some(truncated) = native.get("truncated") {
            expected["truncated"] = truncated.clone();
        }
        ensure!(legacy == expected, "{legacy}");
        for vector in legacy["embeddings"].as_array().context("embeddings")? {
            let numbers = vector.as_array().context("a vector")?;
            let norm = numbers.iter().filter_map(Value::as_f64).map(|x| x * x).sum::<f64>().sqrt();
            ensure!((norm - 1.0).abs() < 1e-5, "a unit vector has norm {norm}");
        }
    }
    Ok(())
}

async fn objects_are_the_same(gateway: &Http) -> anyhow::Result<()> {
    let (legacy, native) = ("/storage/notes/a%20b.bin", "/v1/storage/notes/a%20b.bin");
    let stored = gateway.put(legacy, b"0123456789".as_slice()).expect(200).await?;
    ensure!(stored["key"] == "notes/a b.bin", "{stored}");
    for path in [legacy, native] {
        let part = gateway.get(path).header("range", "bytes=2-4").send().await?;
        ensure!(part.status == 206 && part.body == b"234", "{part}");
        ensure!(Some(part.header("etag")) == stored["etag"].as_str(), "{part}");
        let head = gateway.call(Method::HEAD, path).send().await?;
        ensure!(head.status == 200 && head.header("content-length") == "10", "{head}");
    }
    let list = gateway.get("/storage?prefix=notes/").expect(200).await?;
    ensure!(list["objects"][0]["size"] == 10, "{list}");
    ensure!(list == gateway.get("/v1/storage?prefix=notes/").expect(200).await?, "{list}");
    gateway.delete(legacy).expect(204).await?;
    gateway.get(native).send().await?.expect_problem(ErrorCode::NotFound)?;
    gateway.get(legacy).send().await?.expect_problem(ErrorCode::NotFound)?;
    Ok(())
}

async fn refusals_are_problems(gateway: &Http) -> anyhow::Result<()> {
    for (path, body, named) in [
        ("/ai/embed", json!({"texts": ["a"], "kind": "query"}), ["`kind`", "`texts`"]),
        ("/ai/embed", json!({"texts": 7}), ["texts", "invalid type"]),
        ("/query", json!({"query": "SELECT 1"}), ["`query`", "`sql`"]),
        ("/vectors/search", json!({"index": "people", "top_k": 3}), ["`top_k`", "`k`"]),
        ("/vectors/hybrid", json!({"query": "q"}), ["`query`", "`query_text`"]),
    ] {
        let problem = gateway.post(path, &body).send().await?.expect_problem(ErrorCode::InvalidArgument)?;
        ensure!(named.iter().all(|name| problem.detail.contains(name)), "{path}: {}", problem.detail);
    }
    Ok(())
}

#[tokio::test]
async fn legacy_paths_are_gone_where_they_are_turned_off() -> anyhow::Result<()> {
    let off = Stack::of(&[DaemonName::Gateway]).env("LAKEHOUSE_GATEWAY__LEGACY", "false");
    let stack = off.start().await?;
    let gateway = stack.gateway()?;
    for path in ["/ai/embed", "/query", "/vectors/search", "/vectors/hybrid"] {
        gateway.post(path, &json!({})).send().await?.expect_problem(ErrorCode::NotFound)?;
    }
    gateway.get("/storage/x").send().await?.expect_problem(ErrorCode::NotFound)?;
    Ok(())
}
