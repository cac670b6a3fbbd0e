//! Files that were written under an older schema. Their columns are found by field id, as the Iceberg specification asks
//! for ("Column Projection"): a renamed column keeps its values, and a new column under an old name does not inherit any.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::common::exec_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapter, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

/// Adapts what a query asks of a table to what a file has. DataFusion's own way, which casts and fills in nulls, goes by
/// names: so it is shown the file's columns under the names that the table has for them now.
#[derive(Debug)]
pub(crate) struct ByFieldId;

impl PhysicalExprAdapterFactory for ByFieldId {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let by_name =
            DefaultPhysicalExprAdapter::new(Arc::clone(&table), Arc::new(under_names_of(&table, &file)));
        Ok(Arc::new(Adapter { by_name, table, file }))
    }
}

#[derive(Debug)]
struct Adapter {
    by_name: DefaultPhysicalExprAdapter,
    table: SchemaRef,
    file: SchemaRef,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let in_file = self.by_name.rewrite(expr)?;
        in_file.transform(|expr| self.under_own_name(expr)).data()
    }
}

impl Adapter {
    /// Calls a column what the file calls it: the file's statistics are looked up by name.
    fn under_own_name(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
        let Some(column) = expr.as_any().downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
        let own = self.file.field(column.index());
        if let Ok(known) = self.table.field_with_name(column.name())
            && are_children_renamed(known.data_type(), own.data_type())
        {
            let name = known.name();
            return exec_err!(
                "column {name:?} has fields that were renamed since a file of the table was written"
            );
        }
        if own.name() == column.name() {
            return Ok(Transformed::no(expr));
        }
        Ok(Transformed::yes(Arc::new(Column::new(own.name(), column.index()))))
    }
}

/// The file's schema under the table's names. A column that the table does not have any more gets a name that no column
/// can have.
fn under_names_of(table: &Schema, file: &Schema) -> Schema {
    let renamed = file.fields().iter().enumerate().map(|(position, own)| {
        let Some(id) = field_id(own) else { return Arc::clone(own) };
        let known = table.fields().iter().find(|known| field_id(known) == Some(id));
        let name = known.map_or_else(|| format!("\0{position}"), |known| known.name().clone());
        if name == *own.name() { Arc::clone(own) } else { Arc::new(own.as_ref().clone().with_name(name)) }
    });
    Schema::new_with_metadata(renamed.collect::<Fields>(), file.metadata().clone())
}

/// Whether a field within a column has another name, or another id under its name, than in the table: it is read by name.
fn are_children_renamed(table: &DataType, file: &DataType) -> bool {
    let (known, own) = (children(table), children(file));
    own.iter().any(|own| {
        let namesake = known.iter().find(|known| known.name() == own.name());
        match (field_id(own), namesake) {
            (None, _) => false,
            (Some(id), None) => known.iter().any(|known| field_id(known) == Some(id)),
            (Some(id), Some(namesake)) => {
                field_id(namesake).is_some_and(|known| known != id)
                    || are_children_renamed(namesake.data_type(), own.data_type())
            }
        }
    })
}

/// The fields of a struct; of a list or a map they have fixed names, whatever the table calls them.
fn children(data_type: &DataType) -> Vec<&Field> {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
            children(field.data_type())
        }
        _ => Vec::new(),
    }
}

/// The Iceberg id of a field, as Parquet and `lake` write it.
pub(crate) fn field_id(field: &Field) -> Option<&str> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY).map(String::as_str)
}
