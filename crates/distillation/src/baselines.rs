//! `audit_baselines.jsonl`: one JSON object a line, appended by several programs, none of which may change a byte of another's.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Metrics;

/// One audit's counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// When it was written; none if the writer did not say, or in words of its own.
    pub time: Option<Timestamp>,
    /// Which program wrote it.
    pub writer: Option<String>,
    /// Of what it was an audit.
    pub git_commit: Option<String>,
    /// What was counted.
    #[serde(flatten)]
    pub metrics: Metrics,
}

impl Baseline {
    fn of(entry: &Map<String, Value>) -> Self {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            time: text("time").and_then(|time| time.parse().ok()),
            writer: text("writer"),
            git_commit: text("git_commit"),
            metrics: Metrics::of(entry),
        }
    }
}

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The system refused.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A baseline that JSON cannot hold.
    #[error("write a baseline as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The log as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// Lines with their ends, as they are; the last may have none.
    lines: Vec<Vec<u8>>,
}

impl Log {
    /// Splits the content of a file. Nothing is refused: what is no entry is kept as it is.
    pub fn parse(content: &[u8]) -> Self {
        Self { lines: content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect() }
    }

    /// The content of the file, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.concat()
    }

    /// The last entry that counts anything.
    pub fn last(&self) -> Option<Baseline> {
        let baselines = self.lines.iter().rev().filter_map(|line| Some(Baseline::of(&entry(line)?)));
        baselines.into_iter().find(|baseline| !baseline.metrics.is_empty())
    }

    /// The numbers, from 1, of lines that are neither blank nor a JSON object.
    pub fn unreadable(&self) -> Vec<usize> {
        let is_unreadable = |line: &&[u8]| !line.trim_ascii().is_empty() && entry(line).is_none();
        let lines = self.lines.iter().map(Vec::as_slice).enumerate();
        lines.filter(|(_, line)| is_unreadable(line)).map(|(at, _)| at + 1).collect()
    }

    /// The last line if a writer was stopped in the middle of it: without an end, and no whole entry.
    pub fn torn(&self) -> Option<&[u8]> {
        self.unended().filter(|line| !line.trim_ascii().is_empty() && entry(line).is_none())
    }

    fn unended(&self) -> Option<&[u8]> {
        self.lines.last().map(Vec::as_slice).filter(|line| !line.ends_with(b"\n"))
    }
}

fn entry(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// The file to which a torn last line was moved, if there was one.
    pub set_aside: Option<PathBuf>,
}

/// The last entry of the log that counts anything, whoever wrote it; none if there is no file.
///
/// # Errors
/// When the file cannot be read.
pub fn load_last_baseline(path: &Path) -> Result<Option<Baseline>, BaselineError> {
    match std::fs::read(path) {
        Ok(content) => Ok(Log::parse(&content).last()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BaselineError::Io { what: "read", path: path.to_owned(), source }),
    }
}

/// Appends an entry and syncs it. Writers that take the same lock (flock(2)) wait for each other; one that only appends is not
/// harmed either, as the entry is one write at the end of the file. A torn last line is moved to a file beside the log.
///
/// # Errors
/// When the file cannot be written; it is as it was then, but for a torn line.
pub fn append_baseline(path: &Path, baseline: &Baseline) -> Result<Appended, BaselineError> {
    let failed = |what| move |source| BaselineError::Io { what, path: path.to_owned(), source };
    let mut line = serde_json::to_vec(baseline)?;
    line.push(b'\n');
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed("create the folder of"))?;
    let mut file =
        OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed("open"))?;
    file.lock().map_err(failed("lock"))?;
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut content)).map_err(failed("read"))?;
    let log = Log::parse(&content);
    let mut appended = Appended::default();
    if let Some(torn) = log.torn() {
        let aside = set_aside(path, torn).map_err(failed("set a torn last line aside of"))?;
        file.set_len((content.len() - torn.len()) as u64).map_err(failed("cut a torn last line off"))?;
        appended.set_aside = Some(aside);
    } else if log.unended().is_some() {
        line.insert(0, b'\n');
    }
    file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed("append to"))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync the folder of"))?;
    Ok(appended)
}

/// Appends `torn`, on a line of its own, to the file of torn lines beside the log, and syncs it.
fn set_aside(path: &Path, torn: &[u8]) -> io::Result<PathBuf> {
    let aside = path.with_extension("torn");
    let mut file = OpenOptions::new().create(true).append(true).open(&aside)?;
    file.write_all(&[torn, b"\n"].concat())?;
    file.sync_all()?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Entries as no serializer of ours would write them.
    const FOREIGN: &[u8] = b"{\"p3_human\": 1e1, \"git_commit\":\"abc\", \"p2_evidence_rows\":12.0}\r\n\
        {\"z\":1,\"a\":{\"y\":[1.50,-0.0]},\"p2_evidence_rows\":7}\n\
        \n\
        {\"text\":\"\\u00e9\\ud83d\\ude00\",\"metrics\":{\"p3_accepted\":3}}\n\
        not json\n\
        [1,2]\n\
        {\"p3_accepted\" : 100000000000000000000000, \"p3_accepted\":4}";

    fn baseline(rows: u64) -> Baseline {
        Baseline {
            time: Some(Timestamp::from_second(1_700_000_000).unwrap()),
            writer: Some("test".into()),
            git_commit: None,
            metrics: Metrics::new([rows; 10]),
        }
    }

    #[test]
    fn whatever_others_wrote_is_the_same_after_reading_and_writing() {
        for content in [FOREIGN, b"", b"\n", b"\r\n\r\n", b"{\"torn", b"\xff\xfe\n{}"] {
            assert_eq!(Log::parse(content).to_bytes(), content);
        }
        assert_eq!(Log::parse(FOREIGN).unreadable(), [5, 6]);
    }

    #[test]
    fn entry_is_appended_on_a_line_of_its_own_and_nothing_else_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kb/audit_baselines.jsonl");
        assert_eq!(load_last_baseline(&path).unwrap(), None);
        append_baseline(&path, &baseline(1)).unwrap();
        let ours = fs::read(&path).unwrap();
        for before in [FOREIGN, b"{}\n", b"{}\r\n", b"not json\n", b""] {
            fs::write(&path, before).unwrap();
            assert_eq!(append_baseline(&path, &baseline(1)).unwrap(), Appended::default());
            let gap: &[u8] = if before.is_empty() || before.ends_with(b"\n") { b"" } else { b"\n" };
            assert_eq!(fs::read(&path).unwrap(), [before, gap, &ours].concat());
            assert_eq!(load_last_baseline(&path).unwrap(), Some(baseline(1)));
        }
    }

    #[test]
    fn torn_last_line_is_set_aside_and_merged_with_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit_baselines.jsonl");
        let torn: &[u8] = b"{\"p3_accepted\":4,\"wri";
        fs::write(&path, [b"{\"p3_accepted\":3}\n".as_slice(), torn].concat()).unwrap();
        assert_eq!(Log::parse(&fs::read(&path).unwrap()).torn(), Some(torn));
        let aside = append_baseline(&path, &baseline(1)).unwrap().set_aside.unwrap();
        assert_eq!(fs::read(&aside).unwrap(), [torn, b"\n"].concat());
        let log = Log::parse(&fs::read(&path).unwrap());
        assert_eq!((log.lines.len(), log.torn(), log.unreadable()), (2, None, Vec::new()));
        assert_eq!(log.last(), Some(baseline(1)));
    }

    #[test]
    fn writers_at_once_lose_no_entry_and_mix_none() {
        const WRITERS: u64 = 4;
        const EACH: u64 = 50;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit_baselines.jsonl");
        // Whoever finds it cuts it off: without a lock, with what others have appended.
        fs::write(&path, b"{\"torn").unwrap();
        let start = std::sync::Barrier::new(WRITERS as usize);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    (0..EACH)
                        .for_each(|n| drop(append_baseline(path, &baseline(writer * EACH + n)).unwrap()));
                });
            }
        });
        let lines = Log::parse(&fs::read(&path).unwrap()).lines;
        let first =
            |line: &Vec<u8>| Baseline::of(&entry(line).unwrap()).metrics.iter().find_map(|(_, n)| n).unwrap();
        let mut rows: Vec<u64> = lines.iter().map(first).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..WRITERS * EACH).collect::<Vec<_>>());
    }

    #[test]
    fn last_baseline_is_the_last_that_counts_anything() {
        let content = b"{\"p3_accepted\":3,\"writer\":\"go\",\"git_commit\":\"f00\",\"time\":\"yesterday\"}\n{\"note\":1}\nnull\n";
        let last = Log::parse(content).last().unwrap();
        assert_eq!(
            (last.writer.as_deref(), last.git_commit.as_deref(), last.time),
            (Some("go"), Some("f00"), None)
        );
        assert_eq!(Log::parse(b"{\"note\":1}\n").last(), None);
    }
}
