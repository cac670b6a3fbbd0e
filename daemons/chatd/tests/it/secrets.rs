//! Keys stay where they are.

use std::process::Command;

#[test]
fn check_of_a_configuration_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("lakehouse.toml"), folder.path().join("key"));
    std::fs::write(&key, "sk-live-in-file").unwrap();
    let provider = |name: &str, rest: &str| {
        format!("[[chatd.providers]]\nname = \"{name}\"\nkind = \"anthropic\"\n{rest}\n")
    };
    let good = provider("a", &format!("api_key_file = {key:?}"))
        + &provider("b", "api_key_env = \"CHATD_TEST_KEY\"");
    let mistaken = provider("a", "api_key = \"sk-live-in-toml\"");
    let swapped = provider("a", "api_key_env = \"sk-live-in-toml\"");
    let budget = |rest: &str| good.clone() + &format!("[[chatd.budgets]]\nname = \"c\"\n{rest}\n");
    let configs = [
        (budget("api_key_env = \"CHATD_TEST_KEY\""), true),
        (budget("api_key_env = \"sk-live-in-toml\""), false),
        (budget("api_key = \"sk-live-in-toml\""), false),
        (good, true),
        (mistaken, false),
        (swapped, false),
    ];
    for (config, is_good) in configs {
        std::fs::write(&file, &config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_chatd"))
            .args(["--check-config", "--config"])
            .arg(&file)
            .env("CHATD_TEST_KEY", "sk-live-in-env")
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.success(), is_good, "{said}");
        assert!(!said.contains("sk-live"), "{said}");
        assert!(said.contains("api_key_env"), "{said}");
    }
}
