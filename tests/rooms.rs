//! Holds the rooms of the map in `docs/architecture.md`: who may import whom, which crate is spoken where, and how long
//! a file may be. Reads the sources; needs no server.

#![allow(clippy::unwrap_used)]

#[path = "rooms/paths.rs"]
mod paths;
#[path = "rooms/rules.rs"]
mod rules;
#[path = "rooms/snippets.rs"]
mod snippets;
#[path = "rooms/source.rs"]
mod source;

use std::{fs, path::Path};

/// A file that is longer has two jobs.
const LINES_MAX: usize = 400;

/// Every Rust file below a directory of the checkout: its path from there, and its text.
fn files(below: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut waiting) = (Vec::new(), vec![root.join(below)]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_line_is_in_its_room() {
    let sources = files("src");
    assert!(sources.len() > 30, "only {} files were found", sources.len());
    assert!(sources.iter().any(|(name, _)| name == "src/ledger/book/mod.rs"));
    let violations: Vec<String> =
        sources.iter().flat_map(|(name, text)| rules::violations(name, text)).collect();
    assert!(
        violations.is_empty(),
        "{} lines are in the wrong room:\n{}",
        violations.len(),
        violations.join("\n")
    );
}

#[test]
fn no_file_has_two_jobs() {
    let sources = [files("src"), files("tests"), files("benches")].concat();
    let long: Vec<String> = sources
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(name, lines)| format!("{name} has {lines} lines"))
        .collect();
    assert!(
        long.is_empty(),
        "more than {LINES_MAX} lines; split by what changes together:\n{}",
        long.join("\n")
    );
}
