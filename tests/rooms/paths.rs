//! Every path that a file names, in its `use` lines and elsewhere, as seen from the root of the crate.

use std::collections::HashMap;

use super::source::Token;

/// A path: `["crate", "ledger", "store"]`, or `["sqlx", "PgPool"]` of another crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub parts: Vec<String>,
    pub line: usize,
}

/// The directory in which the root of the file's crate is: `src`, or `benches/load` for a benchmark of that name.
pub fn crate_of(file: &str) -> &str {
    let depth = if file.starts_with("src/") { 1 } else { 2 };
    file.match_indices('/').nth(depth - 1).map_or(file, |(at, _)| &file[..at])
}

/// The module that a file is in its crate: `["ledger", "book"]` for `src/ledger/book.rs`.
pub fn module_of(file: &str) -> Vec<String> {
    let stem = file.trim_start_matches(crate_of(file)).trim_start_matches('/').trim_end_matches(".rs");
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Every path in the file, `super` and `self` and names brought in by `use` being followed.
pub fn paths(file: &str, tokens: &[Token]) -> Vec<Path> {
    read(file, tokens).0
}

/// The paths of a file, and what the names mean that its `use` lines bring in: others can import them from here.
pub fn imports(file: &str, tokens: &[Token]) -> (Vec<Path>, HashMap<String, Vec<String>>) {
    let (paths, names) = read(file, tokens);
    let module = module_of(file);
    (
        paths,
        names
            .into_iter()
            .filter(|((of, _), _)| *of == module)
            .map(|((_, name), whole)| (name, whole))
            .collect(),
    )
}

/// What a name means in a module.
type Names = HashMap<(Vec<String>, String), Vec<String>>;

fn read(file: &str, tokens: &[Token]) -> (Vec<Path>, Names) {
    let mut reader = Reader {
        tokens,
        is_binary: file == "src/main.rs",
        module: module_of(file),
        names: HashMap::new(),
        depth: 0,
        inline: Vec::new(),
    };
    // Names first: a path may stand above the `use` that explains it.
    reader.walk(&mut |_| {});
    let mut found = Vec::new();
    reader.walk(&mut |path| found.push(path));
    (found, reader.names)
}

struct Reader<'a> {
    tokens: &'a [Token],
    /// The binary calls the library by its name.
    is_binary: bool,
    module: Vec<String>,
    /// Of every module of this file.
    names: Names,
    depth: usize,
    /// The braces at which the inline modules around us began.
    inline: Vec<usize>,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(Token::is_word)
    }

    fn walk(&mut self, found: &mut dyn FnMut(Path)) {
        let mut at = 0;
        while at < self.tokens.len() {
            at = match self.text(at) {
                "{" => {
                    self.depth += 1;
                    at + 1
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.inline.last() == Some(&self.depth) {
                        self.inline.pop();
                        self.module.pop();
                    }
                    at + 1
                }
                "mod" if self.is_word(at + 1) => self.module_at(at),
                "extern" if self.text(at + 1) == "crate" => {
                    found(Path { parts: vec![self.text(at + 2).to_owned()], line: self.tokens[at].line });
                    at + 3
                }
                // `use<'a>` after an `impl` names lifetimes.
                "use" if self.text(at + 1) != "<" => self.tree(at + 1, &[], found),
                _ if self.is_word(at) => self.path_at(at, found),
                _ => at + 1,
            };
        }
    }

    fn module_at(&mut self, at: usize) -> usize {
        let name = self.text(at + 1).to_owned();
        let mut whole = vec!["crate".to_owned()];
        whole.extend(self.module.iter().cloned());
        whole.push(name.clone());
        self.names.insert((self.module.clone(), name.clone()), whole);
        if self.text(at + 2) == "{" {
            self.inline.push(self.depth);
            self.module.push(name);
            self.depth += 1;
            return at + 3;
        }
        at + 2
    }

    /// One branch of a `use`; answers with the place behind it.
    fn tree(&mut self, mut at: usize, stem: &[String], found: &mut dyn FnMut(Path)) -> usize {
        let mut parts = stem.to_vec();
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        loop {
            match self.text(at) {
                "::" | "r" | "#" => at += 1,
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        at = self.tree(at, &parts, found);
                        if self.text(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "*" => {
                    parts.push("*".to_owned());
                    found(Path { parts: self.resolved(&parts), line });
                    return at + 1;
                }
                _ if self.is_word(at) => {
                    parts.push(self.text(at).to_owned());
                    at += 1;
                    if self.text(at) != "::" {
                        break;
                    }
                }
                _ => return at + 1,
            }
        }
        // `{self, …}` means the stem itself.
        if parts.len() > 1 && parts.last().is_some_and(|part| part == "self") {
            parts.pop();
        }
        let mut name = parts.last().cloned().unwrap_or_default();
        if self.text(at) == "as" {
            name = self.text(at + 1).to_owned();
            at += 2;
        }
        let whole = self.resolved(&parts);
        self.names.insert((self.module.clone(), name), whole.clone());
        found(Path { parts: whole, line });
        at
    }

    /// A path outside of `use`; a single word is none.
    fn path_at(&mut self, at: usize, found: &mut dyn FnMut(Path)) -> usize {
        let follows = |at: usize, what: &str| at > 0 && self.text(at - 1) == what;
        // `x.y` and what follows a generic type (`Vec::<u8>::new`) begin no path.
        let is_middle = follows(at, "::") && at > 1 && (self.is_word(at - 2) || self.text(at - 2) == ">");
        let (mut parts, mut end) = (vec![self.text(at).to_owned()], at + 1);
        while self.text(end) == "::" && self.is_word(end + 1) {
            parts.push(self.text(end + 1).to_owned());
            end += 2;
        }
        if parts.len() > 1 && !is_middle && !follows(at, ".") {
            found(Path { parts: self.resolved(&parts), line: self.tokens[at].line });
        }
        end
    }

    /// The path from the root of the crate, or from another crate.
    fn resolved(&self, parts: &[String]) -> Vec<String> {
        let Some(first) = parts.first() else { return Vec::new() };
        let from_root = |module: &[String], rest: &[String]| {
            let root = std::iter::once("crate".to_owned());
            root.chain(module.iter().cloned()).chain(rest.iter().cloned()).collect::<Vec<_>>()
        };
        match first.as_str() {
            "crate" => parts.to_vec(),
            "wallet" if self.is_binary => from_root(&[], &parts[1..]),
            "self" | "super" => {
                let mut module = self.module.clone();
                let ups = parts.iter().take_while(|part| matches!(part.as_str(), "self" | "super"));
                let count = ups.clone().count();
                for _ in ups.filter(|part| part.as_str() == "super") {
                    module.pop();
                }
                from_root(&module, &parts[count..])
            }
            _ => match self.meaning(first) {
                Some(whole) => whole.iter().chain(&parts[1..]).cloned().collect(),
                None => parts.to_vec(),
            },
        }
    }

    /// What a name means here, or in a module of this file around us (tests say `use super::*`).
    fn meaning(&self, name: &str) -> Option<&Vec<String>> {
        let around = (0..=self.inline.len()).map(|up| &self.module[..self.module.len() - up]);
        around.into_iter().find_map(|module| self.names.get(&(module.to_vec(), name.to_owned())))
    }
}
