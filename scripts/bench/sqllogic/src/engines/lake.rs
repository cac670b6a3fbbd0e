//! The tables of a file, copied into the lake by ingestd.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use bench_kit::http::{Client, Reply, post_bytes};
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::TableType;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::SessionContext;
use datafusion::sql::TableReference;

use super::Stack;
use crate::outcome::Refusal;

/// The namespace of tables that are named without one.
const NAMESPACE: &str = query_engine::DEFAULT_NAMESPACE;

/// What lies in the lake.
pub(super) struct Lake {
    catalogd: Client,
    ingestd: Client,
    /// By name, the very bytes that were taken in.
    tables: HashMap<String, Vec<u8>>,
}

impl Lake {
    pub(super) fn new(stack: &Stack) -> anyhow::Result<Self> {
        Ok(Self {
            catalogd: stack.catalogd.client()?,
            ingestd: stack.ingestd.client()?,
            tables: HashMap::new(),
        })
    }

    /// Makes the lake's table like the session's of that name; or says why it cannot be.
    pub(super) async fn provide(
        &mut self,
        context: &SessionContext,
        reference: &TableReference,
    ) -> anyhow::Result<Result<(), Refusal>> {
        let TableReference::Bare { table: name } = reference else { return Ok(Err(Refusal::NotATable)) };
        let Ok(provider) = context.table_provider(reference.clone()).await else {
            // Then queryd shall not know it either.
            self.remove(name)?;
            return Ok(Ok(()));
        };
        if provider.table_type() == TableType::View || !is_plain(name) {
            return Ok(Err(Refusal::NotATable));
        }
        if !provider.schema().fields().iter().all(|field| is_kept(field.data_type())) {
            return Ok(Err(Refusal::NoSuchType));
        }
        let Ok((rows, body)) = parquet_of(context, provider).await else {
            return Ok(Err(Refusal::NotATable));
        };
        if rows == 0 {
            return Ok(Err(Refusal::NoRows));
        }
        if self.tables.get(&**name) == Some(&body) {
            return Ok(Ok(()));
        }
        self.remove(name)?;
        let path = format!("/ingest?table={NAMESPACE}.{name}&mode=create&format=parquet");
        let request = post_bytes(&path, "application/vnd.apache.parquet", &body);
        let is_taken = self.ingestd.exchange(&request, |reply| match reply.status {
            // What tables cannot hold, said by the one who knows.
            422 => Ok(false),
            _ => taken(name, reply).map(|()| true),
        })?;
        if !is_taken {
            return Ok(Err(Refusal::NoSuchType));
        }
        self.tables.insert(name.to_string(), body);
        Ok(Ok(()))
    }

    /// Takes all tables out.
    pub(super) fn clear(&mut self) -> anyhow::Result<()> {
        let names: Vec<_> = self.tables.keys().cloned().collect();
        names.iter().try_for_each(|name| self.remove(name))
    }

    fn remove(&mut self, name: &str) -> anyhow::Result<()> {
        if self.tables.remove(name).is_none() {
            return Ok(());
        }
        let path = format!("/iceberg/v1/namespaces/{NAMESPACE}/tables/{name}?purgeRequested=true");
        let request = format!("DELETE {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.catalogd.exchange(request.as_bytes(), |reply| taken(name, reply))
    }
}

fn taken(table: &str, reply: &Reply<'_>) -> anyhow::Result<()> {
    match reply.status {
        200..300 => Ok(()),
        _ => bail!("the table {table} was answered by {reply}"),
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether Iceberg v2 has this very type: what it keeps as another one, functions and results treat as another one.
fn is_kept(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(_, 0..)
        | DataType::Date32
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::Timestamp(TimeUnit::Microsecond, None) => true,
        DataType::List(field) | DataType::LargeList(field) => is_kept(field.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_kept(field.data_type())),
        _ => false,
    }
}

/// How many rows a table has, and all of them as the body of a request.
async fn parquet_of(
    context: &SessionContext,
    table: Arc<dyn TableProvider>,
) -> anyhow::Result<(usize, Vec<u8>)> {
    let schema = Arc::new(Schema::new(table.schema().fields().clone()));
    let batches = context.read_table(table)?.collect().await?;
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None)?;
    let rows = batches.iter().map(|batch| batch.num_rows()).sum();
    for batch in batches {
        writer.write(&batch.with_schema(Arc::clone(&schema)).context("batch of another schema")?)?;
    }
    Ok((rows, writer.into_inner()?))
}
