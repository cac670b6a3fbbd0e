//! How a query fails, by what its author can do about it.

use datafusion::error::DataFusionError;

use crate::TableName;

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no SQL, names a column or function that does not exist, or its types do not fit.
    #[error("{0}")]
    Invalid(String),
    /// The statement would change something, or there is more than one.
    #[error("{0}")]
    Refused(String),
    /// A table does not exist.
    #[error("there is no table {table}{}", did_you_mean(nearest.as_ref()))]
    UnknownTable {
        /// As the statement names it.
        table: TableName,
        /// The existing table whose name is most alike.
        nearest: Option<TableName>,
    },
    /// The query is valid, but failed on these data: a division by zero, a cast.
    #[error("{0}")]
    Execution(String),
    /// The query needs more memory, or returns more, than a query may.
    #[error("{0}")]
    Limit(String),
    /// The query took longer than a query may.
    #[error("the query ran longer than {0:?}")]
    Timeout(std::time::Duration),
    /// The catalogue could not say what a table is.
    #[error("load a table from the catalogue")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The files of a table could not be planned.
    #[error("plan the files of a table")]
    Lake(#[from] lake::Error),
    /// A fault of the engine or of the storage below it.
    #[error("run the query")]
    Engine(#[source] Box<DataFusionError>),
}

fn did_you_mean(nearest: Option<&TableName>) -> String {
    nearest.map(|table| format!("; the nearest is {table}")).unwrap_or_default()
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        // Arrow and Parquet report an outage of the warehouse as if the data were at fault.
        if lake::Outage::of(&error).is_some() {
            return Self::Engine(Box::new(error));
        }
        match error.find_root() {
            DataFusionError::SQL(cause, _) => Self::Invalid(cause.to_string()),
            DataFusionError::Plan(cause) | DataFusionError::Configuration(cause) => {
                Self::Invalid(cause.clone())
            }
            DataFusionError::SchemaError(cause, _) => Self::Invalid(cause.to_string()),
            DataFusionError::NotImplemented(cause) => Self::Invalid(format!("not supported: {cause}")),
            DataFusionError::Execution(cause) => Self::Execution(cause.clone()),
            DataFusionError::ArrowError(cause, _) => Self::Execution(cause.to_string()),
            DataFusionError::ResourcesExhausted(cause) => {
                Self::Limit(format!("the query needs more memory than it may use: {cause}"))
            }
            _ => Self::Engine(Box::new(error)),
        }
    }
}
