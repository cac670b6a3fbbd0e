//! Writing a segment, front to back, out of a view.

use std::io::{self, Write};
use std::path::Path;

use super::held::RowBuffer;
use super::layout::Layout;
use crate::codec::Put;
use crate::durable::{Disk, create_atomically};
use crate::error::Error;
use crate::files::{Entry, FileName, Role};
use crate::records::NEVER_MS;
use crate::view::View;

/// Writes the segment `number`, durably, of these `slots` of `view`, in this order. Of the dead among them it keeps the
/// place and the vector.
pub(crate) fn write(
    disk: &dyn Disk,
    folder: &Path,
    number: u64,
    view: &View,
    slots: &[u32],
) -> Result<Entry, Error> {
    let source = Source { view, slots };
    let layout = Layout {
        dimension: view.rows().dimension(),
        slots: slots.len(),
        ids_bytes: source.ids().map(|id| id.len() as u64).sum(),
        metadata_bytes: source.metadata().map(|text| text.len() as u64).sum(),
        has_times: source.times().any(|time| time != NEVER_MS),
    };
    let path = FileName::new(Role::Segment, number).path(folder);
    let sum = create_atomically(disk, &path, |out| {
        out.write_all(&layout.header(number))?;
        write_ends(out, source.ids())?;
        write_ends(out, source.metadata())?;
        if layout.has_times {
            source.times().try_for_each(|time| out.write_all(&time.to_le_bytes()))?;
        }
        source.ids().chain(source.metadata()).try_for_each(|text| out.write_all(text.as_bytes()))?;
        let padding = layout.vectors_at() - layout.metadata_end();
        out.write_all(&vec![0; padding as usize])?;
        source.write_vectors(out)
    })?;
    Ok(Entry { number, slots: slots.len() as u32, sum })
}

struct Source<'a> {
    view: &'a View,
    slots: &'a [u32],
}

impl Source<'_> {
    fn ids(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| if self.is_alive(*slot) { self.view.id(*slot) } else { "" })
    }

    fn metadata(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| if self.is_alive(*slot) { self.view.stored_metadata(*slot) } else { "" })
    }

    /// When each slot expires, as stored.
    fn times(&self) -> impl Iterator<Item = u64> {
        let expiry = |slot: &u32| self.view.expires_ms(*slot).filter(|_| self.is_alive(*slot));
        self.slots.iter().map(move |slot| expiry(slot).unwrap_or(NEVER_MS))
    }

    fn is_alive(&self, slot: u32) -> bool {
        self.view.alive().contains(slot)
    }

    fn write_vectors(&self, out: &mut impl Write) -> io::Result<()> {
        let (mut bytes, mut buffer) = (Vec::new(), RowBuffer::default());
        for slot in self.slots {
            bytes.clear();
            bytes.put_f32s(self.view.rows().row(*slot, &mut buffer)?);
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}

fn write_ends<'a>(out: &mut impl Write, texts: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut end = 0_u64;
    for text in texts {
        end += text.len() as u64;
        out.write_all(&end.to_le_bytes())?;
    }
    Ok(())
}
