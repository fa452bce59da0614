//! Reads single variables and collects their problems.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    defaults::{SECRET, VARIABLES},
    misspelled::closest_match,
    values::Requirement,
};

/// The variables that are set, and the problems found so far: one sentence each.
#[derive(Default)]
pub(super) struct Reader<'a> {
    values: BTreeMap<&'a str, &'a str>,
    pub(super) problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn take_file(&mut self, file: &'a [(String, String)]) {
        let mut seen = BTreeSet::new();
        for (name, value) in file {
            if !VARIABLES.contains(&name.as_str()) {
                let hint = closest_match(name, &VARIABLES)
                    .map_or_else(|| ".".to_owned(), |name| format!(": was {name} meant?"));
                self.problems.push(format!("{name} in .env is no variable of this service{hint}"));
            } else if !seen.insert(name) {
                self.problems.push(format!("{name} stands more than once in .env."));
            }
            self.values.insert(name, value);
        }
    }

    pub(super) fn take_environment(&mut self, environment: &'a BTreeMap<String, String>) {
        for (name, value) in environment {
            if let Some(known) = closest_match(name, &VARIABLES) {
                self.problems.push(format!("{name} in the environment looks like a misspelled {known}."));
            }
            self.values.insert(name, value);
        }
    }

    /// The text of a variable; none if it is not set or empty.
    pub(super) fn value(&self, name: &'static str) -> Option<&'a str> {
        self.values.get(name).copied().filter(|value| !value.is_empty())
    }

    /// The value of a variable; none if it is not set, or not valid, which is noted.
    pub(super) fn given<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, Requirement>,
    ) -> Option<T> {
        let text = self.value(name)?;
        self.check(name, text, read)
    }

    /// The value of a variable, or the default.
    pub(super) fn or<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, Requirement>,
        default: T,
    ) -> T {
        self.given(name, read).unwrap_or(default)
    }

    /// The text of a variable, or the default.
    pub(super) fn text(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<String, Requirement>,
        default: &str,
    ) -> String {
        self.given(name, read).unwrap_or_else(|| default.to_owned())
    }

    /// Parses a text; none if it is not valid, which is noted without showing a secret.
    pub(super) fn check<T>(
        &mut self,
        name: &'static str,
        text: &str,
        read: impl Fn(&str) -> Result<T, Requirement>,
    ) -> Option<T> {
        match read(text) {
            Ok(value) => Some(value),
            Err(requirement) if SECRET.contains(&name) => {
                self.problems.push(format!("{name} {requirement}."));
                None
            }
            Err(requirement) => {
                let shown: String = text.chars().take(60).collect();
                self.problems.push(format!("{name} {requirement}, not {shown:?}."));
                None
            }
        }
    }
}
