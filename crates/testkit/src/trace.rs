//! Reads what `strace` wrote, to answer one question: when an answer left, was everything written before it synced?

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::ensure;

/// How daemons are traced. `-D` keeps the daemon our direct child, so that signals reach it; `-yy` names the file or the
/// connection behind each descriptor.
pub(crate) const STRACE_ARGUMENTS: [&str; 8] = [
    "-D",
    "-f",
    "-qq",
    "-ttt",
    "-yy",
    "-s32",
    "-e",
    "trace=write,writev,pwrite64,pwritev,pwritev2,copy_file_range,sendfile,ftruncate,fallocate,sendto,sendmsg,\
     fsync,fdatasync,unlink,unlinkat,exit_group",
];

/// SQLite's index into its log: memory that is rebuilt at each start, in a file only so that processes can share it.
const SCRATCH_SUFFIX: &str = "-shm";

/// The system calls of one daemon that write, sync or send.
#[derive(Debug)]
pub struct Trace(String);

/// A 2xx answer that left the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Files with writes that no sync had followed when the answer left.
    pub unsynced: BTreeSet<String>,
    /// Syncs that ended since the answer before.
    pub syncs: usize,
}

/// How much of a system call a line shows: strace splits one in two when threads overlap.
enum Part {
    Whole,
    Begin,
    End,
}

struct Line<'a> {
    thread: &'a str,
    call: &'a str,
    text: &'a str,
    part: Part,
}

impl Trace {
    /// Reads a trace.
    ///
    /// # Errors
    /// When it has no end yet.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file)?;
        ensure!(text.contains("exit_group("), "the trace {} has no end", file.display());
        Ok(Self(text))
    }

    /// The 2xx answers in the order in which they left, judged by the writes to files below `folder`.
    pub fn answers(&self, folder: &Path) -> Vec<Answer> {
        let mut disk = History { folder: folder.display().to_string(), ..History::default() };
        let mut begun = HashMap::new();
        for (now, line) in self.0.lines().enumerate() {
            let Some(line) = parse(line) else { continue };
            match line.part {
                Part::Whole => {
                    disk.begin(&line);
                    disk.end(&line, now, now);
                }
                Part::Begin => {
                    disk.begin(&line);
                    begun.insert(line.thread, (line, now));
                }
                Part::End => {
                    if let Some((line, then)) = begun.remove(line.thread) {
                        disk.end(&line, then, now);
                    }
                }
            }
        }
        disk.answers
    }
}

/// What is known of the disk at one point of the trace.
#[derive(Default)]
struct History {
    folder: String,
    /// When the last write ended to each file that was not synced since.
    last_write: HashMap<String, usize>,
    syncs: usize,
    answers: Vec<Answer>,
}

impl History {
    fn begin(&mut self, line: &Line<'_>) {
        let is_send = matches!(line.call, "write" | "writev" | "sendto" | "sendmsg");
        if is_send && line.text.contains("<TCP") && line.text.contains("\"HTTP/1.1 2") {
            let unsynced = self.last_write.keys().cloned().collect();
            self.answers.push(Answer { unsynced, syncs: std::mem::take(&mut self.syncs) });
        }
    }

    fn end(&mut self, line: &Line<'_>, began: usize, ended: usize) {
        if matches!(line.call, "unlink" | "unlinkat") {
            // A scratch file is nothing to keep.
            self.last_write.remove(line.text.split('"').nth(1).unwrap_or_default());
            return;
        }
        let Some(file) = written_file(line).filter(|file| file.starts_with(&self.folder)) else { return };
        if !matches!(line.call, "fsync" | "fdatasync") {
            self.last_write.insert(file.to_owned(), ended);
            return;
        }
        self.syncs += 1;
        // What was written while the sync ran may have been too late for it.
        if self.last_write.get(file).is_some_and(|written| *written <= began) {
            self.last_write.remove(file);
        }
    }
}

/// `1234 1700000000.123456 fsync(5</path>) = 0`, or the two halves of it.
fn parse(line: &str) -> Option<Line<'_>> {
    let (thread, rest) = line.split_once(' ')?;
    let (_time, rest) = rest.trim_start().split_once(' ')?;
    if let Some(resumed) = rest.strip_prefix("<... ") {
        let (call, text) = resumed.split_once(" resumed>")?;
        return Some(Line { thread, call, text, part: Part::End });
    }
    let (call, text) = rest.split_once('(')?;
    let part = if text.ends_with("<unfinished ...>") { Part::Begin } else { Part::Whole };
    Some(Line { thread, call, text, part })
}

/// The file that a call writes to or syncs: behind its first descriptor, or the second that a copy has.
fn written_file<'a>(line: &Line<'a>) -> Option<&'a str> {
    let mut descriptors = line.text.split('<').skip(1);
    let descriptor = if line.call == "copy_file_range" { descriptors.nth(1) } else { descriptors.next() }?;
    let (file, rest) = descriptor.split_once('>')?;
    let is_lasting =
        file.starts_with('/') && !rest.starts_with("(deleted)") && !file.ends_with(SCRATCH_SUFFIX);
    is_lasting.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str =
        "9 1.5 writev(11<TCP:[127.0.0.1:4215->127.0.0.1:9]>, [{iov_base=\"HTTP/1.1 200 OK\\r\\n\"...";

    fn answers(lines: &[&str]) -> Vec<Answer> {
        Trace(lines.join("\n")).answers(Path::new("/d"))
    }

    #[test]
    fn answer_behind_the_sync_of_its_write_is_clean() {
        let trace = ["9 1.1 write(5</d/wal>, \"abc\"..., 30) = 30", "9 1.2 fdatasync(5</d/wal>) = 0", ANSWER];
        assert_eq!(answers(&trace), [Answer { unsynced: BTreeSet::new(), syncs: 1 }]);
    }

    #[test]
    fn answer_before_the_sync_of_its_write_names_the_file() {
        let trace =
            ["9 1.1 pwrite64(5</d/wal>, \"abc\"..., 30, 0) = 30", ANSWER, "9 1.6 fdatasync(5</d/wal>) = 0"];
        let unsynced = BTreeSet::from(["/d/wal".to_owned()]);
        assert_eq!(answers(&trace), [Answer { unsynced, syncs: 0 }]);
    }

    #[test]
    fn sync_that_was_still_running_does_not_count() {
        let trace = [
            "9 1.1 write(5</d/wal>, \"abc\"..., 30) = 30",
            "8 1.2 fdatasync(5</d/wal> <unfinished ...>",
            ANSWER,
            "8 1.6 <... fdatasync resumed>) = 0",
        ];
        assert_eq!(answers(&trace)[0].unsynced.len(), 1);
    }

    #[test]
    fn write_during_a_sync_is_not_covered_by_it() {
        let trace = [
            "8 1.1 fdatasync(5</d/wal> <unfinished ...>",
            "9 1.2 write(5</d/wal>, \"abc\"..., 30) = 30",
            "8 1.3 <... fdatasync resumed>) = 0",
            ANSWER,
        ];
        assert_eq!(answers(&trace)[0].unsynced.len(), 1);
    }

    #[test]
    fn copy_counts_as_a_write_to_its_target_only() {
        let trace = ["9 1.1 copy_file_range(5</d/a>, NULL, 6</d/b>, NULL, 9, 0) = 9", ANSWER];
        assert_eq!(answers(&trace)[0].unsynced, BTreeSet::from(["/d/b".to_owned()]));
    }

    #[test]
    fn scratch_file_that_is_deleted_before_the_answer_need_not_be_synced() {
        let trace =
            ["9 1.1 write(5</d/spool>, \"abc\"..., 30) = 30", "9 1.2 unlink(\"/d/spool\") = 0", ANSWER];
        assert_eq!(answers(&trace)[0].unsynced, BTreeSet::new());
    }

    #[test]
    fn other_folders_deleted_files_and_shared_memory_do_not_matter() {
        let trace = [
            "9 1.1 write(5</e/wal>, \"abc\"..., 30) = 30",
            "9 1.1 write(5</d/gone>(deleted), \"abc\"..., 30) = 30",
            "9 1.1 ftruncate(5</d/db-shm>, 32768) = 0",
            ANSWER,
        ];
        assert_eq!(answers(&trace)[0].unsynced, BTreeSet::new());
    }
}
