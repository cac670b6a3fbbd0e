//! What the command line takes.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{chat, checks, embed, retrieve, skip, sql, storage, vectors};

/// Asks two systems the same, and says whether they answer alike.
#[derive(Debug, Parser)]
#[command(name = "parity", version)]
pub struct Cli {
    /// What is asked.
    #[command(subcommand)]
    pub probe: Probe,
}

/// The probes that there are.
#[derive(Debug, Subcommand)]
pub enum Probe {
    /// Five texts to two embed endpoints, the model forced; their vectors are compared by cosine.
    Embed(embed::Args),
    /// Statements over the same tables to two SQL endpoints; their rows are compared value by value.
    Sql(sql::Args),
    /// Objects under odd keys and of odd sizes to two object stores; what comes back is compared byte by byte.
    Storage(storage::Args),
    /// Vectors to two vector-search endpoints; what they find is held against exact search.
    Vectors(vectors::Args),
    /// Texts with conditions in SQL to two endpoints over the same rows; their rows and distances are compared.
    Retrieve(retrieve::Args),
    /// Conversations to two chat endpoints of OpenAI's shape, whole and streamed; what the shape promises is checked.
    Chat(chat::Args),
    /// Tests of ours, as evidence for what no endpoint of another system can be asked for.
    Checks(checks::Args),
    /// Nothing, as a side is not there: the log says so.
    Skip(skip::Args),
}

/// Who is asked.
#[derive(Debug, Clone, clap::Args)]
pub struct SideArgs {
    /// The endpoint on the left, usually the system that is to be replaced [default: the predecessor's, on port 3100].
    #[arg(long, env = "LEFT", value_name = "URL")]
    pub left: Option<String>,
    /// The endpoint on the right, usually ours [default: ours, on port 4110].
    #[arg(long, env = "RIGHT", value_name = "URL")]
    pub right: Option<String>,
    /// The environment variable that holds the bearer token for the left.
    #[arg(long, value_name = "VARIABLE")]
    pub left_token_env: Option<String>,
    /// The environment variable that holds the bearer token for the right.
    #[arg(long, value_name = "VARIABLE")]
    pub right_token_env: Option<String>,
    /// How long an answer may take, seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    pub timeout: u64,
}

/// Where the verdict goes.
#[derive(Debug, Clone, clap::Args)]
pub struct Output {
    /// The folder of the verdict, and of `PARITY.md`, which gains a row.
    #[arg(long, default_value = "reports/cutover", value_name = "DIR")]
    pub report_dir: PathBuf,
    /// What the verdict is called, without ending [default: PROBE_parity_<DATE>]. One of that name is replaced.
    #[arg(long)]
    pub name: Option<String>,
    /// Print the verdict as one JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// What stands below a probe's options: its own lines, and what exit codes mean.
macro_rules! examples {
    ($lines:literal) => {
        concat!(
            "Examples:\n",
            $lines,
            "\n\nExit code: 0 alike (PASS), 1 not alike (FAIL), 3 a side could not be reached (SKIPPED), 2 the command line \
             makes no sense."
        )
    };
}
pub(crate) use examples;

/// Reads a number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().map_err(|error| error.to_string())?;
    (0.0..=1.0).contains(&share).then_some(share).ok_or_else(|| "it is from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
