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

/// Phrases without a subject, or of which the field has a shorter one: "the caller" or "the reader", "the maximum number of",
/// "replayed", "stored", "received", "answered". Matched in any case, also within words.
const RETIRED_PHRASES: [&str; 8] =
    ["whoever", "so many", "as many", "told again", "what is kept", "nobody is told", "heard", "newer_only"];

/// Names for which the field has a term, matched as whole names: `DeliveryTracker`, `BrokerStatus`, `Reconnector`,
/// `is_transient`, `with_pool_timeout`, `PriorState`, `QUEUE_TIMEOUT`, `RETRY_DELAY` and others stand in their place; and words that
/// make a person of a process.
const RETIRED_NAMES: [&str; 45] = [
    "ATTEMPT",
    "Away",
    "BackEnd",
    "CROWD",
    "Fresh",
    "GATHER",
    "Gate",
    "HELPS",
    "Identify",
    "Keeper",
    "LAST_WORDS",
    "LOOKED_AT",
    "LOOK_AGAIN",
    "Lane",
    "LastLook",
    "LogReader",
    "Moment",
    "Opener",
    "PATIENCE",
    "PAUSE",
    "Recalled",
    "Remembered",
    "STAND_BY",
    "STRETCH",
    "Seat",
    "Spread",
    "TRUTH_LIMIT",
    "Tails",
    "Tally",
    "Told",
    "TurnTaking",
    "WalletService",
    "anew",
    "anybody",
    "endure",
    "forgo",
    "hears",
    "is_passing",
    "nobody",
    "stay_while",
    "tells",
    "told",
    "top_follower",
    "top_tails",
    "within_limit",
];

#[test]
fn no_retired_word_is_used() {
    let mut found = Vec::new();
    for (name, text) in [files("src"), files("benches")].concat() {
        for (line, number) in text.lines().zip(1..) {
            let lower = line.to_lowercase();
            let phrases = RETIRED_PHRASES.iter().filter(|phrase| lower.contains(**phrase));
            let names: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let names = RETIRED_NAMES.iter().filter(|retired| names.contains(*retired));
            found.extend(phrases.chain(names).map(|word| format!("{name}:{number}: {word:?}")));
        }
    }
    assert!(found.is_empty(), "{} lines have a retired word:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = [files("src"), files("benches")].concat();
    let circles = circles::circles(&sources);
    let listed: Vec<String> = circles.iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "{} circles of imports:\n{}", listed.len(), listed.join("\n"));
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
