//! Runs files, record by record.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use datafusion_sqllogictest::{
    DFColumnType, TestContext, df_value_validator, setup_scratch_dir, value_normalizer,
};
use sqllogictest::{Record, RecordOutput, Runner, parse_file, strict_column_validator};

use crate::engines::{Engine, Session, Stack};
use crate::outcome::{Outcome, Place};

/// By this label the files speak of what is tested.
const LABEL: &str = "Datafusion";
/// The files' folder as seen from the one that they run in: they name others below it.
const FOLDER: &str = "test_files";

/// The files, copied to where they may write.
pub(crate) struct Suite {
    /// Relative to the current folder.
    pub(crate) files: Vec<PathBuf>,
    /// Deleted in the end.
    _folder: tempfile::TempDir,
}

impl Suite {
    /// Copies `source`, the folder of DataFusion's driver, and makes the copy the current folder.
    pub(crate) fn enter(source: &Path, filter: Option<&str>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        copy(source, folder.path()).with_context(|| format!("copy {}", source.display()))?;
        std::env::set_current_dir(folder.path())?;
        let mut files = files_below(Path::new(FOLDER))?;
        files.retain(|file| filter.is_none_or(|part| file.display().to_string().contains(part)));
        files.sort();
        ensure!(!files.is_empty(), "there are no such files in {}", source.display());
        Ok(Self { files, _folder: folder })
    }
}

/// Runs `file` through `engine`: what came of each statement and query. Those that the file leaves to others are left out;
/// none comes of a file that needs what the driver is not built with (Avro).
pub(crate) async fn run(file: &Path, engine: Engine, stack: &Stack) -> anyhow::Result<Vec<(Place, Outcome)>> {
    let relative = file.strip_prefix(FOLDER)?;
    let Some(prepared) = TestContext::try_new_for_test_file(relative).await else { return Ok(Vec::new()) };
    setup_scratch_dir(relative)?;
    let session = Session::open(engine, prepared.session_ctx(), relative, stack)?;
    let mut runner = Runner::new(|| async { Ok(session.connect()) });
    runner.add_label(LABEL);
    runner.with_column_validator(strict_column_validator);
    runner.with_normalizer(value_normalizer);
    runner.with_validator(df_value_validator);
    let mut outcomes = Vec::new();
    for record in parse_file::<DFColumnType>(file).with_context(|| format!("parse {}", file.display()))? {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        let place = Place::of(&record);
        let ran = runner.run_async(record).await;
        let refusal = session.take_refusal();
        let Some(place) = place else { continue };
        let outcome = match (ran, refusal) {
            (Ok(RecordOutput::Nothing), _) => continue,
            (_, Some(refusal)) => Outcome::NotSent(refusal),
            (Ok(_), None) => Outcome::Passed,
            (Err(error), None) => Outcome::of(&error.kind()),
        };
        outcomes.push((place, outcome));
    }
    session.clean_up().await?;
    Ok(outcomes)
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copied = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            fs::copy(&path, &copied)?;
        }
    }
    Ok(())
}
