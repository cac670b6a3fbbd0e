//! Both plans of a retrieve against an oracle: a table of numbers, each row as far away as its number says.

use std::collections::HashSet;

use matrixd::{Config, RetrieveConfig};
use serde_json::{Value, json};
use wire::DaemonName;

use crate::support::{Asked, Bench, Reply, embedd, fake, ok};

/// A table of `rows` rows, of which every `step`th from `first` satisfies the condition.
#[derive(Clone, Copy)]
struct Table {
    rows: usize,
    first: usize,
    step: usize,
}

impl Table {
    fn matching(self) -> impl Iterator<Item = usize> {
        (self.first..self.rows).step_by(self.step)
    }
}

fn id(n: usize) -> String {
    format!("{n:06}")
}

/// queryd that understands the two queries of a retrieve.
fn queryd(table: Table) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |asked| {
        let sql = asked.body["sql"].as_str().unwrap();
        let (columns, rows): (Vec<&str>, Vec<Vec<Value>>) = match sql.split_once(" IN (") {
            Some((_, list)) => {
                let asked: HashSet<&str> = list.split('\'').collect();
                let is_asked = |n: &usize| asked.contains(id(*n).as_str());
                let row = |n: usize| vec![json!(n * 10), json!(id(n))];
                (vec!["pay", "_lakehouse_id"], table.matching().filter(is_asked).map(row).collect())
            }
            None => {
                let limit = sql.rsplit_once("LIMIT ").map_or(table.rows, |(_, limit)| limit.parse().unwrap());
                (vec!["_lakehouse_id"], table.matching().take(limit).map(|n| vec![json!(id(n))]).collect())
            }
        };
        let columns: Vec<Value> = columns.iter().map(|name| json!({"name": name, "type": "Utf8"})).collect();
        ok(json!({"columns": columns, "rows": rows, "row_count": rows.len()}))
    }
}

/// vectord that holds every row.
fn vectord(table: Table) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |asked| {
        let search = &asked.body["searches"][0];
        let k = usize::try_from(search["k"].as_u64().unwrap()).unwrap();
        let ids = search["ids"].as_array();
        let ids = ids.map(|ids| ids.iter().filter_map(Value::as_str).collect::<HashSet<&str>>());
        let is_asked = |n: &usize| ids.as_ref().is_none_or(|ids| ids.contains(id(*n).as_str()));
        let hit = |n: usize| json!({"id": id(n), "distance": n as f32 / 1000.0, "metadata": {}});
        let results: Vec<Value> = (0..table.rows).filter(is_asked).take(k).map(hit).collect();
        ok(json!({"answers": [{"results": results, "version": 1}]}))
    }
}

async fn retrieve(sql_first_rows: usize, table: Table, k: usize) -> Value {
    let config = Config { retrieve: RetrieveConfig { sql_first_rows }, ..Config::default() };
    let queryd = fake(DaemonName::Queryd, queryd(table));
    let bench =
        Bench::with_config(config, vec![embedd(), queryd, fake(DaemonName::Vectord, vectord(table))]).await;
    let asked =
        json!({"query_text": "q", "corpus": "workers", "where": "years >= 5", "columns": ["pay"], "k": k});
    let answer = bench.post("/matrix/retrieve", asked).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn either_plan_gives_the_brute_force_answer_and_says_which_it_was() {
    let few = Table { rows: 600, first: 7, step: 50 };
    let many = Table { rows: 600, first: 1, step: 2 };
    let far = Table { rows: 600, first: 500, step: 1 };
    let none = Table { rows: 600, first: 600, step: 1 };
    // Beyond the reach of any one search: the ids of all matching rows go first after all, in two searches.
    let out_of_reach = Table { rows: 22_000, first: 10_100, step: 1 };
    for (sql_first_rows, table, k, strategy) in [
        (100, few, 5, "sql_first"),
        (100, few, 50, "sql_first"),
        (100, none, 5, "sql_first"),
        (5, few, 3, "vectors_first"),
        (5, many, 10, "vectors_first"),
        (5, far, 10, "vectors_first"),
        (5, far, 400, "vectors_first"),
        (5, out_of_reach, 20, "sql_first"),
    ] {
        let answer = retrieve(sql_first_rows, table, k).await;
        let expected: Vec<String> = table.matching().take(k).map(id).collect();
        let rows = answer["rows"].as_array().unwrap();
        let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected);
        assert_eq!(answer["plan"]["strategy"], strategy);
        assert_eq!(
            (&answer["columns"], &answer["plan"]["table"]),
            (&json!(["pay"]), &json!("staffing.workers"))
        );
        for (row, n) in rows.iter().zip(table.matching()) {
            assert_eq!(row["values"], json!({"pay": n * 10}));
        }
    }
}

#[tokio::test]
async fn condition_that_is_no_expression_and_corpus_without_a_table_are_refused() {
    let bench = Bench::new(vec![]).await;
    let ask = |corpus: &str, condition: &str| json!({"query_text": "q", "corpus": corpus, "where": condition, "k": 3});
    let answer = bench.post("/matrix/retrieve", ask("workers", "1=1) UNION (SELECT 1")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().contains("closes nothing"), "{answer:?}");
    let answer = bench.post("/matrix/retrieve", ask("titles", "1=1")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().contains("[matrixd.corpora.titles]"), "{answer:?}");
}
