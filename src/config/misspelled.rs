//! Distinguishes a misspelled name from an unrelated one.

/// Names up to this length have many unrelated neighbours (HOST and HOME, BANK_URL and BASE_URL), so only one edit is allowed
/// there.
const SHORT_NAME_CHARACTERS_MAX: usize = 8;

/// The known name that `name` is probably a misspelling of: within two edits, or within one if it is short. An edit is a
/// letter too many, too few, a different one, or two neighbours swapped. Letters in the wrong case are no edits, except
/// in short names.
pub(super) fn closest_match(name: &str, known: &[&'static str]) -> Option<&'static str> {
    if known.contains(&name) {
        return None;
    }
    let distance = |candidate: &'static str| -> Option<(usize, &'static str)> {
        let edits = if candidate.len() <= SHORT_NAME_CHARACTERS_MAX {
            Some(edits(name, candidate)).filter(|edits| *edits <= 1)
        } else {
            Some(edits(&name.to_ascii_uppercase(), candidate)).filter(|edits| *edits <= 2)
        };
        edits.map(|edits| (edits, candidate))
    };
    known.iter().filter_map(|candidate| distance(candidate)).min().map(|(_, candidate)| candidate)
}

/// The smallest number of edits between two texts (optimal string alignment: no letter is edited twice).
fn edits(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let swapped = i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b;
            let mut best = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if swapped {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::VARIABLES;

    #[test]
    fn an_edit_is_a_letter_more_less_other_or_swapped() {
        for (from, to, expected) in [
            ("PORT", "PORT", 0),
            ("", "PORT", 4),
            ("PROT", "PORT", 1),
            ("PORTS", "PORT", 1),
            ("POT", "PORT", 1),
            ("SORT", "PORT", 1),
            ("HOME", "HOST", 2),
            ("KITTEN", "SITTING", 3),
        ] {
            assert_eq!(edits(from, to), expected, "{from} {to}");
            assert_eq!(edits(to, from), expected, "{to} {from}");
        }
    }

    #[test]
    fn misspellings_are_found() {
        for (slip, name) in [
            ("DATABSE_URL", "DATABASE_URL"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("DATABASEURLS", "DATABASE_URL"),
            ("database_url", "DATABASE_URL"),
            ("KAFKA_BROKER", "KAFKA_BROKERS"),
            ("KAKFA_BROKERS", "KAFKA_BROKERS"),
            ("JWT_SECERT", "JWT_SECRET"),
            ("JWT_TLL", "JWT_TTL"),
            ("BATCHMAX", "BATCH_MAX"),
            ("APP_EVN", "APP_ENV"),
            ("PROT", "PORT"),
            ("HOSTS", "HOST"),
            ("BNAK_URL", "BANK_URL"),
        ] {
            assert_eq!(closest_match(slip, &VARIABLES), Some(name), "{slip}");
        }
    }

    #[test]
    fn names_of_ordinary_machines_are_left_alone() {
        for name in VARIABLES {
            assert_eq!(closest_match(name, &VARIABLES), None, "{name}");
        }
        for name in [
            "HOME",
            "PATH",
            "PWD",
            "OLDPWD",
            "TERM",
            "USER",
            "LANG",
            "LC_ALL",
            "SHELL",
            "SHLVL",
            "LOGNAME",
            "MAIL",
            "EDITOR",
            "PAGER",
            "DISPLAY",
            "TMPDIR",
            "TZ",
            "HOSTNAME",
            "HOSTTYPE",
            "host",
            "port",
            "_",
            "PS1",
            "XDG_RUNTIME_DIR",
            "SSH_AUTH_SOCK",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "RUST_BACKTRACE",
            "RUST_MIN_STACK",
            "RUSTFLAGS",
            "RUST_TEST_THREADS",
            "JAVA_HOME",
            "KAFKA_HEAP",
            "KAFKA_HEAP_OPTS",
            "KAFKA_OPTS",
            "KAFKA_HOME",
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGPASSWORD",
            "PGDATA",
            "POSTGRES_DB",
            "POSTGRES_USER",
            "POSTGRES_PASSWORD",
            "REDIS_HOST",
            "REDIS_PORT",
            "REDIS_PASSWORD",
            "DATABASE_HOST",
            "DATABASE_PORT",
            "DATABASE_NAME",
            "DB_URL",
            "DB_HOST",
            "DB_PORT",
            "APP_NAME",
            "APP_KEY",
            "APP_URL",
            "BASE_URL",
            "API_TOKEN",
            "WEBHOOK_SECRET",
            "APP_DEBUG",
            "NODE_ENV",
            "RAILS_ENV",
            "LOG_LEVEL",
            "LOG_FILE",
            "API_KEY",
            "SECRET_KEY",
            "CI",
            "DEBUG",
            "NO_COLOR",
            "KUBERNETES_PORT",
            "KUBERNETES_SERVICE_HOST",
            "KUBERNETES_SERVICE_PORT",
            "WALLET_PORT",
            "REDIS_SERVICE_HOST",
            "KAFKA_PORT",
            "STACK_DIR",
            "STACK_PG_SOCKET",
            "CONNECTION",
            "HTTP_PROXY",
            "https_proxy",
            "no_proxy",
            "LD_LIBRARY_PATH",
        ] {
            assert_eq!(closest_match(name, &VARIABLES), None, "{name}");
        }
    }
}
