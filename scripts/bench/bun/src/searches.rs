//! The searches, made beforehand, and which answers to them are right.

use std::collections::BTreeSet;

use anyhow::ensure;
use bench_kit::http::{Reply, post};
use bench_kit::load::Traffic;
use lakectl::corpus::Worker;
use memchr::memmem;
use serde_json::json;

use crate::stack::CORPUS;

const PATH: &str = "/v1/matrix/search";
/// Results of a search.
const K: usize = 10;

/// The same searches again and again.
pub(crate) struct Searches(Vec<Vec<u8>>);

impl Searches {
    /// For `count` people like `workers`, below the path `prefix`.
    pub(crate) fn new(workers: &[Worker], count: usize, prefix: &str) -> anyhow::Result<Self> {
        let texts = workers.iter().map(|w| format!("{} in {}, {} shift", w.role, w.area, w.shift));
        let texts: Vec<String> = texts.collect::<BTreeSet<_>>().into_iter().take(count).collect();
        ensure!(!texts.is_empty(), "no searches; raise --workers and --queries");
        let path = format!("{prefix}{PATH}");
        let request = |text| post(&path, &json!({"query_text": text, "corpora": [CORPUS], "k": K}));
        Ok(Self(texts.iter().map(request).collect::<anyhow::Result<_>>()?))
    }

    /// How many are different.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl Traffic for Searches {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0[number as usize % self.0.len()]);
    }

    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        let hits = memmem::find_iter(&reply.content(), br#""base_distance":"#).count();
        if reply.status == 200 && hits == K { Ok(()) } else { Err(format!("answered {reply}")) }
    }
}
