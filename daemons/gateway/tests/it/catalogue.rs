//! `docs/WIRE_COMPATIBILITY.md` is what the tables of the code say.

use std::path::Path;

#[test]
fn catalogue_in_docs_is_what_the_code_renders() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/WIRE_COMPATIBILITY.md");
    let rendered = gateway::wire_compatibility();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &rendered).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differing = written.lines().zip(rendered.lines()).find(|(written, rendered)| written != rendered);
    assert!(
        written == rendered,
        "docs/WIRE_COMPATIBILITY.md is not what the tables say, first at {differing:?}; this writes it anew:\n\
         UPDATE_EXPECT=1 cargo test -p gateway --test it catalogue"
    );
}
