//! The optimizer's own rules change how fast an answer comes, and never the answer.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fixture::{Lake, drawn};

/// Rows of the tables `t0` to `t4`: so different that some order is clearly the best.
const ROWS: [usize; 5] = [120, 2, 40, 1, 5];
/// Keys repeat, and tables have keys that others lack.
const KEYS: i64 = 6;
const QUERIES: usize = 40;

async fn tables(rng: &mut ChaCha8Rng) -> Lake {
    let lake = Lake::new();
    for (table, rows) in ROWS.into_iter().enumerate() {
        let mut column = |range: std::ops::Range<i64>| -> ArrayRef {
            let value = |rng: &mut ChaCha8Rng| rng.random_bool(0.9).then(|| rng.random_range(range.clone()));
            Arc::new((0..rows).map(|_| value(rng)).collect::<Int64Array>())
        };
        let (a, b, v) = (column(0..KEYS), column(0..KEYS), column(0..100));
        let batch = RecordBatch::try_from_iter([("a", a), ("b", b), ("v", v)]).unwrap();
        lake.append(&format!("x.t{table}"), &batch).await;
    }
    lake
}

/// A query that joins three to five tables, each with one before it, some with two or by two keys; some filtered, some with a
/// condition on more than one table, some with a semi-join or an aggregate for each row on top; and the same without subqueries, which need the optimizer.
fn random_query(rng: &mut ChaCha8Rng) -> (String, String) {
    let mut order: Vec<usize> = (0..ROWS.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order.truncate(rng.random_range(3..=5));
    let from: Vec<String> = order.iter().map(|table| format!("x.t{table} AS t{table}")).collect();
    let key = |rng: &mut ChaCha8Rng| if rng.random_bool(0.5) { "a" } else { "b" };
    let mut conditions = Vec::new();
    for place in 1..order.len() {
        for _ in 0..rng.random_range(1..=2) {
            let (other, table) = (order[rng.random_range(0..place)], order[place]);
            conditions.push(format!("t{other}.{} = t{table}.{}", key(rng), key(rng)));
        }
        if rng.random_bool(0.4) {
            conditions.push(format!("t{}.v < {}", order[place], rng.random_range(20..100)));
        }
    }
    let [first, second, ..] = order[..] else { unreachable!("there are three at least") };
    if rng.random_bool(0.6) {
        conditions.push(format!("t{first}.v < t{second}.v"));
    }
    let semi = rng.random_bool(0.4).then(|| (first, key(rng), rng.random_range(0..ROWS.len())));
    let mut oracle = (from.clone(), conditions.clone());
    if let Some((table, key, within)) = semi {
        let chosen = format!("SELECT a FROM x.t{within} WHERE v > 30");
        conditions.push(format!("t{table}.{key} IN ({chosen})"));
        oracle.0.push(format!("(SELECT a FROM x.t{within} WHERE v > 30 GROUP BY a) AS chosen"));
        oracle.1.push(format!("t{table}.{key} = chosen.a"));
    }
    if rng.random_bool(0.4) {
        let (within, inner, outer) = (rng.random_range(0..ROWS.len()), key(rng), key(rng));
        let grouped = format!("SELECT max(w.v) FROM x.t{within} AS w WHERE w.{inner} = t{first}.{outer}");
        conditions.push(format!("t{first}.v <= ({grouped})"));
        oracle
            .0
            .push(format!("(SELECT {inner} AS k, max(v) AS m FROM x.t{within} GROUP BY {inner}) AS grouped"));
        oracle.1.push(format!("t{first}.{outer} = grouped.k"));
        oracle.1.push(format!("t{first}.v <= grouped.m"));
    }
    let columns: Vec<String> = order.iter().map(|table| format!("sum(t{table}.v) AS s{table}")).collect();
    let query = |(from, conditions): (Vec<String>, Vec<String>)| {
        format!(
            "SELECT count(*) AS n, {} FROM {} WHERE {}",
            columns.join(", "),
            from.join(", "),
            conditions.join(" AND ")
        )
    };
    (query((from, conditions)), query(oracle))
}

#[tokio::test]
async fn reordered_joins_moved_semi_joins_and_reduced_groups_answer_as_the_query_is_written() {
    let seed = rand::rng().random::<u64>();
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let lake = tables(&mut rng).await;
    let engine = lake.engine_with(|_| ());
    let unoptimized = lake.engine_with_setting("datafusion.optimizer.max_passes", "0");
    for _ in 0..QUERIES {
        let (query, oracle) = random_query(&mut rng);
        let limit = Duration::from_secs(60);
        let answer = engine.query(&lake, &query, Vec::new(), limit).await.unwrap();
        let expected = unoptimized.query(&lake, &oracle, Vec::new(), limit).await.unwrap();
        assert_eq!(drawn(&answer), drawn(&expected), "seed {seed}: {query}");
    }
}

/// Three tables of which the first two have many pairs, and the third keeps one row of the second.
const WRITTEN_BADLY: &str = "SELECT count(*) FROM x.big AS a, x.big AS b, x.small AS c
    WHERE a.k = b.k AND b.id = c.id AND c.name = 1";

async fn skewed() -> Lake {
    let lake = Lake::new();
    let column = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let big = [("id", column((0..2000).collect())), ("k", column((0..2000).map(|id| id % 10).collect()))];
    let small = [("id", column((0..10).collect())), ("name", column((0..10).collect()))];
    lake.append("x.big", &RecordBatch::try_from_iter(big).unwrap()).await;
    lake.append("x.small", &RecordBatch::try_from_iter(small).unwrap()).await;
    lake
}

#[tokio::test]
async fn table_that_keeps_few_rows_is_joined_first_wherever_it_is_written() {
    let lake = skewed().await;
    assert_eq!(lake.shown(WRITTEN_BADLY).await.lines().nth(3).unwrap().trim_matches(['|', ' ']), "200");
    let plan = lake.shown(&format!("EXPLAIN {WRITTEN_BADLY}")).await;
    let joins: Vec<&str> = plan.lines().filter(|line| line.contains("Inner Join")).collect();
    assert!(joins[0].contains("a.k = b.k") || joins[0].contains("b.k = a.k"), "{plan}");
    assert!(joins[1].contains("id"), "{plan}");
}

#[tokio::test]
async fn filtered_semi_join_is_made_before_the_joins_above_its_table() {
    let lake = skewed().await;
    let sql = "EXPLAIN SELECT count(*) FROM x.big AS a, x.small AS c WHERE a.k = c.id
        AND a.id IN (SELECT id FROM x.big GROUP BY id HAVING sum(k) > 8)";
    let plan = lake.shown(sql).await;
    let place = |join: &str| plan.find(join).unwrap_or_else(|| panic!("no {join} in {plan}"));
    assert!(place("Inner Join") < place("LeftSemi Join"), "{plan}");
}

#[tokio::test]
async fn groups_are_computed_only_for_keys_of_a_filtered_table() {
    let lake = skewed().await;
    let sql = "SELECT a.id FROM x.big AS a, x.small AS c WHERE a.id = c.id AND c.name = 1
        AND a.k >= (SELECT avg(k) FROM x.big AS b WHERE b.id = c.id)";
    let plan = lake.shown(&format!("EXPLAIN {sql}")).await;
    let place = |node: &str| plan.find(node).unwrap_or_else(|| panic!("no {node} in {plan}"));
    assert!(place("Aggregate: groupBy=[[b.id]]") < place("__wanted_keys"), "{plan}");
    assert_eq!(lake.shown(sql).await.lines().nth(3).unwrap().trim_matches(['|', ' ']), "1");
}

/// Two groups of one table; and which of them has the most.
const TWICE: &str = "WITH grouped AS (SELECT k, sum(id) AS total FROM x.big WHERE id < 1000 GROUP BY k)
    SELECT count(*) FROM grouped WHERE total = (SELECT max(total) FROM grouped)";

#[tokio::test]
async fn common_table_expression_that_is_named_twice_is_computed_once() {
    let lake = skewed().await;
    let plan = lake.shown(&format!("EXPLAIN ANALYZE {TWICE}")).await;
    assert_eq!(plan.matches("SharedExec").count(), 2, "{plan}");
    let scanned = plan.lines().filter(|line| line.contains("DataSourceExec"));
    let without_rows = scanned.filter(|line| line.contains("output_rows=0,") || line.contains("metrics=[]"));
    assert_eq!(without_rows.count(), 1, "{plan}");
    assert_eq!(lake.shown(TWICE).await.lines().nth(3).unwrap().trim_matches(['|', ' ']), "1");
}

#[tokio::test]
async fn random_values_and_different_filters_are_not_shared() {
    let lake = skewed().await;
    for grouped in [
        "SELECT k, sum(random()) AS total FROM x.big GROUP BY k",
        "SELECT k, sum(id) AS total FROM x.big GROUP BY k",
    ] {
        let two = format!("({grouped}) AS a, ({}) AS b", grouped.replace("GROUP", "WHERE id < 7 GROUP"));
        let plan = lake.shown(&format!("EXPLAIN SELECT count(*) FROM {two} WHERE a.total = b.total")).await;
        assert!(!plan.contains("Shared"), "{plan}");
    }
    let twice = "WITH r AS (SELECT k, sum(random()) AS total FROM x.big GROUP BY k)
        SELECT count(*) FROM r WHERE total = (SELECT max(total) FROM r)";
    let plan = lake.shown(&format!("EXPLAIN {twice}")).await;
    assert!(!plan.contains("Shared"), "{plan}");
}

#[tokio::test]
async fn many_shared_groups_take_the_memory_of_their_rows_and_no_more() {
    let lake = Lake::new();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..300_000));
    lake.append("x.many", &RecordBatch::try_from_iter([("id", ids)]).unwrap()).await;
    let engine = lake.engine_with(|limits| limits.memory_bytes = 128 << 20);
    let sql = "WITH grouped AS (SELECT id, count(*) AS n FROM x.many GROUP BY id)
        SELECT count(*), sum(a.n + b.n) FROM grouped AS a, grouped AS b WHERE a.id = b.id";
    let rows = engine.query(&lake, sql, Vec::new(), Duration::from_secs(60)).await.unwrap();
    let drawn = drawn(&rows);
    let row: Vec<&str> = drawn.lines().nth(3).unwrap().split_whitespace().collect();
    assert_eq!(row, ["|", "300000", "|", "600000", "|"]);
}

#[tokio::test]
async fn window_is_ordered_by_literals_that_a_computed_value_is_compared_with() {
    let lake = Lake::new();
    let texts = |values: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let columns = [
        ("a", texts(["0", "0", "1"]), true),
        ("b", texts(["0", "1", "0"]), true),
        ("c", texts(["x"; 3]), true),
    ];
    lake.append("x.t", &RecordBatch::try_from_iter_with_nullable(columns).unwrap()).await;
    lake.append("x.u", &RecordBatch::try_from_iter([("d", texts(["x", "y", "z"]))]).unwrap()).await;
    let sql = "SELECT b, row_number() OVER (PARTITION BY u.d
            ORDER BY CASE WHEN t.b = '0' THEN 1 ELSE 0 END, CASE WHEN t.a = '0' THEN 1 ELSE 0 END) AS place
        FROM x.u JOIN x.t ON t.c = u.d AND nvl(t.a, '0') = '0' ORDER BY place";
    let drawn = lake.shown(sql).await;
    let row = |line| drawn.lines().nth(line).unwrap().split_whitespace().collect::<String>();
    assert_eq!((row(3).as_str(), row(4).as_str()), ("|1|1|", "|0|2|"), "{drawn}");
}
