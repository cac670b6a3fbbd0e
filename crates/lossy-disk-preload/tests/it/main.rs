//! The disk is an instrument, so it is tested as one: unmodified programs (`sh` and coreutils, whose `sync FILE` is
//! `fsync` and `sync -d FILE` is `fdatasync`) run on it, the power fails, and what is found must be what POSIX promises.

#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use lossy_disk::{Disk, Unsynced};

struct Lab {
    folder: tempfile::TempDir,
    disk: Disk,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { disk: Disk::create(folder.path()).unwrap(), folder }
    }

    /// Runs a shell script on the disk.
    fn run(&self, script: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.disk.root()).envs(self.disk.environment(&preload()));
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Every path found if the power failed now, with the text of the file there, sorted.
    fn after_power_cut(&self, unsynced: Unsynced) -> Vec<String> {
        let folder = tempfile::tempdir_in(&self.folder).unwrap();
        let image = folder.path().join("image");
        self.disk.image(unsynced, &image).unwrap();
        let mut found = Vec::new();
        list(&image, &image, &mut found);
        found.sort();
        found
    }
}

/// The library under test, which cargo builds beside the executable of this test.
fn preload() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let path = executable.with_file_name("liblossy_disk_preload.so");
    assert!(path.exists(), "{} is missing: run `cargo build -p lossy-disk-preload`", path.display());
    path
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display();
        if path.is_dir() {
            found.push(format!("{name}/"));
            list(root, &path, found);
        } else {
            found.push(format!("{name}={}", std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let lab = Lab::new();
    lab.run(script);
    assert_eq!(lab.after_power_cut(Unsynced::Lost), expected, "after a power cut behind: {script}");
}

#[test]
fn write_without_any_sync_is_lost() {
    check("printf hello > a", &[]);
}

#[test]
fn file_synced_without_its_folder_loses_its_entry() {
    check("printf hello > a; sync a", &[]);
}

#[test]
fn folder_synced_without_the_file_keeps_an_empty_file() {
    check("printf hello > a; sync .", &["a="]);
}

#[test]
fn file_and_folder_synced_keep_entry_and_bytes() {
    check("printf hello > a; sync a .", &["a=hello"]);
    check("printf hello > a; sync -d a .", &["a=hello"]);
}

#[test]
fn append_overwrite_and_truncation_revert_to_the_last_sync() {
    check("printf one > a; sync a .; printf two >> a", &["a=one"]);
    check("printf one > a; sync a .; printf TWO | dd of=a conv=notrunc status=none", &["a=one"]);
    check("printf one > a; sync a .; truncate -s 0 a", &["a=one"]);
    check("printf one > a; sync a .; truncate -s 1 a; sync a", &["a=o"]);
}

#[test]
fn rename_without_folder_sync_reverts() {
    check("printf hello > a; sync a .; mv a b", &["a=hello"]);
    check("printf hello > a; sync a .; mv a b; sync .", &["b=hello"]);
}

#[test]
fn replaced_file_comes_back_until_its_folder_is_synced() {
    check("printf old > a; sync a .; printf new > t; sync t; mv t a", &["a=old"]);
    check("printf old > a; sync a .; printf new > t; sync t; mv t a; sync .", &["a=new"]);
}

#[test]
fn replacement_that_was_not_synced_itself_is_empty() {
    check("printf old > a; sync a .; printf new > t; mv t a; sync .", &["a="]);
}

#[test]
fn deleted_file_comes_back_until_its_folder_is_synced() {
    check("printf hello > a; sync a .; rm a", &["a=hello"]);
    check("printf hello > a; sync a .; rm a; sync .", &[]);
}

#[test]
fn new_file_under_the_inode_number_of_a_deleted_one_is_not_mistaken_for_it() {
    check("for i in 1 2 3 4 5 6; do printf $i > a; sync a; rm -f a; done; printf x > a; sync .", &["a="]);
    check("printf old > a; sync a .; rm a; printf new > b; sync b", &["a=old"]);
}

#[test]
fn new_folder_lasts_only_when_its_parent_is_synced() {
    check("mkdir d; printf hello > d/a; sync d/a d", &[]);
    check("mkdir d; printf hello > d/a; sync d/a .", &["d/"]);
    check("mkdir d; printf hello > d/a; sync d/a d .", &["d/", "d/a=hello"]);
}

#[test]
fn renamed_folder_takes_its_synced_entries_along() {
    check("mkdir d; printf hello > d/a; sync d/a d .; mv d e", &["d/", "d/a=hello"]);
    check("mkdir d; printf hello > d/a; sync d/a d .; mv d e; sync .", &["e/", "e/a=hello"]);
}

#[test]
fn move_between_folders_with_one_of_them_synced_shows_as_posix_allows() {
    let before = "mkdir c d; printf hello > c/a; sync c/a c d .; mv c/a d/a;";
    check(&format!("{before} sync d"), &["c/", "c/a=hello", "d/", "d/a=hello"]);
    check(&format!("{before} sync c"), &["c/", "d/"]);
}

#[test]
fn hard_link_shares_bytes_and_needs_a_folder_sync_of_its_own() {
    check("printf hello > a; sync a .; ln a b", &["a=hello"]);
    check("printf hello > a; sync a .; ln a b; sync .; printf ! >> b; sync b", &["a=hello!", "b=hello!"]);
}

#[test]
fn whole_disk_sync_does_not_count() {
    check("printf hello > a; sync", &[]);
}

#[test]
fn files_elsewhere_are_left_alone() {
    let elsewhere = tempfile::tempdir().unwrap();
    check(&format!("printf hello > {0}/a; sync {0}/a {0}", elsewhere.path().display()), &[]);
}

#[test]
fn what_survived_one_crash_survives_the_next() {
    let mut lab = Lab::new();
    lab.run("mkdir d; printf hello > d/a; sync d/a d .");
    lab.disk.crash(Unsynced::Lost).unwrap();
    lab.run("printf more >> d/a; printf lost > d/b");
    lab.disk.crash(Unsynced::Lost).unwrap();
    assert_eq!(lab.after_power_cut(Unsynced::Lost), ["d/", "d/a=hello"]);
}

#[test]
fn torn_crash_keeps_synced_bytes_and_some_of_the_others() {
    let lab = Lab::new();
    lab.run("printf synced > a; printf one > b; sync a b .; printf two > b");
    let outcomes: std::collections::BTreeSet<_> =
        (0..32).map(|seed| lab.after_power_cut(Unsynced::Torn(seed)).join(" ")).collect();
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["a=synced b=one", "a=synced b=two"]);
}

#[test]
fn synced_entries_survive_a_folder_that_other_programs_keep_changing() {
    let lab = Lab::new();
    lab.run("for i in 1 2 3 4 5 6 7 8; do printf $i > keep$i; done; sync keep* .");
    lab.run(
        "(while [ ! -e stop ]; do mv keep1 kept1 && mv kept1 keep1; done) &
         for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sync .; done
         touch stop; wait",
    );
    let found = lab.after_power_cut(Unsynced::Lost);
    assert_eq!(found.iter().filter(|entry| entry.starts_with("ke")).count(), 8, "{found:?}");
}
