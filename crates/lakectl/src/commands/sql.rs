//! `lakectl sql`: ask in SQL.

use std::time::Duration;

use comfy_table::Table;
use wire::sql::{SqlAnswer, SqlRequest};

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(600);

/// Arguments of `lakectl sql`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lakectl sql 'SELECT role, count(*) AS workers FROM staffing.workers GROUP BY role \
                        ORDER BY workers DESC LIMIT 5'"
)]
pub struct Args {
    /// One read-only statement.
    sql: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let request = SqlRequest { sql: args.sql.clone(), params: Vec::new() };
    let answer = session.peers.queryd().sql(&session.call(PATIENCE), &request).await?;
    if as_json {
        return output::json(&answer);
    }
    output::line(table(&answer).to_string())?;
    output::line(format!("{} rows", answer.row_count))
}

/// The answer as a table, numbers to the right.
pub(crate) fn table(answer: &SqlAnswer) -> Table {
    let is_number =
        |name: &str| ["Int", "UInt", "Float", "Decimal"].iter().any(|kind| name.starts_with(kind));
    let right: Vec<usize> =
        (0..answer.columns.len()).filter(|i| is_number(&answer.columns[*i].data_type)).collect();
    let header: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    let rows = answer.rows.iter().map(|row| row.iter().map(output::cell).collect()).collect();
    output::table(&header, rows, &right)
}
