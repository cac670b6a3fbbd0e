//! The harness against the real stack: it finds nothing wrong, and it notices when something is.

mod chaos;
mod sabotage;
