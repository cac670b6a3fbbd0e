//! The segments of an index, end to end.

use std::sync::Arc;

use crate::segment::Segment;

/// Segments in the order of their slots, of which the first slot of one follows the last of the one before. A clone
/// costs one reference count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sealed {
    parts: Arc<[Part]>,
    slots: u32,
}

#[derive(Debug, Clone)]
struct Part {
    /// The slots of the index that it holds: from the first to before the end.
    first: u32,
    end: u32,
    segment: Arc<Segment>,
}

impl Sealed {
    /// The caller has checked that the slots of all together can be counted in a `u32`.
    pub(crate) fn new(segments: impl IntoIterator<Item = Arc<Segment>>) -> Self {
        let mut slots = 0;
        let parts = segments.into_iter().map(|segment| {
            let first = slots;
            slots += segment.slots();
            Part { first, end: slots, segment }
        });
        let parts = parts.collect();
        Self { parts, slots }
    }

    /// How many slots all segments have.
    #[inline]
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    pub(crate) fn segments(&self) -> impl DoubleEndedIterator<Item = &Arc<Segment>> + ExactSizeIterator {
        self.parts.iter().map(|part| &part.segment)
    }

    /// The first slot of each segment, counted as the index counts.
    pub(crate) fn first_slots(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().map(|part| part.first)
    }

    /// The segment that holds a slot of the index, and which of its own slots that is. `None` for slots behind all.
    #[inline]
    pub(crate) fn find(&self, slot: u32) -> Option<(&Segment, u32)> {
        // Each segment is at least twice as large as the next: one step, most times.
        let part = self.parts.iter().find(|part| slot < part.end)?;
        Some((&part.segment, slot - part.first))
    }
}
