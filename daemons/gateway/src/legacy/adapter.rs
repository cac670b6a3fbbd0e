//! A legacy path, and how what is said there becomes ours.

use service::ApiError;

use super::members::Members;
use crate::table::Line;

/// A legacy path over a native route.
#[derive(Debug)]
pub(crate) struct Adapter {
    /// The legacy path, and who answers under which path of its own.
    pub(crate) line: Line,
    /// How it is asked.
    pub(crate) methods: &'static str,
    /// The native route at the gateway; the Go stack's had the same path.
    pub(crate) native: &'static str,
    /// What it is for, and what a script has to know.
    pub(crate) about: &'static str,
    /// The fields of a request.
    pub(crate) request: &'static [Field],
    /// The fields of an answer.
    pub(crate) answer: &'static [Field],
}

/// A field in the three systems. One within another is written `results[].id`, and has one name in all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its name on the legacy path; a field without one does not exist there.
    pub(crate) legacy: Option<&'static str>,
    /// Whether the legacy system is known to have called it so; if not, the name is our choice.
    pub(crate) is_known: bool,
    /// Its name in the Go stack, if that is known.
    pub(crate) go: Option<&'static str>,
    /// Its name on the native route.
    pub(crate) ours: &'static str,
    /// Whether it must be in a request, or always is in an answer.
    pub(crate) is_required: bool,
    /// What it is.
    pub(crate) note: &'static str,
}

/// A field whose names are known.
pub(crate) const fn known(
    legacy: &'static str,
    go: &'static str,
    ours: &'static str,
    note: &'static str,
) -> Field {
    Field { legacy: Some(legacy), is_known: true, go: Some(go), ours, is_required: false, note }
}

/// A field whose legacy name is not known: it is called as it is natively.
pub(crate) const fn chosen(name: &'static str, note: &'static str) -> Field {
    Field { legacy: Some(name), is_known: false, go: None, ours: name, is_required: false, note }
}

/// A field that the native route alone has.
pub(crate) const fn ours_only(name: &'static str, note: &'static str) -> Field {
    Field { legacy: None, is_known: true, go: None, ours: name, is_required: false, note }
}

impl Field {
    pub(crate) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }
}

impl Adapter {
    /// Whether every field is called as it is natively, so that bodies need not be read.
    pub(crate) fn is_rename(&self) -> bool {
        self.request.iter().chain(self.answer).all(|field| field.legacy == Some(field.ours))
    }

    /// The native request for a legacy one. Values are judged by the daemon behind.
    ///
    /// # Errors
    /// 400 that names the fields that do not exist here, or is missing, and those that do.
    pub(crate) fn native_request(&self, legacy: Members) -> Result<Members, ApiError> {
        let field = |name: &str| self.request.iter().find(|field| field.legacy == Some(name));
        let unknown: Vec<&str> = legacy.names().filter(|name| field(name).is_none()).collect();
        if !unknown.is_empty() {
            return Err(self.refusal("unknown field", unknown));
        }
        let is_missing = |name: &&str| !legacy.names().any(|there| there == *name);
        let required = self.request.iter().filter(|field| field.is_required);
        let missing: Vec<&str> = required.filter_map(|field| field.legacy).filter(is_missing).collect();
        if !missing.is_empty() {
            return Err(self.refusal("missing field", missing));
        }
        Ok(legacy.renamed(|name| field(name).map(|field| field.ours)))
    }

    /// The legacy answer for a native one. What the table does not name stays behind.
    ///
    /// # Errors
    /// 500: the daemon behind answered something else than the native route promises.
    pub(crate) fn legacy_answer(&self, native: Members) -> Result<Members, ApiError> {
        let required = self.answer.iter().filter(|field| field.is_required);
        for name in required.map(|field| field.ours).filter(|name| !name.contains(['.', '['])) {
            if !native.names().any(|there| there == name) {
                let daemon = self.line.daemon;
                return Err(ApiError::internal(anyhow::anyhow!(
                    "the answer of {daemon} has no field `{name}`"
                )));
            }
        }
        let field = |name: &str| self.answer.iter().find(|field| field.ours == name);
        Ok(native.renamed(|name| field(name).and_then(|field| field.legacy)))
    }

    fn refusal(&self, what: &str, names: Vec<&str>) -> ApiError {
        let known = self.request.iter().filter_map(|field| field.legacy).collect();
        let path = self.line.public;
        ApiError::invalid(format!(
            "{what} {}: {path} takes {}; the whole interface is {}",
            quoted(names),
            quoted(known),
            self.native
        ))
    }
}

/// Names as they stand in a sentence.
fn quoted(names: Vec<&str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
