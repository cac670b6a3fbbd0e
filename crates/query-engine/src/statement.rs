//! What may be run: one statement that reads.

use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use crate::{Error, Result, time_travel};

/// How deep expressions may nest: beyond it the parser refuses instead of exhausting the stack.
const MAX_DEPTH: usize = 50;

/// Parses `sql` as one statement that reads: a query, or `EXPLAIN` of one.
///
/// # Errors
/// [`Error::Invalid`] when it is no SQL, [`Error::Refused`] when it is no single query.
pub(crate) fn parse(sql: &str) -> Result<Statement> {
    let sql = time_travel::rewrite(sql)?;
    let mut statements =
        DFParserBuilder::new(sql.as_str()).with_recursion_limit(MAX_DEPTH).build()?.parse_statements()?;
    let statement =
        statements.pop_front().ok_or_else(|| Error::Invalid("there is no statement".to_owned()))?;
    if !statements.is_empty() {
        return Err(Error::Refused(format!("one statement at a time; these are {}", statements.len() + 1)));
    }
    if !is_query(&statement) {
        let shown: String = statement.to_string().chars().take(40).collect();
        return Err(Error::Refused(format!(
            "only queries run here (SELECT, WITH, VALUES, EXPLAIN), not {shown:?}"
        )));
    }
    Ok(statement)
}

fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => matches!(**statement, SqlStatement::Query(_)),
        Statement::Explain(explain) => is_query(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

/// Refuses a plan that changes something, wherever it hides: `WITH … INSERT`, `SELECT … INTO`.
///
/// # Errors
/// [`Error::Refused`] names the operation.
pub(crate) fn check_reads_only(plan: &LogicalPlan) -> Result<()> {
    let read_only =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(plan).map_err(|error| match Error::from(error) {
        Error::Invalid(detail) => Error::Refused(format!("only queries run here: {detail}")),
        other => other,
    })
}
