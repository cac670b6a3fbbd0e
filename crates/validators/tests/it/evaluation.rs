//! The evaluation data, read from `LAKEHOUSE_EVAL_DATA` where that is set.

use std::io::Write as _;
use std::path::PathBuf;

/// Prints a line that is seen also when the test passes: what the macros print is captured then.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The file at `path` below the evaluation data, or a printed line and `None`.
pub(crate) fn evaluation_bytes(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("LAKEHOUSE_EVAL_DATA").map(PathBuf::from) else {
        say(&format!("SKIPPED: LAKEHOUSE_EVAL_DATA is not set, so {path} is not judged"));
        return None;
    };
    let file = folder.join(path);
    Some(std::fs::read(&file).unwrap_or_else(|error| panic!("read {}: {error}", file.display())))
}

/// As [`evaluation_bytes`], as text.
pub(crate) fn evaluation_text(path: &str) -> Option<String> {
    evaluation_bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
