//! How many searches the stack answers, by the number of callers: searches alone, and as many texts to embed.

use std::time::Duration;

use bench_kit::http::Reply;
use bench_kit::load::{self, Load, Pace, Traffic};
use bench_kit::progress::Progress;
use memchr::memmem;
use serde::Serialize;
use wire::embed::EmbedRequest;

use crate::calls::SEARCH;
use crate::connection::Gateway;
use crate::plan::Plan;
use crate::user::{K, search};

/// Callers at once.
const CONCURRENCY: [usize; 4] = [10, 50, 100, 200];
const WARM_UP: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mix {
    /// Searches alone.
    Search,
    /// A search, then a text to embed, and so on.
    EmbedAndSearch,
}

/// One point of the sweep.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// What was asked.
    pub mix: Mix,
    /// Callers at once, each of whom waits for an answer before the next request.
    pub concurrency: usize,
    /// What came of it.
    #[serde(flatten)]
    pub figures: load::Figures,
}

/// Runs the sweep, `duration` at each point.
///
/// # Errors
/// When the gateway cannot be reached or breaks a connection.
pub(crate) fn run(gateway: &Gateway, plan: &Plan, duration: Duration) -> anyhow::Result<Vec<Point>> {
    let progress = Progress::new(2 * CONCURRENCY.len(), "points of the sweep");
    let mut points = Vec::new();
    for mix in [Mix::Search, Mix::EmbedAndSearch] {
        let mut requests = Requests::new(gateway, plan, mix)?;
        for concurrency in CONCURRENCY {
            progress.begin(&format!("{}, {concurrency} callers", mix.name()));
            let load = |duration| Load {
                address: gateway.address,
                connections: concurrency,
                pace: Pace::Closed,
                duration,
                max_requests: u64::MAX,
            };
            load::run(&load(WARM_UP), &mut requests)?;
            let figures = load::run(&load(duration), &mut requests)?.figures();
            points.push(Point { mix, concurrency, figures });
            progress.end(1);
        }
    }
    Ok(points)
}

impl Mix {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::EmbedAndSearch => "embed + search",
        }
    }
}

/// The requests, made beforehand, and what must be found in the answer to each.
struct Requests(Vec<Request>);

struct Request {
    text: Vec<u8>,
    /// What must come so many times in the body.
    expected: (&'static [u8], usize),
}

impl Requests {
    fn new(gateway: &Gateway, plan: &Plan, mix: Mix) -> anyhow::Result<Self> {
        let mut requests = Vec::new();
        let mut add = |path: &str, body: &[u8], expected| {
            let mut text = Vec::new();
            gateway.write_request(path, "", body, &mut text);
            requests.push(Request { text, expected });
        };
        for query in &plan.queries {
            add(SEARCH, &serde_json::to_vec(&search(query))?, (br#""base_distance":"#, K));
            if mix == Mix::EmbedAndSearch {
                let request = EmbedRequest { texts: vec![query.text.clone()], ..EmbedRequest::default() };
                add("/v1/embed", &serde_json::to_vec(&request)?, (br#""dimension":"#, 1));
            }
        }
        Ok(Self(requests))
    }

    fn at(&self, number: u64) -> &Request {
        &self.0[number as usize % self.0.len()]
    }
}

impl Traffic for Requests {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.at(number).text);
    }

    fn check(&mut self, number: u64, reply: &Reply<'_>) -> Result<(), String> {
        let (what, count) = self.at(number).expected;
        let found = memmem::find_iter(reply.body, what).count();
        if reply.status == 200 && found == count { Ok(()) } else { Err(format!("answered {reply}")) }
    }
}
