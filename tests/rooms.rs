//! Holds the rooms of the map in `docs/architecture.md`: who may import whom, that no files import each other in a
//! circle, which crate is spoken where, and how long a file may be. Reads the sources; needs no server.

#![allow(clippy::unwrap_used)]

#[path = "rooms/circles.rs"]
mod circles;
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

/// Words that are not used for what they stand for: "the caller" or "the reader", "the maximum number of", "replayed",
/// "stored".
const RETIRED_WORDS: [&str; 5] = ["whoever", "so many", "as many", "told again", "what is kept"];

#[test]
fn no_retired_word_is_used() {
    let mut found = Vec::new();
    for (name, text) in files("src") {
        for (line, number) in text.lines().zip(1..) {
            let lower = line.to_lowercase();
            let words = RETIRED_WORDS.iter().filter(|word| lower.contains(**word));
            found.extend(words.map(|word| format!("{name}:{number}: {word:?}")));
        }
    }
    assert!(found.is_empty(), "{} lines have a retired word:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = [files("src"), files("benches")].concat();
    let circles = circles::circles(&sources);
    let told: Vec<String> = circles.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{} circles of imports:\n{}", told.len(), told.join("\n"));
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
