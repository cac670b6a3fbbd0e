//! Queries over HTTP.

use std::path::Path;

use anyhow::Context;
use bench_kit::http::{Client, Reply, post};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion_sqllogictest::{DFOutput, convert_batches, convert_schema_to_types, is_spark_path};
use serde_json::{Value, json};
use sqllogictest::DBOutput;
use tokio::sync::Mutex;

use super::lake::Lake;
use super::{Failure, Stack};
use crate::outcome::Refusal;

/// Parts of the names of settings that change what a query answers. A request over HTTP has none.
const SETTINGS: [&str; 5] =
    ["sql_parser", "time_zone", "enable_ansi_mode", "catalog.", "default_null_ordering"];

/// Sends to queryd what can be sent.
pub(super) struct Served {
    context: SessionContext,
    /// Those of [`SETTINGS`] as the file finds them.
    settings: Vec<(String, Option<String>)>,
    is_spark: bool,
    state: Mutex<State>,
}

struct State {
    queryd: Client,
    lake: Lake,
    /// Whether the file has made a function, which queryd does not know.
    has_function: bool,
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// It was not sent.
    Refused(Refusal),
    Failed(Failure),
}

impl From<anyhow::Error> for Unanswered {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Served {
    /// For the file `relative`, whose tables are in `context`.
    pub(super) fn new(context: SessionContext, relative: &Path, stack: &Stack) -> anyhow::Result<Self> {
        let state = State { queryd: stack.queryd.client()?, lake: Lake::new(stack)?, has_function: false };
        let settings = settings(&context.state());
        Ok(Self { context, settings, is_spark: is_spark_path(relative), state: Mutex::new(state) })
    }

    /// The answer of queryd to a query. Any other statement is refused, as it is no matter of queryd, and remembered if it
    /// changes what the next ones mean.
    pub(super) async fn run(&self, sql: &str) -> Result<DFOutput, Unanswered> {
        let mut state = self.state.lock().await;
        let session = self.context.state();
        let dialect = session.config().options().sql_parser.dialect;
        let Ok(statement) = session.sql_to_statement(sql, &dialect) else {
            return Err(Unanswered::Refused(Refusal::NotASelect));
        };
        if !is_query(&statement) {
            state.has_function |= makes_function(sql);
            return Err(Unanswered::Refused(Refusal::NotASelect));
        }
        if self.is_spark || state.has_function {
            return Err(Unanswered::Refused(Refusal::Function));
        }
        if settings(&session) != self.settings {
            return Err(Unanswered::Refused(Refusal::Setting));
        }
        let references = session.resolve_table_references(&statement).unwrap_or_default();
        for reference in
            references.iter().filter(|name| !session.table_functions().contains_key(name.table()))
        {
            state.lake.provide(&self.context, reference).await?.map_err(Unanswered::Refused)?;
        }
        let request = post("/sql?format=arrow", &json!({"sql": sql}))?;
        state.queryd.exchange(&request, |reply| Ok(answer(reply)))?.map_err(Unanswered::Failed)
    }

    pub(super) async fn clean_up(&self) -> anyhow::Result<()> {
        self.state.lock().await.lake.clear()
    }
}

fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(statement) if matches!(**statement, SqlStatement::Query(_)))
}

fn makes_function(sql: &str) -> bool {
    sql.trim_start().to_ascii_lowercase().starts_with("create function")
}

fn settings(session: &SessionState) -> Vec<(String, Option<String>)> {
    let entries = session.config().options().entries().into_iter();
    let telling = entries.filter(|entry| SETTINGS.iter().any(|setting| entry.key.contains(setting)));
    telling.map(|entry| (entry.key, entry.value)).collect()
}

fn answer(reply: &Reply<'_>) -> Result<DFOutput, Failure> {
    if reply.status != 200 {
        let problem: Value = serde_json::from_slice(reply.body).unwrap_or_default();
        let detail = problem["detail"].as_str().map_or_else(|| reply.to_string(), str::to_owned);
        return Err(Failure::Http { status: reply.status, detail });
    }
    let reader = StreamReader::try_new(reply.body, None).context("read the answer")?;
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().context("read the answer")?;
    let types = convert_schema_to_types(schema.fields());
    let rows = convert_batches(&schema, batches, false)?;
    Ok(if types.is_empty() && rows.is_empty() {
        DBOutput::StatementComplete(0)
    } else {
        DBOutput::Rows { types, rows }
    })
}
