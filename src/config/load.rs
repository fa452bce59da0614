//! Reads the environment and the file `.env`.

use std::{collections::BTreeMap, io::ErrorKind};

use super::{
    defaults::{DEVELOPMENT_JWT_SECRET, VARIABLES},
    read,
    settings::{Config, ConfigError},
};

/// The file with a developer's settings, in the directory in which the service is started.
const ENV_FILE: &str = ".env";

impl Config {
    /// Whether tokens are signed with the public secret of development.
    #[must_use]
    pub fn has_known_secret(&self) -> bool {
        self.jwt_secret.expose() == DEVELOPMENT_JWT_SECRET
    }

    /// Reads these variables instead of the environment, and no file.
    pub fn of(environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        read::config(environment, &[])
    }

    /// Reads the environment, and the file `.env` of the current directory, if there is one, for variables that the
    /// environment does not set.
    pub fn load() -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let environment = environment(&mut problems);
        let file = env_file(&mut problems);
        match read::config(&environment, &file) {
            Ok(config) if problems.is_empty() => Ok(config),
            Ok(_) => Err(ConfigError { problems }),
            Err(error) => {
                problems.extend(error.problems);
                Err(ConfigError { problems })
            }
        }
    }
}

/// The variables of the environment that are UTF-8; one of this service that is not is a problem.
fn environment(problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => drop(texts.insert(name, value)),
            Err(_) if VARIABLES.contains(&name.as_str()) => {
                problems.push(format!("{name} is not UTF-8 text."))
            }
            Err(_) => {}
        }
    }
    texts
}

fn env_file(problems: &mut Vec<String>) -> Vec<(String, String)> {
    match std::fs::read_to_string(ENV_FILE) {
        Ok(text) => lines_of(&text, problems),
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(format!("{ENV_FILE} cannot be read: {error}."));
            Vec::new()
        }
    }
}

/// The settings of a `.env` file. An invalid line is not shown: it may hold a secret.
pub(super) fn lines_of(text: &str, problems: &mut Vec<String>) -> Vec<(String, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut settings = Vec::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        match line {
            Ok(setting) => settings.push(setting),
            Err(dotenvy::Error::LineParse(part, _)) => {
                let of = name_of_line(text, &part).map_or_else(String::new, |name| format!(" of {name}"));
                problems.push(format!(
                    "{ENV_FILE} has a line{of} that cannot be read: write NAME=value, and values with spaces or $ in single quotes."
                ));
            }
            Err(error) => problems.push(format!("{ENV_FILE} cannot be read: {error}.")),
        }
    }
    settings
}

/// The variable that is set by the first line that holds `part`, if it is a line that sets one.
fn name_of_line<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    let part = part.lines().next().unwrap_or_default();
    let (name, _) = text.lines().find(|line| line.contains(part))?.split_once('=')?;
    let name = name.trim().trim_start_matches("export ").trim();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(name)
}
