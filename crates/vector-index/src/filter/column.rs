//! One key of metadata: its values, and which slots have them.

use std::cmp::Ordering;

use serde_json::Value;

use super::mask::Mask;
use super::number::Number;
use super::slots::Slots;
use super::term::{self, Kept, Kind};
use super::terms::Terms;

#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    /// Slots that have the key at all.
    present: Slots,
    terms: Terms,
    /// Slots with a text that is no term.
    long_texts: Slots,
    /// Slots with an object, or an array in an array.
    nested: Slots,
}

impl Column {
    /// Takes in the value of a slot, the last so far. `term` is memory to work in.
    pub(super) fn push(&mut self, value: &Value, slot: u32, term: &mut Vec<u8>) {
        self.present.push(slot);
        let elements = match value {
            Value::Array(elements) => elements.as_slice(),
            single => std::slice::from_ref(single),
        };
        for element in elements {
            match term::encode(element, term) {
                Kept::Term => self.terms.add(term, slot),
                Kept::LongText => self.long_texts.push(slot),
                Kept::Nested => self.nested.push(slot),
            }
        }
    }

    pub(super) fn present(&self) -> &Slots {
        &self.present
    }

    /// Adds to `mask` the slots with an element that equals `value`. Of the slots that it returns it cannot know.
    pub(super) fn add_equal(&self, value: &Value, mask: &mut Mask) -> Option<&Slots> {
        let mut term = Vec::new();
        match term::encode(value, &mut term) {
            Kept::Term => self.terms.find(&term, mask),
            Kept::LongText => return Some(&self.long_texts),
            Kept::Nested => return Some(&self.nested),
        }
        if let Value::Number(json) = value
            && let Some(number) = Number::of(json)
        {
            self.add_equal_of_other_kind(number, &mut term, mask);
        }
        None
    }

    /// Whole numbers that equal a float, and the float that equals a whole number.
    fn add_equal_of_other_kind(&self, number: Number, term: &mut Vec<u8>, mask: &mut Mask) {
        match number {
            Number::Whole(whole) => {
                term::encode_number(Number::Float(whole as f64), term);
                self.terms.find(term, mask);
            }
            Number::Float(float) if float.fract() == 0.0 => {
                self.select_numbers(Kind::Whole, number, Ordering::is_eq, mask);
            }
            Number::Float(_) => {}
        }
    }

    /// Adds to `mask` the slots with an element whose comparison with `operand` `holds`. Of the slots that it returns
    /// it cannot know.
    pub(super) fn add_ordered(
        &self,
        operand: &Value,
        holds: fn(Ordering) -> bool,
        mask: &mut Mask,
    ) -> Option<&Slots> {
        match operand {
            Value::String(operand) => {
                // Code points sort as their bytes do in UTF-8.
                self.terms.select(Kind::Text, |text| text.cmp(operand.as_bytes()), holds, mask);
                Some(&self.long_texts)
            }
            Value::Number(json) => {
                let operand = Number::of(json)?;
                self.select_numbers(Kind::Whole, operand, holds, mask);
                self.select_numbers(Kind::Float, operand, holds, mask);
                None
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn select_numbers(&self, kind: Kind, operand: Number, holds: fn(Ordering) -> bool, mask: &mut Mask) {
        let compare = |payload: &[u8]| term::decode_number(kind, payload).compare(operand);
        self.terms.select(kind, compare, holds, mask);
    }

    /// Sorts what is not sorted yet and gives spare memory back.
    pub(super) fn finish(&mut self) {
        self.terms.finish();
        for slots in [&mut self.present, &mut self.long_texts, &mut self.nested] {
            slots.shrink_to_fit();
        }
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let slots = [&self.present, &self.long_texts, &self.nested];
        self.terms.heap_bytes() + slots.map(Slots::heap_bytes).iter().sum::<usize>()
    }
}
