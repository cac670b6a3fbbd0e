//! Rows that are computed once and read by several.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use datafusion::common::Statistics;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

/// Where the rows are once the first reader has asked for them. Whoever waits for them drives the computation, so that it
/// goes on when another reader leaves.
#[derive(Default)]
pub(super) struct Rows(OnceLock<Shared<BoxFuture<'static, Outcome>>>);

type Outcome = std::result::Result<Arc<Kept>, Arc<DataFusionError>>;

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// All of them, and the memory that they take.
struct Kept {
    batches: Vec<RecordBatch>,
    _memory: MemoryReservation,
}

async fn keep(mut rows: SendableRecordBatchStream, memory: MemoryReservation) -> Result<Arc<Kept>> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.try_next().await? {
        memory.try_grow(size(&batch)?)?;
        batches.push(batch);
    }
    Ok(Arc::new(Kept { batches, _memory: memory }))
}

/// Bytes of the rows themselves: groups come in slices of one large batch, whose buffers must not count with each slice.
fn size(batch: &RecordBatch) -> Result<usize> {
    let columns = batch.columns().iter();
    Ok(columns
        .map(|column| column.to_data().get_slice_memory_size())
        .sum::<std::result::Result<usize, _>>()?)
}

/// One reader of the rows of its input, which another reader with the same [`Rows`] may have computed already.
#[derive(Debug)]
pub(super) struct SharedExec {
    input: Arc<dyn ExecutionPlan>,
    rows: Arc<Rows>,
    properties: Arc<PlanProperties>,
}

impl SharedExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, rows: Arc<Rows>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, rows, properties: Arc::new(properties) }
    }
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedExec")
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &'static str {
        "SharedExec"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input, Arc::clone(&self.rows)))),
            Err(children) => {
                Err(DataFusionError::Internal(format!("SharedExec has {} children", children.len())))
            }
        }
    }

    /// Within a recursive query the rows are others each time: then each reader computes its own.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(Arc::clone(&self.input), Arc::default())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return Err(DataFusionError::Internal(format!("SharedExec has no partition {partition}")));
        }
        let kept = match self.rows.0.get() {
            Some(kept) => kept.clone(),
            None => {
                let memory = MemoryConsumer::new("SharedExec").register(context.memory_pool());
                let rows = self.input.execute(0, context)?;
                let keeping = keep(rows, memory).map(|kept| kept.map_err(Arc::new)).boxed().shared();
                self.rows.0.get_or_init(|| keeping).clone()
            }
        };
        let batches = kept.map(|kept| match kept {
            Ok(kept) => {
                let batches = (0..kept.batches.len()).map(move |index| Ok(kept.batches[index].clone()));
                stream::iter(batches).left_stream()
            }
            Err(error) => stream::once(async { Err(DataFusionError::Shared(error)) }).right_stream(),
        });
        let batches = batches.flatten_stream();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn partition_statistics(&self, _: Option<usize>) -> Result<Statistics> {
        self.input.partition_statistics(None)
    }
}
