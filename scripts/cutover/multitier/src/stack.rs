//! A stack of the harness' own, on a folder that is kept from run to run.
//!
//! The folder holds a corpus that is embedded and indexed once. Its name says of what, so that another size, seed or
//! format gets another folder. What a run records there is dropped before the next one begins, while the stack is down:
//! else the playbook memory would grow from run to run, and no two runs would measure the same.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use bench_kit::progress::say;
use lakectl::corpus::{self, METADATA_COLUMNS, TEXT_TEMPLATE};
use lakectl::stack::{Launch, Running};
use wire::playbooks::PLAYBOOK_INDEX;
use wire::{DaemonName, ErrorCode};

use crate::Args;
use crate::session::{PATIENCE, Session};

/// Raised when what a folder holds is to be made anew though no worker and no text has changed.
const FORMAT: u32 = 1;
/// The model that embedd loads unless it is told otherwise.
const MODEL: &str = "all-MiniLM-L6-v2";
/// By this file the harness knows a folder as its own: in no other does it drop anything.
const MARK: &str = "multitier-corpus";

/// The running stack. It is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Stack {
    folder: PathBuf,
    pub(crate) launch: Launch,
    pub(crate) running: Running,
}

impl Stack {
    /// Starts all eleven daemons, with their default configuration, on the folder in `cache` that is for this corpus.
    ///
    /// # Errors
    /// When the folder is somebody else's, or the daemons do not start.
    pub(crate) async fn start(cache: &Path, args: &Args) -> anyhow::Result<Self> {
        let folder = cache.join(folder_name(args.workers, args.seed)?);
        let (launch, running) = start(&folder, args.port_offset).await?;
        Ok(Self { folder, launch, running })
    }

    /// Stops everything, drops what was recorded and starts anew.
    ///
    /// # Errors
    /// When a daemon does not stop or start.
    pub(crate) async fn start_anew(&mut self, args: &Args) -> anyhow::Result<()> {
        self.running.stop()?;
        (self.launch, self.running) = start(&self.folder, args.port_offset).await?;
        Ok(())
    }

    /// Where it is reached.
    pub(crate) fn gateway(args: &Args) -> String {
        format!("http://127.0.0.1:{}", DaemonName::Gateway.port().saturating_add(args.port_offset))
    }
}

async fn start(folder: &Path, port_offset: u16) -> anyhow::Result<(Launch, Running)> {
    own(folder)?;
    let launch = Launch::new(folder, None, port_offset)?;
    say(&format!("Starting the stack on {}.", folder.display()));
    let recordings = folder.join(DaemonName::Pathwayd.as_str());
    if recordings.exists() && !launch.is_running()? {
        fs::remove_dir_all(&recordings).with_context(|| format!("remove {}", recordings.display()))?;
    }
    let running = launch.start().await?;
    Ok((launch, running))
}

/// Drops the index of what earlier runs recorded, as an operator does.
///
/// # Errors
/// When the stack does not answer.
pub(crate) async fn forget_playbooks(session: &Session) -> anyhow::Result<()> {
    match session.peers.vectord().drop_index(&session.call(PATIENCE), PLAYBOOK_INDEX).await {
        Err(error) if !error.is(ErrorCode::NotFound) => Err(error).context("drop the playbook memory"),
        _ => Ok(()),
    }
}

/// Makes the folder the harness' own, or sees that it is.
fn own(folder: &Path) -> anyhow::Result<()> {
    let mark = folder.join(MARK);
    if mark.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let is_empty = fs::read_dir(folder)?.next().is_none();
    ensure!(
        is_empty,
        "{} holds something that is not the harness'; name another --data, or remove it",
        folder.display()
    );
    fs::write(&mark, "").with_context(|| format!("write {}", mark.display()))
}

/// Says what is embedded of whom, by which model.
fn folder_name(workers: u64, seed: u64) -> anyhow::Result<String> {
    let mut first = Vec::new();
    corpus::write_workers(1, seed, corpus::Format::Csv, &mut first)?;
    let mut digest = crc32fast::Hasher::new();
    digest.update(&FORMAT.to_le_bytes());
    digest.update(TEXT_TEMPLATE.as_bytes());
    METADATA_COLUMNS.iter().for_each(|column| digest.update(column.as_bytes()));
    digest.update(&first);
    Ok(format!("workers-{workers}-seed-{seed}-{MODEL}-{:08x}", digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_another_for_another_corpus_and_the_same_for_the_same() {
        let name = folder_name(200, 1).unwrap();
        assert_eq!(name, folder_name(200, 1).unwrap());
        assert_ne!(name, folder_name(201, 1).unwrap());
        assert_ne!(name, folder_name(200, 2).unwrap());
    }

    #[test]
    fn folder_of_somebody_else_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let (ours, theirs) = (scratch.path().join("ours"), scratch.path().join("theirs"));
        own(&ours).unwrap();
        fs::write(ours.join("data"), "").unwrap();
        own(&ours).unwrap();
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("data"), "").unwrap();
        assert!(own(&theirs).unwrap_err().to_string().contains("not the harness'"));
    }
}
