//! The workers as an index of `vectord`: their vectors with the metadata that a search shows.

use anyhow::Context;
use bench_kit::progress::Progress;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wire::packed::pack;
use wire::vectors::{AddItems, CreateIndex, Distance, IndexInfo, NewItem, Search};

use crate::daemon::Daemon;
use crate::data::{K, Matrix};
use bench_kit::http::{Reply, post, post_json};
use bench_kit::load::Traffic;

pub(crate) const INDEX: &str = "workers";
const SEED: u64 = 1;
const BATCH: usize = 500;

/// Staffing occupations.
const ROLES: [&str; 12] = [
    "Forklift Operator",
    "Order Picker",
    "Assembler",
    "CNC Operator",
    "Welder",
    "Electrician",
    "Delivery Driver",
    "Machine Operator",
    "Office Clerk",
    "Customer Service Representative",
    "Maintenance Technician",
    "Carpenter",
];
/// Metropolitan areas as the Bureau of Labor Statistics names them, with their (first) state.
const AREAS: [(&str, &str); 12] = [
    ("Dallas-Fort Worth-Arlington, TX", "TX"),
    ("Chicago-Naperville-Elgin, IL-IN", "IL"),
    ("Los Angeles-Long Beach-Anaheim, CA", "CA"),
    ("Houston-Pasadena-The Woodlands, TX", "TX"),
    ("Atlanta-Sandy Springs-Roswell, GA", "GA"),
    ("Phoenix-Mesa-Chandler, AZ", "AZ"),
    ("Columbus, OH", "OH"),
    ("Indianapolis-Carmel-Greenwood, IN", "IN"),
    ("Memphis, TN-MS-AR", "TN"),
    ("Kansas City, MO-KS", "MO"),
    ("Oklahoma City, OK", "OK"),
    ("Riverside-San Bernardino-Ontario, CA", "CA"),
];
const SHIFTS: [&str; 5] = ["day", "evening", "night", "rotating", "weekend"];
const MAX_YEARS: u8 = 40;

/// Creates the index, stores all rows of `base` in it, and waits until what is done in the background is done.
pub(crate) fn load(daemon: &Daemon, base: &Matrix) -> anyhow::Result<IndexInfo> {
    let mut client = daemon.client()?;
    let (name, dimension) = (INDEX.to_owned(), base.dimension);
    client.send(&post("/vectors/index", &CreateIndex { name, dimension, distance: Distance::Cosine })?)?;
    let progress = Progress::new(base.len(), "items");
    let rows: Vec<&[f32]> = base.rows().collect();
    for (batch, vectors) in rows.chunks(BATCH).enumerate() {
        progress.begin("stored over HTTP");
        let new = |(i, vector): (usize, &&[f32])| item(batch * BATCH + i, vector);
        let items = vectors.iter().enumerate().map(new).collect();
        client.send(&post(&path("add"), &AddItems { items })?).context("store items")?;
        progress.end(vectors.len());
    }
    progress.begin("indexed in the background");
    daemon.wait_until_idle(INDEX)
}

/// Worker `row`: the same metadata whenever it is written.
fn item(row: usize, vector: &[f32]) -> NewItem {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    rng.set_stream(row as u64);
    let (area, state) = AREAS[rng.random_range(0..AREAS.len())];
    let fields = [
        ("worker_id", json!(id_of(row))),
        ("role", json!(ROLES[rng.random_range(0..ROLES.len())])),
        ("area", json!(area)),
        ("state", json!(state)),
        ("years", json!(rng.random_range(0..=MAX_YEARS))),
        ("shift", json!(SHIFTS[rng.random_range(0..SHIFTS.len())])),
    ];
    let metadata: Map<String, Value> =
        fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    NewItem {
        id: id_of(row),
        vector_b64: Some(pack(vector)),
        metadata: metadata.into(),
        ..NewItem::default()
    }
}

/// `/vectors/index/{INDEX}/{what}`.
pub(crate) fn path(what: &str) -> String {
    format!("/vectors/index/{INDEX}/{what}")
}

fn id_of(row: usize) -> String {
    format!("{row:06}")
}

/// How a request gives its vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// `vector_b64`.
    Base64,
    /// `vector`, as a JSON array of numbers.
    Numbers,
}

impl Encoding {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Numbers => "JSON numbers",
        }
    }
}

/// Searches for the top 10 with metadata, one query after the other and again from the first.
pub(crate) struct Searches {
    requests: Vec<Vec<u8>>,
}

impl Searches {
    pub(crate) fn new(queries: &Matrix, encoding: Encoding, ef: usize) -> anyhow::Result<Self> {
        let request = |query: &[f32]| {
            let (vector, vector_b64) = match encoding {
                Encoding::Base64 => (None, Some(pack(query))),
                Encoding::Numbers => (Some(query.to_vec()), None),
            };
            let search = Search { vector, vector_b64, k: K, ef: Some(ef), ..Search::default() };
            post(&path("search"), &search)
        };
        Ok(Self { requests: queries.rows().map(request).collect::<Result<_, _>>()? })
    }
}

impl Traffic for Searches {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.requests[(number % self.requests.len() as u64) as usize]);
    }

    /// Without parsing: that would take CPU time from the server.
    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        let results = memchr::memmem::find_iter(reply.body, br#""id":"#).count();
        let is_right = reply.status == 200 && results == K;
        if is_right { Ok(()) } else { Err(format!("{results} results in {reply}")) }
    }
}

/// The same, once for each query, with the answers kept.
pub(crate) struct KeptAnswers<'a> {
    pub(crate) searches: &'a mut Searches,
    /// Rows by query.
    pub(crate) found: Vec<Vec<u32>>,
}

impl<'a> KeptAnswers<'a> {
    pub(crate) fn new(searches: &'a mut Searches) -> Self {
        let found = vec![Vec::new(); searches.requests.len()];
        Self { searches, found }
    }
}

impl Traffic for KeptAnswers<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        self.searches.write(number, out);
    }

    fn check(&mut self, number: u64, reply: &Reply<'_>) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow)]
            results: Vec<Hit<'a>>,
        }
        #[derive(Deserialize)]
        struct Hit<'a> {
            id: &'a str,
        }
        self.searches.check(number, reply)?;
        let answer: Answer<'_> = serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
        let rows = answer.results.iter().map(|hit| hit.id.parse::<u32>().map_err(|error| error.to_string()));
        self.found[number as usize] = rows.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// Upserts of single items: of ten, nine replace a stored one by a vector nearby, and one is new.
pub(crate) struct Upserts<'a> {
    base: &'a Matrix,
    path: String,
    rng: ChaCha8Rng,
    next_new_row: usize,
}

/// One of so many is new.
const NEW_OF: u64 = 10;
/// By how much each number of a vector is moved: enough to be another vector, which belongs to the same neighbours.
const NOISE: f32 = 0.01;

impl<'a> Upserts<'a> {
    pub(crate) fn new(base: &'a Matrix) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(SEED);
        Self { base, path: path("add"), rng, next_new_row: base.len() }
    }

    fn item(&mut self, number: u64) -> NewItem {
        let like = self.rng.random_range(0..self.base.len());
        let mut vector = self.base.row(like as u32).to_vec();
        vector.iter_mut().for_each(|x| *x += self.rng.random_range(-NOISE..NOISE));
        if !number.is_multiple_of(NEW_OF) {
            return item(like, &vector);
        }
        self.next_new_row += 1;
        item(self.next_new_row - 1, &vector)
    }
}

impl Traffic for Upserts<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        let items = vec![self.item(number)];
        // Items are texts and finite numbers, which JSON can hold.
        let body = serde_json::to_vec(&AddItems { items }).unwrap_or_default();
        out.extend_from_slice(&post_json(&self.path, &body));
    }

    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        if reply.status == 200 { Ok(()) } else { Err(reply.to_string()) }
    }
}
