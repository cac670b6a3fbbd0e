//! The labour market: how many people do what where, and for how much.

use std::collections::HashMap;

use anyhow::Context;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// BLS OEWS, May 2025: detailed occupations of SOC groups 37, 43, 47, 49, 51, 53 by metro area.
static OEWS: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/oews/oews_2025_staffing_metro_detailed.parquet"
));

/// The percentiles of hourly wages that the table has.
pub(super) const PERCENTILES: [f64; 5] = [0.10, 0.25, 0.50, 0.75, 0.90];

const TEXT_COLUMNS: [&str; 5] = ["area_code", "area_name", "state_fips", "soc_code", "soc_title"];
const NUMBER_COLUMNS: [&str; 6] = ["employment", "h_p10", "h_p25", "h_p50", "h_p75", "h_p90"];

/// A metro area, or the rest of a state.
#[derive(Debug, Clone)]
pub(super) struct Area {
    /// Seven digits, leading zeros included.
    pub(super) code: String,
    pub(super) name: String,
    pub(super) state_fips: String,
}

/// An occupation of the Standard Occupational Classification.
#[derive(Debug, Clone)]
pub(super) struct Occupation {
    pub(super) soc_code: String,
    pub(super) title: String,
}

/// One occupation in one area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Index into [`Market::occupations`].
    pub(super) occupation: usize,
    /// Index into [`Market::areas`].
    pub(super) area: usize,
    /// Hourly wages in dollars at [`PERCENTILES`].
    pub(super) wages: [f64; 5],
    /// People employed in this cell and all before it.
    employed_up_to_here: u64,
}

/// All cells for which both employment and wages are published.
#[derive(Debug, Default)]
pub(super) struct Market {
    pub(super) occupations: Vec<Occupation>,
    pub(super) areas: Vec<Area>,
    pub(super) cells: Vec<Cell>,
}

impl Market {
    /// Reads the table that is built into this program.
    pub(super) fn load() -> anyhow::Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from_static(OEWS))?;
        let columns = TEXT_COLUMNS.into_iter().chain(NUMBER_COLUMNS);
        let projection = ProjectionMask::columns(builder.parquet_schema(), columns);
        let mut loader = Loader::default();
        for batch in builder.with_projection(projection).build()? {
            loader.add(&batch?)?;
        }
        Ok(loader.market)
    }

    /// How many people the table counts.
    pub(super) fn employed(&self) -> u64 {
        self.cells.last().map_or(0, |cell| cell.employed_up_to_here)
    }

    /// The cell of the `n`th employed person, 0 <= n < [`Market::employed`].
    pub(super) fn cell_of(&self, n: u64) -> &Cell {
        &self.cells[self.cells.partition_point(|cell| cell.employed_up_to_here <= n)]
    }
}

impl Cell {
    /// The hourly wage at quantile `q`, 0.1 to 0.9, linear between the percentiles; in dollars, to the cent.
    pub(super) fn wage_at(&self, q: f64) -> f64 {
        let upper = PERCENTILES.partition_point(|p| *p < q).clamp(1, PERCENTILES.len() - 1);
        let (from, to) = (PERCENTILES[upper - 1], PERCENTILES[upper]);
        let (low, high) = (self.wages[upper - 1], self.wages[upper]);
        let wage = low + (high - low) * ((q - from) / (to - from)).clamp(0.0, 1.0);
        (wage * 100.0).round() / 100.0
    }
}

#[derive(Default)]
struct Loader {
    market: Market,
    occupation_of: HashMap<String, usize>,
    area_of: HashMap<String, usize>,
}

impl Loader {
    fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let column = |name: &str, to: &DataType| -> anyhow::Result<ArrayRef> {
            let column = batch.column_by_name(name).with_context(|| format!("no column {name}"))?;
            Ok(cast(column, to)?)
        };
        let texts = TEXT_COLUMNS.map(|name| column(name, &DataType::Utf8));
        let numbers = NUMBER_COLUMNS.map(|name| column(name, &DataType::Float64));
        let texts = texts.into_iter().collect::<Result<Vec<_>, _>>()?;
        let numbers = numbers.into_iter().collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let number = |i: usize| {
                let column = numbers[i].as_primitive::<Float64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            let (Some(employment), Some(wages)) =
                (number(0), (1..=5).map(number).collect::<Option<Vec<_>>>())
            else {
                continue;
            };
            let text = |i: usize| texts[i].as_string::<i32>().value(row);
            self.add_cell([text(0), text(1), text(2), text(3), text(4)], employment, &wages)?;
        }
        Ok(())
    }

    fn add_cell(&mut self, texts: [&str; 5], employment: f64, wages: &[f64]) -> anyhow::Result<()> {
        let [area_code, area_name, state_fips, soc_code, soc_title] = texts.map(str::to_owned);
        let Market { occupations, areas, cells } = &mut self.market;
        let area = *self.area_of.entry(area_code.clone()).or_insert_with(|| {
            areas.push(Area { code: area_code, name: area_name, state_fips });
            areas.len() - 1
        });
        let occupation = *self.occupation_of.entry(soc_code.clone()).or_insert_with(|| {
            occupations.push(Occupation { soc_code, title: soc_title });
            occupations.len() - 1
        });
        let before = cells.last().map_or(0, |cell| cell.employed_up_to_here);
        cells.push(Cell {
            occupation,
            area,
            wages: wages.try_into()?,
            employed_up_to_here: before + employment as u64,
        });
        Ok(())
    }
}
