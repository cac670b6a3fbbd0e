//! `docs/WIRE_COMPATIBILITY.md`, rendered from the tables by which the gateway translates.

use std::fmt::Write;

use super::ADAPTERS;
use super::adapter::Field;

/// The legend, and what holds on every path.
const INTRODUCTION: &str = "\
# Wire compatibility

What the legacy system, the Go stack and this system call the same things. The gateway serves the legacy paths on its own port,
beside the native ones; `[gateway] legacy = false` turns them off (404). This file is rendered from the tables by which it
translates (`daemons/gateway/src/legacy`); a test compares the two, and writes it anew with
`UPDATE_EXPECT=1 cargo test -p gateway --test it catalogue`.

Of the legacy system we know its paths, and the fields of `/ai/embed`. Where a field's legacy name is not known, the legacy path
takes the native one, and the table says so: *ours: not known from the legacy*. A script that sends another name is told which
fields there are.

- A legacy path is asked through the same code as a native one: tokens and their scopes, request ids, traces, deadlines, replicas
  and limits of bodies are the same.
- Errors are the native ones, `application/problem+json` with `code`, `detail` and `request_id`; the legacy system's are not
  known. A field that a path does not know is refused with 400, which names it and those that are known.
- Under `renamed`, the bytes of request and answer pass through untouched. Under `translated`, the names of fields change and
  their values are passed on as they were written.
";

/// The catalogue of legacy paths and their fields, as Markdown.
pub fn wire_compatibility() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n| | legacy | Go stack | ours | how |\n|---|---|---|---|---|\n");
    for adapter in ADAPTERS {
        let below = if adapter.line.has_subtree { "[/{key}]" } else { "" };
        let (legacy, native) = (adapter.line.public, format!("`{}{below}`", adapter.native));
        let how = if adapter.is_rename() { "renamed" } else { "translated" };
        let _ = writeln!(text, "| {} | `{legacy}{below}` | {native} | {native} | {how} |", adapter.methods);
    }
    for adapter in ADAPTERS {
        let _ = write!(text, "\n## `{}`\n\n{}\n", adapter.line.public, adapter.about);
        add_fields(&mut text, "request", "required", adapter.request);
        add_fields(&mut text, "answer", "always there", adapter.answer);
    }
    text
}

fn add_fields(text: &mut String, what: &str, required: &str, fields: &[Field]) {
    let _ = write!(text, "\n| {what}: legacy | Go stack | ours | {required} | |\n|---|---|---|---|---|\n");
    for field in fields {
        let legacy = match field.legacy {
            Some(name) if field.is_known => format!("`{name}`"),
            Some(name) => format!("`{name}` (ours: not known from the legacy)"),
            None => "—".to_owned(),
        };
        let go = field.go.map_or_else(|| "not known".to_owned(), |name| format!("`{name}`"));
        let required = if field.is_required { "yes" } else { "" };
        let _ = writeln!(text, "| {legacy} | {go} | `{}` | {required} | {} |", field.ours, field.note);
    }
}
