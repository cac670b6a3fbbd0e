//! Terms: single values as bytes that sort by kind and, within a kind, by value.

use serde_json::Value;

use super::number::{self, Number};

/// The first byte of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Null,
    Bool,
    Whole,
    Float,
    Text,
}

/// Longer texts are no terms: nobody asks for them, and the index would keep them all a second time.
pub(super) const MAX_TEXT_BYTES: usize = 256;

/// How an index keeps a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// As a term.
    Term,
    /// Only that there is one.
    LongText,
    /// Only that there is one: an object, or an array in an array.
    Nested,
}

/// Replaces what is in `term` by the term of `value`, or says that it has none.
pub(super) fn encode(value: &Value, term: &mut Vec<u8>) -> Kept {
    match value {
        Value::Null => write(term, Kind::Null, &[]),
        Value::Bool(bool) => write(term, Kind::Bool, &[u8::from(*bool)]),
        Value::String(text) if text.len() > MAX_TEXT_BYTES => return Kept::LongText,
        Value::String(text) => write(term, Kind::Text, text.as_bytes()),
        Value::Number(json) => match Number::of(json) {
            Some(number) => encode_number(number, term),
            None => return Kept::Nested,
        },
        Value::Array(_) | Value::Object(_) => return Kept::Nested,
    }
    Kept::Term
}

pub(super) fn encode_number(number: Number, term: &mut Vec<u8>) {
    match number {
        Number::Whole(whole) => {
            write(term, Kind::Whole, &number::sortable_from_whole(whole).to_be_bytes());
        }
        Number::Float(float) => {
            write(term, Kind::Float, &number::sortable_from_float(float).to_be_bytes());
        }
    }
}

/// The number whose term is of `kind`, [`Kind::Whole`] or [`Kind::Float`], and goes on with `payload`.
pub(super) fn decode_number(kind: Kind, payload: &[u8]) -> Number {
    if kind == Kind::Whole {
        let sortable = u128::from_be_bytes(payload.first_chunk().copied().unwrap_or_default());
        Number::Whole(number::whole_from_sortable(sortable))
    } else {
        let sortable = u64::from_be_bytes(payload.first_chunk().copied().unwrap_or_default());
        Number::Float(number::float_from_sortable(sortable))
    }
}

fn write(term: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    term.clear();
    term.push(kind as u8);
    term.extend_from_slice(payload);
}
