//! The absences that `docs/ARCHITECTURE.md` states, checked in the manifests.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use wire::DaemonName;

/// Crates that compute and do nothing else.
const PURE: [&str; 3] = ["playbook", "validators", "vector-index"];
/// Crates that exist for tests.
const FOR_TESTS: [&str; 3] = ["lossy-disk", "lossy-disk-preload", "testkit"];

fn workspace() -> cargo_metadata::Result<Metadata> {
    MetadataCommand::new().manifest_path(testkit::repository().join("Cargo.toml")).no_deps().exec()
}

/// What a package needs to be built, tests left out.
fn dependencies(package: &Package) -> BTreeSet<&str> {
    let needed =
        package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    needed.map(|dependency| dependency.name.as_str()).collect()
}

/// The packages that depend on `dependency`.
fn dependants<'a>(workspace: &'a Metadata, dependency: &str) -> BTreeSet<&'a str> {
    let packages = workspace.packages.iter().filter(|package| dependencies(package).contains(dependency));
    packages.map(|package| package.name.as_str()).collect()
}

fn is_daemon(name: &str) -> bool {
    name.parse::<DaemonName>().is_ok()
}

#[test]
fn heavy_dependencies_stay_behind_one_crate() {
    let workspace = workspace().unwrap();
    assert_eq!(dependants(&workspace, "hnsw_rs"), BTreeSet::from(["vector-index"]));
    assert_eq!(dependants(&workspace, "datafusion"), BTreeSet::from(["query-engine"]));
    let iceberg = dependants(&workspace, "iceberg");
    assert!(iceberg.is_subset(&BTreeSet::from(["lake", "catalogd"])), "iceberg is known to {iceberg:?}");
}

#[test]
fn no_crate_depends_on_a_daemon() {
    let workspace = workspace().unwrap();
    for daemon in DaemonName::ALL {
        assert_eq!(
            dependants(&workspace, daemon.as_str()),
            BTreeSet::new(),
            "{daemon} is a program, not a library"
        );
    }
}

#[test]
fn daemons_speak_to_each_other_through_the_client_only() {
    let workspace = workspace().unwrap();
    for http_client in ["reqwest", "hyper", "hyper-util"] {
        let dependants = dependants(&workspace, http_client);
        assert!(!dependants.iter().any(|name| is_daemon(name)), "{http_client} is used by {dependants:?}");
    }
}

#[test]
fn pure_crates_know_no_runtime_no_http_no_clock_and_no_randomness() {
    let workspace = workspace().unwrap();
    let forbidden = ["tokio", "async-std", "futures", "axum", "http", "hyper", "reqwest", "rand", "uuid"];
    for package in workspace.packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let found: Vec<_> =
            forbidden.into_iter().filter(|name| dependencies(package).contains(name)).collect();
        assert!(found.is_empty(), "{} depends on {found:?}", package.name);
    }
}

#[test]
fn pure_crates_depend_on_nothing_of_ours_but_the_wire_and_what_depends_on_nothing() {
    let workspace = workspace().unwrap();
    let ours: BTreeSet<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    for package in workspace.packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let found: BTreeSet<_> = dependencies(package).intersection(&ours).copied().collect();
        assert!(
            found.is_subset(&BTreeSet::from(["scheduling", "wire"])),
            "{} depends on {found:?}",
            package.name
        );
    }
    for package in
        workspace.packages.iter().filter(|package| ["scheduling", "wire"].contains(&package.name.as_str()))
    {
        assert_eq!(dependencies(package).intersection(&ours).count(), 0, "{}", package.name);
    }
}

#[test]
fn nothing_that_is_shipped_depends_on_test_code() {
    let workspace = workspace().unwrap();
    for name in FOR_TESTS {
        let users = dependants(&workspace, name);
        assert!(users.is_subset(&BTreeSet::from(FOR_TESTS)), "{name} is used by {users:?}");
    }
}

#[test]
fn every_crate_is_held_to_the_lints_of_the_workspace() {
    for package in workspace().unwrap().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} sets its own lints", package.name);
    }
}
