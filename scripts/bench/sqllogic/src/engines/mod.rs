//! What answers.

mod lake;
mod served;
mod stack;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use datafusion_sqllogictest::{DFColumnType, DFOutput, DFSqlLogicTestError, DataFusion};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use sqllogictest::{AsyncDB, DBOutput};
use thiserror::Error;

use crate::outcome::Refusal;
use served::{Served, Unanswered};
pub(crate) use stack::Stack;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// DataFusion as it comes.
    Stock,
    /// DataFusion with our settings and rules.
    Tuned,
    /// queryd, with the tables of the tuned one copied into its lake.
    Served,
}

impl Engine {
    /// Each gives what the one before gives, or that is a deviation of its own.
    pub(crate) const ALL: [Self; 3] = [Self::Stock, Self::Tuned, Self::Served];

    /// The heading of its deviations.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Stock => "What DataFusion itself does not answer here",
            Self::Tuned => "What our settings and rules change",
            Self::Served => "What queryd answers otherwise",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    InProcess(#[from] DFSqlLogicTestError),
    #[error("{status}: {detail}")]
    Http { status: u16, detail: String },
    #[error("{0:#}")]
    Broken(#[from] anyhow::Error),
}

impl Failure {
    pub(crate) fn is_of_the_server(&self) -> bool {
        matches!(self, Self::Http { status: 500.., .. } | Self::Broken(_))
    }
}

/// What the connections of one file share.
pub(crate) struct Session {
    context: SessionContext,
    relative: PathBuf,
    served: Option<Arc<Served>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
}

/// One connection of a file.
pub(crate) struct Connection {
    in_process: DataFusion,
    served: Option<Arc<Served>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
}

impl Session {
    /// A session like `prepared` for the file `relative`.
    pub(crate) fn open(
        engine: Engine,
        prepared: &SessionContext,
        relative: &Path,
        stack: &Stack,
    ) -> anyhow::Result<Self> {
        let context = match engine {
            Engine::Stock => prepared.clone(),
            Engine::Tuned | Engine::Served => {
                let builder = SessionStateBuilder::new_from_existing(prepared.state());
                SessionContext::new_with_state(query_engine::tuned(builder).build())
            }
        };
        let served = match engine {
            Engine::Served => Some(Arc::new(Served::new(context.clone(), relative, stack)?)),
            Engine::Stock | Engine::Tuned => None,
        };
        Ok(Self { context, relative: relative.to_owned(), served, refusal: Arc::default() })
    }

    pub(crate) fn connect(&self) -> Connection {
        let hidden = ProgressBar::hidden();
        Connection {
            in_process: DataFusion::new(self.context.clone(), self.relative.clone(), hidden),
            served: self.served.clone(),
            refusal: Arc::clone(&self.refusal),
        }
    }

    /// Why the last statement was not sent; none where nothing is sent.
    pub(crate) fn take_refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Takes the tables of this file out of the lake.
    pub(crate) async fn clean_up(&self) -> anyhow::Result<()> {
        match &self.served {
            Some(served) => served.clean_up().await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl AsyncDB for Connection {
    type Error = Failure;
    type ColumnType = DFColumnType;

    async fn run(&mut self, sql: &str) -> Result<DFOutput, Failure> {
        if let Some(served) = &self.served {
            match served.run(sql).await {
                Ok(answer) => return as_in_the_repository(answer),
                Err(Unanswered::Failed(failure)) => return Err(failure),
                Err(Unanswered::Refused(refusal)) => {
                    *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
                }
            }
        }
        as_in_the_repository(self.in_process.run(sql).await?)
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        self.in_process.engine_name()
    }
}

/// The current folder, named as the files name it: by where it is in DataFusion's repository. The driver does so too, but
/// for where its own source is.
fn as_in_the_repository(output: DFOutput) -> Result<DFOutput, Failure> {
    let DBOutput::Rows { types, mut rows } = output else { return Ok(output) };
    let here = env::current_dir().context("find the current folder")?;
    let here = here.to_string_lossy();
    for cell in rows.iter_mut().flatten() {
        *cell = cell.replace(here.trim_start_matches('/'), "WORKSPACE_ROOT/datafusion/sqllogictest");
    }
    Ok(DBOutput::Rows { types, rows })
}
