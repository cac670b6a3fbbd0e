//! Objects under odd keys and of odd sizes to two object stores; what comes back is compared byte by byte.

use jiff::Zoned;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_NONE_MATCH, RANGE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cli::examples;
use crate::{Answer, Fault, Findings, Given, Output, Pair, Row, Side, SideArgs, Verdict};

const EXAMPLES: &str = examples!(
    "  parity storage                                  # legacy on :3100 beside ours on :4110
  parity storage --left http://127.0.0.1:9000/bucket --right http://127.0.0.1:4110/v1/storage --json
  parity storage --left http://127.0.0.1:4110/storage --right http://127.0.0.1:4221/lakehouse

A side is asked with PUT, GET, HEAD and DELETE below its address, as S3 is by path. All objects lie below `parity/` and are removed."
);

/// How a side is asked.
const SHAPE: &str = "PUT, GET, HEAD, DELETE of ADDRESS/KEY";
/// Where everything is written.
const FOLDER: &str = "parity";
/// What is asked of each object.
const RANGES: [&str; 6] =
    ["bytes=0-0", "bytes=1-9", "bytes=-5", "bytes=5-", "bytes=0-999999999", "bytes=999999999-"];
/// Keys and sizes in bytes. Backslashes, and what would be `/` or `..` if it were decoded once more, are not among them: storaged
/// refuses such keys, which S3 takes.
const CASES: [(&str, usize); 12] = [
    ("plain.txt", 26),
    ("empty", 0),
    ("one-byte", 1),
    ("a megabyte", 1 << 20),
    ("folder/in folder/leaf", 300),
    ("Zoë Größe 工人.csv", 300),
    ("100% + 1 & 2 = 3?#.txt", 300),
    ("%20already", 300),
    ("quotes'\"<>[]{}|^`~", 300),
    ("..dots..", 300),
    (" blank at both ends ", 300),
    ("colon:star*", 300),
];

/// Arguments of `parity storage`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    sides: SideArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Asks both sides and compares.
///
/// # Errors
/// When the arguments make no sense. A side that does not answer, or answers otherwise, is in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let mut pair = Pair::new(&args.sides, ["/storage", "/v1/storage"], [SHAPE; 2])?;
    let mut rows = Vec::new();
    let asked = ask(&mut pair, &mut rows).await;
    let method = format!(
        "Each object is written, read whole and by {} ranges, asked for with the ETag that it has, and deleted. Alike are what \
         statuses mean, lengths, ranges, and all bytes. Keys with backslashes, or with `%2F` and the like in them, are left out: S3 \
         takes them, and storaged refuses them by its rules. The figure is the size in bytes.",
        RANGES.len()
    );
    let findings = Findings::of_rows("objects", rows, asked);
    Ok(Verdict::new("storage", now, method, pair.evidence, findings))
}

/// Asks case by case, and adds a row for each.
async fn ask(pair: &mut Pair, rows: &mut Vec<Row>) -> Result<(), Fault> {
    let request = json!({ "keys": CASES.map(|(key, _)| format!("{FOLDER}/{key}")), "ranges": RANGES });
    for (name, size) in CASES {
        let (key, content) = (format!("{FOLDER}/{name}"), content(size));
        let [left, right] = &pair.sides;
        let replies = [observe(left, &key, &content).await, observe(right, &key, &content).await];
        rows.push(row(name, size, pair.take([&request; 2], replies)?));
    }
    Ok(())
}

fn row(name: &str, size: usize, seen: Given<Vec<Value>>) -> Row {
    match seen {
        [Ok(left), Ok(right)] => {
            let different = left.iter().zip(&right).find(|(left, right)| left != right);
            let difference = different.map(|(left, right)| json!({ "left": left, "right": right }));
            Row::of(name, size as f64, difference)
        }
        seen => Row::of_faults(name, seen),
    }
}

/// Bytes that do not repeat where a wrong range would look right.
fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// What one side does with an object, as lines that can be compared, and how long it takes, milliseconds.
async fn observe(side: &Side, key: &str, content: &[u8]) -> Result<(Vec<Value>, f64), Fault> {
    let (mut seen, mut took_ms) = (Vec::new(), 0.0);
    let mut etag = String::new();
    for step in steps() {
        let request = side.below(step.method.clone(), key);
        let mut request = request.map_err(|error| Fault::Wrong(error.to_string()))?;
        if step.method == Method::PUT {
            request = request.body(content.to_vec());
        }
        if let Some((name, value)) = &step.header {
            request = request.header(name, value.unwrap_or(&etag));
        }
        let answer = side.send(request).await?;
        took_ms += answer.took_ms;
        if answer.status.is_success() && !answer.header(ETAG).is_empty() {
            etag = answer.header(ETAG).to_owned();
        }
        seen.push(described(&step, &answer, content));
    }
    Ok((seen, took_ms))
}

/// One request; a header without a value holds the ETag.
struct Step {
    method: Method,
    header: Option<(HeaderName, Option<&'static str>)>,
}

fn steps() -> Vec<Step> {
    let plain = |method| Step { method, header: None };
    let get = |name, value| Step { method: Method::GET, header: Some((name, value)) };
    let mut steps = vec![plain(Method::PUT), plain(Method::GET), plain(Method::HEAD)];
    steps.extend(RANGES.map(|range| get(RANGE, Some(range))));
    steps.extend([get(IF_NONE_MATCH, None), plain(Method::DELETE), plain(Method::GET)]);
    steps
}

/// What a caller can rely on in `answer`. Texts of refusals are each side's own.
fn described(step: &Step, answer: &Answer, content: &[u8]) -> Value {
    let header = step.header.as_ref().map(|(name, value)| format!("{name}: {}", value.unwrap_or("ETag")));
    let mut seen =
        json!({ "method": step.method.as_str(), "header": header, "status": meaning(answer.status) });
    if step.method == Method::HEAD {
        seen["length"] = json!(answer.header(CONTENT_LENGTH));
    }
    if step.method == Method::GET && answer.status.is_success() {
        seen["range"] = json!(answer.header(CONTENT_RANGE));
        seen["bytes"] = json!(answer.body.len());
        seen["at"] = json!(place(content, &answer.body));
    }
    seen
}

/// Of the successes, only a part of an object is told apart: S3 answers a PUT with 200, others with 201 or 204.
fn meaning(status: StatusCode) -> String {
    match status {
        StatusCode::PARTIAL_CONTENT => "part".to_owned(),
        status if status.is_success() => "success".to_owned(),
        status => status.as_u16().to_string(),
    }
}

/// Where in `content` these bytes stand, if they do.
fn place(content: &[u8], bytes: &[u8]) -> Option<usize> {
    let last = content.len().checked_sub(bytes.len())?;
    // What is asked for begins at the beginning, a few bytes after it, or ends at the end.
    (0..=last.min(9)).chain([last]).find(|&at| content[at..].starts_with(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_where_they_stand_and_nowhere_else() {
        let content = content(300);
        assert_eq!(place(&content, &content), Some(0));
        assert_eq!(place(&content, &content[1..10]), Some(1));
        assert_eq!(place(&content, &content[295..]), Some(295));
        assert_eq!(place(&content, b"something else"), None);
        assert_eq!(place(b"", b"x"), None);
    }
}
