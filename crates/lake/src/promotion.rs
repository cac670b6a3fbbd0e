//! Columns that become wider, by the promotions that Iceberg allows (specification, "Schema Evolution"): `int` to `long`,
//! `float` to `double`, `decimal(P, S)` to one of more digits. Files written before stay as they are; readers cast.

use arrow::datatypes::DataType;
use iceberg::spec::{NestedField, PrimitiveType, TableMetadata, Type};
use iceberg::{TableRequirement, TableUpdate};

use crate::{Error, Result, TableChange};

/// A table whose columns are wider than those of the one it comes from; nothing is committed yet.
#[derive(Debug, Clone)]
pub struct Promotion {
    /// The table as it will be: rows are written, and a snapshot is made, for this.
    pub metadata: TableMetadata,
    /// The columns that change.
    pub columns: Vec<PromotedColumn>,
    requirement: TableRequirement,
    updates: Vec<TableUpdate>,
}

/// One column that becomes wider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotedColumn {
    /// Its name.
    pub name: String,
    /// Its type before.
    pub from: PrimitiveType,
    /// Its type after.
    pub to: PrimitiveType,
}

impl Promotion {
    /// Makes the columns of `metadata` that are named as wide as the types beside them.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no such column, or Iceberg does not promote its type to that one.
    pub fn plan(metadata: &TableMetadata, wider: &[(&str, &DataType)]) -> Result<Self> {
        let current = metadata.current_schema();
        let mut columns = Vec::new();
        for (name, to) in wider {
            let field = current.as_struct().fields().iter().find(|field| field.name == *name);
            let from = field.and_then(|field| field.field_type.as_primitive_type());
            columns.push(promoted(name, from, to)?);
        }
        let fields = current.as_struct().fields().iter().map(|field| {
            match columns.iter().find(|column| column.name == field.name) {
                Some(column) => {
                    let field_type = Box::new(Type::Primitive(column.to.clone()));
                    NestedField { field_type, ..field.as_ref().clone() }.into()
                }
                None => field.clone(),
            }
        });
        let schema = iceberg::spec::Schema::builder()
            .with_fields(fields.collect::<Vec<_>>())
            .with_identifier_field_ids(current.identifier_field_ids())
            .build()?;
        let builder = metadata.clone().into_builder(None).add_schema(schema)?;
        let built = builder.set_current_schema(-1)?.build()?;
        let requirement =
            TableRequirement::CurrentSchemaIdMatch { current_schema_id: metadata.current_schema_id() };
        Ok(Self { metadata: built.metadata, columns, requirement, updates: built.changes })
    }
}

impl TableChange {
    /// The same change together with the promotion for which it was made: one commit.
    #[must_use]
    pub fn with(mut self, promotion: &Promotion) -> Self {
        self.requirements.push(promotion.requirement.clone());
        self.updates.splice(0..0, promotion.updates.iter().cloned());
        self
    }
}

fn promoted(name: &str, from: Option<&PrimitiveType>, to: &DataType) -> Result<PromotedColumn> {
    use PrimitiveType::{Decimal, Double, Float, Int, Long};
    let refused = || Error::Invalid(format!("column {name:?} cannot become {to}"));
    let from = from.ok_or_else(refused)?;
    let to = match (from, to) {
        (Int, DataType::Int64) => Long,
        (Float, DataType::Float64) => Double,
        (Decimal { precision, scale }, DataType::Decimal128(to, to_scale))
            if u32::from(*to) > *precision && i64::from(*to_scale) == i64::from(*scale) =>
        {
            Decimal { precision: u32::from(*to), scale: *scale }
        }
        _ => return Err(refused()),
    };
    Ok(PromotedColumn { name: name.to_owned(), from: from.clone(), to })
}
