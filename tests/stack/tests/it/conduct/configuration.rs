//! What is refused before a daemon listens.

use std::process::{Command, Output};

use wire::DaemonName;

/// The exit code for a configuration that is not valid.
const INVALID: i32 = 2;

fn run(name: DaemonName, arguments: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Output> {
    let mut command = Command::new(testkit::binary(name.as_str())?);
    command.args(["--data", env!("CARGO_TARGET_TMPDIR")]).args(arguments).envs(env.iter().copied());
    Ok(command.output()?)
}

#[track_caller]
fn assert_refused(name: DaemonName, output: &Output, expected: &[&str]) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(INVALID), "{name}: {complaint}");
    for text in expected {
        assert!(complaint.contains(text), "{name} should name {text:?}: {complaint}");
    }
}

#[test]
fn check_config_prints_what_is_in_force_and_starts_nothing() {
    for name in DaemonName::ALL {
        let output = run(name, &["--check-config"], &[("LAKEHOUSE_SERVICE__MAX_IN_FLIGHT", "77")]).unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let settings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(settings["service"]["max_in_flight"], 77, "{name}: {settings}");
        assert!(settings["own"].is_object(), "{name}: {settings}");
    }
}

#[test]
fn unknown_key_is_refused_and_the_nearest_known_one_named() {
    for name in DaemonName::ALL {
        let misspelt = run(name, &["--check-config"], &[("LAKEHOUSE_SERVICE__MAX_IN_FLIHGT", "77")]).unwrap();
        assert_refused(name, &misspelt, &["max_in_flihgt", "max_in_flight"]);
        let own = format!("LAKEHOUSE_{}__NO_SUCH_KEY", name.as_str().to_uppercase());
        assert_refused(
            name,
            &run(name, &["--check-config"], &[(&own, "1")]).unwrap(),
            &["no_such_key", name.as_str()],
        );
    }
}

#[test]
fn unknown_section_is_refused_and_the_nearest_known_one_named() {
    let output = run(DaemonName::Gateway, &["--check-config"], &[("LAKEHOUSE_VECTOR__X", "1")]).unwrap();
    assert_refused(DaemonName::Gateway, &output, &["[vector]", "vectord"]);
}

#[test]
fn listening_beyond_loopback_without_tokens_is_refused() {
    for name in DaemonName::ALL {
        let output = run(name, &["--bind", "0.0.0.0:0"], &[]).unwrap();
        assert_refused(name, &output, &["0.0.0.0", "token"]);
    }
}
