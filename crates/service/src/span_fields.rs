//! The fields of a span as a JSON object, for the lines of the log.

use std::fmt;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// Room for the fields of a request.
const TYPICAL_BYTES: usize = 128;

/// Writes them as they come, and at once. tracing-subscriber's own `JsonFields` makes a tree of them first and writes that piece by piece,
/// which was 6 % of what chatd computed for an answer: each request has a span, and few write a line.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_str(&object("{", fields))
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let before = current.fields.strip_suffix('}').unwrap_or("{");
        current.fields = object(before, fields);
        Ok(())
    }
}

/// An object that begins with `start`, with `fields` after that.
fn object(start: &str, fields: impl RecordFields) -> String {
    let mut members = Members(String::with_capacity(TYPICAL_BYTES));
    members.0.push_str(start);
    fields.record(&mut members);
    members.0.push('}');
    members.0
}

/// An object that lacks its end.
struct Members(String);

impl Members {
    fn add(&mut self, field: &Field, value: &impl Serialize) {
        let Ok(value) = serde_json::to_string(value) else { return };
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        // Names are those of Rust's identifiers: nothing in them needs an escape.
        for text in ["\"", field.name().trim_start_matches("r#"), "\":", &value] {
            self.0.push_str(text);
        }
    }
}

impl Visit for Members {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::field::Empty;
    use tracing_subscriber::fmt::format::JsonFields;

    use super::*;

    /// What a log has of the fields of a span, which some are added to later.
    fn logged(fields: impl for<'w> FormatFields<'w> + Send + Sync + 'static) -> Value {
        #[derive(Clone, Default)]
        struct Log(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Log {
            fn write(&mut self, text: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(text)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = Log::default();
        let written = log.clone();
        let logs = tracing_subscriber::fmt().json().fmt_fields(fields).with_writer(move || log.clone());
        tracing::subscriber::with_default(logs.finish(), || {
            let hostile = "a\"b\\c\n\u{1}é";
            let span = tracing::info_span!("s", hostile, shown = %hostile, n = 5u64, i = -5, f = 0.5, r#type = true, late = Empty, later = Empty);
            span.record("late", "\"");
            span.record("later", 7);
            let inner = tracing::info_span!(parent: &span, "none", late = Empty);
            inner.record("late", 1);
            inner.in_scope(|| tracing::info!("line"));
        });
        let text = written.0.lock().unwrap().clone();
        serde_json::from_slice::<Value>(&text).unwrap()["spans"].take()
    }

    #[test]
    fn fields_are_logged_as_tracing_subscriber_itself_does() {
        let (ours, theirs) = (logged(SpanFields), logged(JsonFields::new()));
        assert_eq!(ours, theirs);
        assert_eq!((&ours[0]["later"], &ours[1]["late"]), (&7.into(), &1.into()));
    }
}
