//! Circles of imports: files none of which can be understood, moved or tested without all the others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt,
};

use super::{
    paths::{crate_of, imports, module_of},
    source::tokens,
};

/// Files each of which imports all others, some of them through others.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// In the order of their names.
    pub files: Vec<String>,
    /// The shortest way around; the first file stands at its end again.
    pub way: Vec<String>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files: {}", self.files.len(), self.way.join(" → "))?;
        let beside: Vec<_> = self.files.iter().filter(|file| !self.way.contains(file)).cloned().collect();
        if beside.is_empty() { Ok(()) } else { write!(f, " (also {})", beside.join(", ")) }
    }
}

/// What a file has to do with others.
struct File {
    name: String,
    paths: Vec<Vec<String>>,
    /// What a name means that a `use` line brings in.
    names: HashMap<String, Vec<String>>,
}

/// The files of one crate, by module.
type Crate = HashMap<Vec<String>, File>;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Every circle among these files, given as path and text.
pub fn circles(sources: &[(String, String)]) -> Vec<Circle> {
    let arrows = arrows(sources);
    let mut left: BTreeSet<&str> = arrows.keys().map(String::as_str).collect();
    let mut found = Vec::new();
    while let Some(file) = left.pop_first() {
        let Some(way) = way_around(&arrows, file) else { continue };
        let ahead = reached(&arrows, file);
        let mut files: Vec<String> = ahead
            .into_iter()
            .filter(|other| *other == file || reached(&arrows, other).contains(file))
            .map(str::to_owned)
            .collect();
        files.sort();
        for file in &files {
            left.remove(file.as_str());
        }
        // The circle's shortest way is shown, not the one through the file that was met first.
        let ways = files.iter().filter_map(|file| way_around(&arrows, file));
        let way = ways.min_by_key(Vec::len).unwrap_or(way);
        found.push(Circle { files, way });
    }
    found
}

/// Which files each file imports.
fn arrows(sources: &[(String, String)]) -> Arrows {
    let mut crates: HashMap<&str, Crate> = HashMap::new();
    // The binary's root; the library's is the module of the same name, and nobody can import from a binary.
    for (name, text) in sources.iter().filter(|(name, _)| name != "src/main.rs") {
        let (paths, names) = imports(name, &tokens(text));
        let paths = paths.into_iter().map(|path| path.parts).collect();
        let file = File { name: name.clone(), paths, names };
        crates.entry(crate_of(name)).or_default().insert(module_of(name), file);
    }
    let mut arrows = Arrows::new();
    for of_crate in crates.values() {
        for file in of_crate.values() {
            let targets = file.paths.iter().filter_map(|path| defining(of_crate, path));
            let others = targets.filter(|target| *target != file.name).map(str::to_owned).collect();
            arrows.insert(file.name.clone(), others);
        }
    }
    arrows
}

/// The file that defines what a path names; names that a file has from another by a `use` line are followed.
fn defining<'a>(of_crate: &'a Crate, path: &[String]) -> Option<&'a str> {
    let mut path = path.to_vec();
    // A chain of re-exports is short; one without an end does not compile.
    for _ in 0..16 {
        let (root, parts) = path.split_first()?;
        if root != "crate" {
            return None;
        }
        let depth = (0..=parts.len()).rev().find(|depth| of_crate.contains_key(&parts[..*depth]))?;
        let file = &of_crate[&parts[..depth]];
        let Some((name, rest)) = parts[depth..].split_first() else { return Some(&file.name) };
        match file.names.get(name) {
            Some(whole) if whole.first().is_some_and(|root| root == "crate") && *whole != path => {
                path = whole.iter().chain(rest).cloned().collect();
            }
            _ => return Some(&file.name),
        }
    }
    None
}

/// Everything that a file imports, also through others.
fn reached<'a>(arrows: &'a Arrows, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        for next in arrows.get(file).into_iter().flatten() {
            if found.insert(next.as_str()) {
                waiting.push(next);
            }
        }
    }
    found
}

/// The shortest way from a file back to itself.
fn way_around(arrows: &Arrows, from: &str) -> Option<Vec<String>> {
    let mut before: HashMap<&str, &str> = HashMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        for next in arrows.get(file).into_iter().flatten() {
            if next == from {
                let mut way = vec![from.to_owned(), file.to_owned()];
                let mut at = file;
                while at != from {
                    at = before[at];
                    way.push(at.to_owned());
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(next.as_str()) {
                before.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    None
}
