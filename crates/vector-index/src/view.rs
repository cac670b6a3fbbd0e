//! The items of one index as searches, seals and copies read them: without any lock.

use std::sync::Arc;

use crate::bitset::Bitset;
use crate::codes::Codes;
use crate::metadata::{self, Metadata};
use crate::records::{Record, Records};
use crate::rows::Rows;
use crate::sealed::Sealed;

/// Items in slots: those of the segments, in the segments' order, then those of the write buffer. A slot is written
/// once: an update kills the old slot and takes a new one, so that whatever was built over old slots (a graph, a
/// segment) stays true. A clone shares rows and records with its original.
#[derive(Debug, Clone)]
pub(crate) struct View {
    rows: Rows,
    codes: Codes,
    /// Of the write buffer.
    records: Records,
    alive: Bitset,
}

impl View {
    #[cfg(test)]
    pub(crate) fn new(dimension: usize) -> Self {
        Self::behind(Sealed::default(), Codes::new(dimension), Bitset::default())
    }

    /// The items of segments whose vectors have these codes, of which those in `alive` live.
    pub(crate) fn behind(sealed: Sealed, codes: Codes, alive: Bitset) -> Self {
        let rows = Rows::behind(sealed, codes.dimension());
        Self { rows, codes, records: Records::default(), alive }
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The codes of the rows.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    pub(crate) fn sealed(&self) -> &Sealed {
        self.rows.sealed()
    }

    pub(crate) fn alive(&self) -> &Bitset {
        &self.alive
    }

    /// How many slots are taken, by the living and the dead.
    pub(crate) fn slots(&self) -> u32 {
        self.sealed().slots() + self.records.len() as u32
    }

    pub(crate) fn live(&self) -> usize {
        self.alive.count()
    }

    pub(crate) fn dead(&self) -> usize {
        self.slots() as usize - self.live()
    }

    pub(crate) fn id(&self, slot: u32) -> &str {
        match self.sealed().find(slot) {
            Some((segment, slot)) => segment.id(slot),
            None => &self.buffered(slot).id,
        }
    }

    /// The metadata as they are stored, see [`Metadata::stored`].
    pub(crate) fn stored_metadata(&self, slot: u32) -> &str {
        match self.sealed().find(slot) {
            Some((segment, slot)) => segment.stored_metadata(slot),
            None => self.buffered(slot).metadata.stored(),
        }
    }

    pub(crate) fn metadata(&self, slot: u32) -> Metadata {
        Metadata::from_stored(self.stored_metadata(slot))
    }

    /// The metadata, taken apart for a filter.
    pub(crate) fn parsed_metadata(&self, slot: u32) -> serde_json::Map<String, serde_json::Value> {
        metadata::parse(self.stored_metadata(slot))
    }

    /// See [`crate::Item::expires_ms`].
    pub(crate) fn expires_ms(&self, slot: u32) -> Option<u64> {
        match self.sealed().find(slot) {
            Some((segment, slot)) => segment.expires_ms(slot),
            None => self.buffered(slot).expires_ms,
        }
    }

    /// The record of a slot of the write buffer.
    pub(crate) fn buffered(&self, slot: u32) -> &Arc<Record> {
        self.records.get((slot - self.sealed().slots()) as usize)
    }

    /// Adds a live item and returns its slot.
    pub(crate) fn push(&mut self, record: Arc<Record>, row: &[f32]) -> u32 {
        let slot = self.slots();
        self.rows.push(row);
        self.codes.push(row);
        self.records.push(record);
        self.alive.insert(slot);
        slot
    }

    pub(crate) fn bury(&mut self, slot: u32) {
        self.alive.remove(slot);
    }
}
