//! Damaged files: the index that they belong to answers 503 and can be dropped, and everything else serves.
//!
//! A start of the daemon costs more than an index does. So many damaged copies of one index stand beside each other in
//! the folder of a daemon, each damaged in another place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::packed::pack;
use wire::vectors::{IndexInfo, IndexList};
use wire::{DaemonName, ErrorCode};

use super::history::vector;
use super::proof::{Proof, parameter};
use super::{create, files_of, indexes_folder, settings, vectord, wait_until_sealed};

/// Of a segment in memory, and of one that is mapped: numbers per vector and sealed items.
const SPECIMENS: [(&str, usize, u64); 2] = [("narrow", 8, 100), ("wide", 1024, 300)];
/// Changes in the log of each.
const LOGGED: u64 = 6;
/// Between two flipped bytes, and between two lengths that a file is cut to.
const FLIP_EVERY: usize = 97;
const CUT_EVERY: usize = 4096;
/// Cases of each file in the short test.
const SAMPLE: usize = 24;
/// Damaged indexes in one start.
const BATCH: usize = 250;
/// Of a log: what comes before its first frame.
const LOG_HEADER_BYTES: usize = 24;
const EXPECTED: [&str; 3] = ["quarantined an index", "data_corrupt", "dropped an unfinished last commit"];

/// An index at rest: a manifest, a segment, a graph and a log.
struct Specimen {
    folder: PathBuf,
    dimension: usize,
    sealed: usize,
    /// How long the log was after each change.
    log_ends: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    FlippedAt(usize),
    CutTo(usize),
}

/// One damaged file.
#[derive(Debug, Clone)]
struct Case {
    file: PathBuf,
    damage: Damage,
}

impl Specimen {
    /// Fills a new index and waits until it has a graph; what it is given then stays in the log.
    async fn make(stack: &Stack, (name, dimension, sealed): (&str, usize, u64)) -> anyhow::Result<Self> {
        let http = stack.http(DaemonName::Vectord)?;
        create(&http, name, dimension).await?;
        let add = async |tokens: std::ops::Range<u64>| {
            let item =
                |token| json!({"id": format!("{token}"), "vector_b64": pack(&vector(token, dimension))});
            let items = json!({"items": tokens.map(item).collect::<Vec<_>>()});
            http.post(&format!("/vectors/index/{name}/add"), &items).expect(200).await
        };
        add(0..sealed).await?;
        wait_until_sealed(&http, name, LOG_HEADER_BYTES as u64).await?;
        let folder = indexes_folder(stack).join(name);
        let mut log_ends = Vec::new();
        for token in sealed..sealed + LOGGED {
            add(token..token + 1).await?;
            let log = files_of(&folder)?.into_iter().find(|path| is_log(path)).context("no log")?;
            log_ends.push(log.metadata()?.len() as usize);
        }
        let files = files_of(&folder)?;
        ensure!(files.len() == 4, "a manifest, a segment, a graph and a log expected: {files:?}");
        Ok(Self { folder, dimension, sealed: sealed as usize, log_ends })
    }

    /// All the damage that is to be survived, or a sample of it.
    fn cases(&self, is_sample: bool) -> anyhow::Result<Vec<Case>> {
        let mut cases = Vec::new();
        for file in files_of(&self.folder)? {
            let bytes = file.metadata()?.len() as usize;
            let flips = (0..bytes).step_by(FLIP_EVERY).map(Damage::FlippedAt);
            let cuts = (0..bytes).step_by(CUT_EVERY).map(Damage::CutTo);
            let all: Vec<_> = flips.chain(cuts).collect();
            let step = if is_sample { all.len().div_ceil(SAMPLE) } else { 1 };
            cases.extend(all.into_iter().step_by(step).map(|damage| Case { file: file.clone(), damage }));
        }
        Ok(cases)
    }

    /// How many items a damaged copy has; `None` if it must be quarantined. The end of a log alone may be missing: nobody
    /// can tell it from a commit that a crash interrupted.
    fn count_after(&self, case: &Case) -> Option<usize> {
        let whole =
            |end: usize| Some(self.sealed + self.log_ends.iter().filter(|frame| **frame <= end).count());
        let last_frame = self.log_ends[self.log_ends.len() - 2];
        match case.damage {
            _ if !is_log(&case.file) => None,
            Damage::FlippedAt(at) => {
                if at >= last_frame {
                    whole(last_frame)
                } else {
                    None
                }
            }
            Damage::CutTo(len) => {
                if len >= LOG_HEADER_BYTES {
                    whole(len)
                } else {
                    None
                }
            }
        }
    }

    /// A copy of the index, damaged or not.
    fn copy(&self, to: &Path, case: Option<&Case>) -> anyhow::Result<()> {
        fs::create_dir(to)?;
        for file in files_of(&self.folder)? {
            let target = to.join(file.file_name().unwrap_or_default());
            match case.filter(|case| case.file == file) {
                Some(case) => fs::write(target, case.damage.done_to(fs::read(file)?))?,
                // A log is appended to and cut; other files never change.
                None if is_log(&file) => fs::copy(file, target).map(drop)?,
                None => fs::hard_link(file, target)?,
            }
        }
        Ok(())
    }
}

impl Damage {
    fn done_to(self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::FlippedAt(at) => bytes[at] ^= 0xff,
            Self::CutTo(len) => bytes.truncate(len),
        }
        bytes
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

/// What an index is listed as.
type Listed = BTreeMap<String, Result<IndexInfo, String>>;

async fn list(http: &Http) -> anyhow::Result<Listed> {
    let list: IndexList = serde_json::from_value(http.get("/vectors/index").expect(200).await?)?;
    let open = list.indexes.into_iter().map(|info| (info.name.clone(), Ok(info)));
    Ok(open.chain(list.quarantined.into_iter().map(|index| (index.name, Err(index.reason)))).collect())
}

/// Searches an index for an item that is in its segment.
async fn search(http: &Http, name: &str, specimen: &Specimen) -> anyhow::Result<testkit::Reply> {
    let body = json!({"vector_b64": pack(&vector(1, specimen.dimension)), "k": 1});
    http.post(&format!("/vectors/index/{name}/search"), &body).send().await
}

async fn check_serves(http: &Http, name: &str, specimen: &Specimen) -> anyhow::Result<()> {
    let found = search(http, name, specimen).await?.expect(200)?;
    ensure!(found["results"][0]["id"] == "1", "{name}: {found}");
    Ok(())
}

/// Looks at one damaged index, then drops it.
async fn check(
    http: &Http,
    name: &str,
    listed: &Listed,
    specimen: &Specimen,
    case: &Case,
) -> anyhow::Result<()> {
    match (listed.get(name).context("it is not listed")?, specimen.count_after(case)) {
        (Err(reason), None) => {
            let file = case.file.file_name().unwrap_or_default().to_string_lossy();
            ensure!(reason.contains(&*file), "the reason does not name the file: {reason}");
            let problem = search(http, name, specimen).await?.expect_problem(ErrorCode::DataCorrupt)?;
            ensure!(problem.detail.contains(reason), "the answer does not say why: {problem:?}");
        }
        (Ok(info), Some(count)) => {
            ensure!(info.count == count, "{count} items expected: {info:?}");
            check_serves(http, name, specimen).await?;
        }
        (Ok(info), None) => anyhow::bail!("it went unnoticed: {info:?}"),
        (Err(reason), Some(_)) => anyhow::bail!("it could have served: {reason}"),
    }
    http.delete(&format!("/vectors/index/{name}")).expect(204).await?;
    http.get(&format!("/vectors/index/{name}")).expect(404).await?;
    Ok(())
}

/// Starts the daemon on a batch of damaged copies beside the healthy specimens.
async fn check_batch(
    stack: &mut Stack,
    specimens: &[Specimen],
    batch: &[(usize, Case)],
) -> anyhow::Result<()> {
    stack.stop().await?;
    let named =
        || batch.iter().enumerate().map(|(n, (of, case))| (format!("damaged-{n}"), &specimens[*of], case));
    for (name, specimen, case) in named() {
        specimen.copy(&indexes_folder(stack).join(name), Some(case))?;
    }
    stack.daemon(DaemonName::Vectord)?.restart().await?;
    let http = stack.http(DaemonName::Vectord)?.keeping_connections();
    let listed = list(&http).await?;
    for ((name, ..), specimen) in SPECIMENS.into_iter().zip(specimens) {
        check_serves(&http, name, specimen).await?;
    }
    for (name, specimen, case) in named() {
        check(&http, &name, &listed, specimen, case).await.with_context(|| format!("{case:?}"))?;
    }
    ensure!(list(&http).await?.len() == specimens.len(), "the healthy indexes are left");
    let ready = http.get("/readyz").expect(200).await?;
    ensure!(ready["degraded"] == json!([]), "{ready}");
    Ok(())
}

#[tokio::test]
async fn damaged_indexes_answer_503_with_the_reason_and_take_nothing_down() -> anyhow::Result<()> {
    let proof = Proof::begin("vectors-damage");
    let is_sample = parameter::<u8>("ALL_DAMAGE")?.unwrap_or(0) == 0;
    let mut stack = vectord().start().await?;
    let mut specimens = Vec::new();
    for specimen in SPECIMENS {
        specimens.push(Specimen::make(&stack, specimen).await?);
    }
    let mut cases = Vec::new();
    for (of, specimen) in specimens.iter().enumerate() {
        cases.extend(specimen.cases(is_sample)?.into_iter().map(|case| (of, case)));
    }
    let mut checked = 0;
    for batch in cases.chunks(BATCH) {
        check_batch(&mut stack, &specimens, batch).await?;
        checked += batch.len();
        proof.progress(&format!("{checked} of {} damaged indexes", cases.len()));
    }
    stack.stop().await?;
    stack.assert_quiet(&EXPECTED)?;
    proof.record(&settings(), &found(&cases, is_sample))
}

fn found(cases: &[(usize, Case)], is_sample: bool) -> Value {
    let flips = cases.iter().filter(|(_, case)| matches!(case.damage, Damage::FlippedAt(_))).count();
    json!({
        "is_sample": is_sample, "flipped_bytes": flips, "truncations": cases.len() - flips,
        "unnoticed": 0, "indexes_taken_along": 0,
    })
}
