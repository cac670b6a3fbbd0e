//! What comes of a statement or query.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqllogictest::{ColumnType, Record, TestErrorKind};

use crate::engines::Failure;

/// Where a record is, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) sql: String,
}

impl Place {
    /// None of what is neither statement nor query.
    pub(crate) fn of<T: ColumnType>(record: &Record<T>) -> Option<Self> {
        let (Record::Statement { loc, sql, .. } | Record::Query { loc, sql, .. }) = record else {
            return None;
        };
        Some(Self { file: loc.file().to_owned(), line: loc.line(), sql: sql.clone() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.trim_start_matches("test_files/"), self.line)
    }
}

/// Why a statement or query ran in process instead of over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    /// It is not a `SELECT`: it prepares what the next ones need.
    NotASelect,
    /// It reads what is no table of a lake: a view, a catalogue of DataFusion's own, a file by its name.
    NotATable,
    /// It reads a table with a type that Iceberg does not have, or keeps as another one.
    NoSuchType,
    /// It reads a table without rows, which ingestd does not make.
    NoRows,
    /// It depends on a setting made by the file, and a request has none.
    Setting,
    /// It calls a function that the file has made, or one of Spark's.
    Function,
}

/// What came of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "detail")]
pub(crate) enum Outcome {
    /// As the file says.
    Passed,
    /// Over HTTP only.
    NotSent(Refusal),
    /// Another plan, where the file asks for plans.
    OtherPlan(String),
    /// The rows that the file says in another order, of a query that asks for none.
    OtherOrder(String),
    /// Other rows or columns than the file says.
    Differs(String),
    /// Fails as the file says, in other words.
    OtherWords(String),
    /// Succeeds where the file says that it fails.
    Accepted(String),
    /// Fails where the file says that it succeeds.
    Failed(String),
    /// Answered with a 5xx, or not at all.
    ServerError(String),
}

impl Outcome {
    pub(crate) fn of(error: &TestErrorKind) -> Self {
        let text = error.to_string();
        match error {
            TestErrorKind::QueryResultMismatch { sql, .. } if begins_with(sql, "explain") => {
                Self::OtherPlan(text)
            }
            TestErrorKind::QueryResultMismatch { sql, expected, actual }
                if !has_word(sql, "order") && sorted(expected) == sorted(actual) =>
            {
                Self::OtherOrder(text)
            }
            TestErrorKind::QueryResultMismatch { .. }
            | TestErrorKind::QueryResultColumnsMismatch { .. }
            | TestErrorKind::StatementResultMismatch { .. } => Self::Differs(text),
            TestErrorKind::Ok { .. } => Self::Accepted(text),
            TestErrorKind::ErrorMismatch { err, .. } | TestErrorKind::Fail { err, .. }
                if is_server_error(&**err) =>
            {
                Self::ServerError(text)
            }
            TestErrorKind::ErrorMismatch { .. } => Self::OtherWords(text),
            _ => Self::Failed(text),
        }
    }

    /// Its name without detail.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Passed => "as expected",
            Self::NotSent(Refusal::NotASelect) => "not sent: not a SELECT",
            Self::NotSent(Refusal::NotATable) => {
                "not sent: reads what is no table of a lake (view, information_schema, file)"
            }
            Self::NotSent(Refusal::NoSuchType) => {
                "not sent: reads a table with a type that Iceberg v2 does not have"
            }
            Self::NotSent(Refusal::NoRows) => "not sent: reads a table without rows",
            Self::NotSent(Refusal::Setting) => "not sent: depends on a setting that the file makes",
            Self::NotSent(Refusal::Function) => {
                "not sent: calls a function that the file makes, or one of Spark's"
            }
            Self::OtherPlan(_) => "EXPLAIN: another plan",
            Self::OtherOrder(_) => "the same rows, in another order that nobody asks for",
            Self::Differs(_) => "other rows",
            Self::OtherWords(_) => "fails as expected, in other words",
            Self::Accepted(_) => "succeeds instead of failing",
            Self::Failed(_) => "fails instead of succeeding",
            Self::ServerError(_) => "server error",
        }
    }

    /// Whether it fails as the file says.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::OtherWords(_))
    }

    /// What is known of it.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Passed | Self::NotSent(_) => "",
            Self::OtherPlan(text)
            | Self::OtherOrder(text)
            | Self::Differs(text)
            | Self::OtherWords(text)
            | Self::Accepted(text)
            | Self::Failed(text)
            | Self::ServerError(text) => text,
        }
    }
}

fn begins_with(sql: &str, word: &str) -> bool {
    sql.split_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

/// Whether `word` stands in `sql` by itself.
pub(crate) fn has_word(sql: &str, word: &str) -> bool {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found.eq_ignore_ascii_case(word))
}

fn sorted(rows: &str) -> Vec<&str> {
    let mut lines: Vec<_> = rows.lines().map(str::trim_end).collect();
    lines.sort_unstable();
    lines
}

fn is_server_error(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<Failure>().is_some_and(Failure::is_of_the_server)
}
