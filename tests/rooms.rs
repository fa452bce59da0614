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

/// Rooms whose files still import each other in circles, within the room. It has to become empty.
const ROOMS_WITH_CIRCLES: [&str; 2] = ["src/ledger/", "src/wallet/"];

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
fn no_files_import_each_other_in_a_circle() {
    let sources = [files("src"), files("benches")].concat();
    let circles = circles::circles(&sources);
    let (left, new): (Vec<_>, Vec<_>) =
        circles.iter().partition(|circle| room_with_circles(circle).is_some());
    let told: Vec<String> = new.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{} circles of imports:\n{}", told.len(), told.join("\n"));
    let rooms: Vec<_> = left.into_iter().filter_map(room_with_circles).collect();
    for room in ROOMS_WITH_CIRCLES {
        assert!(rooms.contains(&room), "{room} has no circle any more: take it out of ROOMS_WITH_CIRCLES");
    }
}

/// The room of [`ROOMS_WITH_CIRCLES`] in which the whole circle lies.
fn room_with_circles(circle: &circles::Circle) -> Option<&'static str> {
    ROOMS_WITH_CIRCLES.into_iter().find(|room| circle.files.iter().all(|file| file.starts_with(room)))
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
