//! Who may import whom, and where a line belongs.

use super::{
    paths::{Path, module_of, paths},
    source::{Token, tokens},
};

/// The rooms and what each may name of the others; `ledger::log` is that module and no more, and `db::DbError` is part of
/// the errors of the service traits. `app` and the two roots (`lib.rs`, `main.rs`) put everything together and may name
/// all.
const ROOMS: [(&str, &[&str]); 20] = [
    ("kernel", &[]),
    ("fail_point", &[]),
    ("config", &["kernel", "fail_point"]),
    ("telemetry", &["config"]),
    ("db", &["kernel"]),
    ("door", &[]),
    ("cache", &["kernel"]),
    ("limits", &["kernel"]),
    ("ledger", &["db", "kernel", "fail_point"]),
    ("customers", &["db", "kernel"]),
    ("accounts", &["customers", "ledger", "cache", "db", "kernel"]),
    ("payments", &["accounts", "ledger", "cache", "db", "kernel"]),
    ("payouts", &["ledger", "db", "kernel", "fail_point"]),
    ("identity", &["accounts", "db", "kernel"]),
    ("events", &["ledger::log", "db", "kernel", "fail_point"]),
    (
        "consumers",
        &[
            "accounts",
            "payments",
            "payouts",
            "identity",
            "ledger",
            "events",
            "cache",
            "kernel",
            "db::DbError",
        ],
    ),
    (
        "api",
        &[
            "accounts",
            "payments",
            "payouts",
            "identity",
            "ledger",
            "events",
            "cache",
            "limits",
            "kernel",
            "db::DbError",
        ],
    ),
    ("adapters", &["events", "cache", "limits", "identity", "payouts", "kernel", "config", "fail_point"]),
    ("simulated_bank", &["kernel"]),
    ("app", &["*"]),
];

/// Parts of a room that no other room may name, except `app`: they are reached through the room's service trait.
const PRIVATE: [&str; 2] = ["store", "posting"];

/// A name that only some files may say.
struct Guard {
    /// The beginning of a path, or its end if it begins with `…`.
    path: &'static str,
    may: fn(&str) -> bool,
    belongs: &'static str,
}

const HTTP: &str = "a header, a status, OpenAPI belong in src/api/ (src/app/serve.rs starts the server)";
const BANK: &str = "the bank is spoken to in src/adapters/bank only (src/simulated_bank is one)";
const SQL: &str = "SQL, a lock, a constraint's name belong in src/db/ or in the room's store.rs (the ledger's log/, read/, audit/, wallets/, and of posting/ the files that hold a connection, too)";
const ENVIRONMENT: &str = "the environment is read in src/config/ only; hand the value over as a parameter";
const CLOCK: &str =
    "the system's clock is read in src/adapters/clock.rs only; ask the port kernel::clock::Clock";

const GUARDS: [Guard; 26] = [
    Guard { path: "poem", may: |f| is_http(f) || is_simulated_bank(f), belongs: HTTP },
    Guard { path: "poem_openapi", may: is_http, belongs: HTTP },
    Guard {
        path: "hyper",
        may: |f| f.starts_with("src/door/") || f == "src/app/serve.rs",
        belongs: "connections are served in src/door/ only; requests and answers are poem's in src/api/",
    },
    Guard { path: "sea_orm", may: is_sql, belongs: SQL },
    Guard { path: "sqlx", may: is_sql, belongs: SQL },
    Guard {
        path: "rdkafka",
        may: |f| is_adapter(f, "kafka"),
        belongs: "Kafka is spoken in src/adapters/kafka only",
    },
    Guard {
        path: "redis",
        may: |f| is_adapter(f, "redis"),
        belongs: "Redis is spoken in src/adapters/redis only",
    },
    Guard {
        path: "rustls",
        may: |f| is_adapter(f, "redis"),
        belongs: "TLS is set up where its protocol is spoken: src/adapters/redis; Postgres' driver brings its own",
    },
    Guard { path: "reqwest", may: is_bank, belongs: BANK },
    Guard { path: "standardwebhooks", may: is_bank, belongs: BANK },
    Guard {
        path: "iban",
        may: |f| f == "src/kernel/bank_account.rs",
        belongs: "an account's number is checked in src/kernel/bank_account.rs only",
    },
    Guard {
        path: "argon2",
        may: |f| f == "src/identity/password_hasher.rs",
        belongs: "passwords are hashed in src/identity/password_hasher.rs only",
    },
    Guard {
        path: "zxcvbn",
        may: |f| f == "src/identity/password.rs",
        belongs: "passwords are judged in src/identity/password.rs only",
    },
    Guard {
        path: "email_address",
        may: |f| f == "src/kernel/email.rs",
        belongs: "an address is read in src/kernel/email.rs only",
    },
    Guard {
        path: "jsonwebtoken",
        may: |f| is_adapter(f, "jwt"),
        belongs: "tokens are made in src/adapters/jwt only",
    },
    Guard {
        path: "lettre",
        may: |f| is_adapter(f, "smtp"),
        belongs: "mail is sent in src/adapters/smtp only",
    },
    Guard {
        path: "shaku::module",
        may: is_module,
        belongs: "components are wired in src/app/module.rs only",
    },
    Guard { path: "std::env", may: is_config, belongs: ENVIRONMENT },
    Guard { path: "dotenvy", may: is_config, belongs: ENVIRONMENT },
    Guard { path: "…SystemTime::now", may: is_clock, belongs: CLOCK },
    Guard { path: "…Utc::now", may: is_clock, belongs: CLOCK },
    Guard { path: "…Local::now", may: is_clock, belongs: CLOCK },
    Guard {
        path: "clap",
        may: is_composition,
        belongs: "the command line is read in src/app/ and src/main.rs only",
    },
    Guard {
        path: "metrics_exporter_prometheus",
        may: |f| f == "src/telemetry.rs",
        belongs: "the recorder is set up in src/telemetry.rs only; the macros of `metrics` may be used anywhere",
    },
    Guard {
        path: "tracing_subscriber",
        may: |f| f == "src/telemetry.rs" || is_config(f),
        belongs: "the log is set up in src/telemetry.rs only; the macros of `tracing` may be used anywhere",
    },
    Guard {
        path: "rust_embed",
        may: is_embedding,
        belongs: "files are built in by src/db/ and src/api/ only",
    },
];

fn is_http(file: &str) -> bool {
    file.starts_with("src/api/") || file == "src/app/serve.rs"
}

fn is_simulated_bank(file: &str) -> bool {
    file.starts_with("src/simulated_bank/")
}

fn is_bank(file: &str) -> bool {
    is_adapter(file, "bank") || is_simulated_bank(file)
}

fn is_sql(file: &str) -> bool {
    let ledger = ["log", "read", "audit", "wallets", "posting/batch_writer.rs", "posting/locking.rs"]
        .map(|part| format!("src/ledger/{part}"));
    file.starts_with("src/db/")
        || file.ends_with("/store.rs")
        || file.contains("/store/")
        || ledger.iter().any(|part| file.starts_with(part))
}

fn is_adapter(file: &str, name: &str) -> bool {
    file == format!("src/adapters/{name}.rs") || file.starts_with(&format!("src/adapters/{name}/"))
}

fn is_module(file: &str) -> bool {
    file == "src/app/module.rs"
}

fn is_config(file: &str) -> bool {
    file == "src/config.rs" || file.starts_with("src/config/")
}

fn is_clock(file: &str) -> bool {
    file == "src/adapters/clock.rs"
}

fn is_composition(file: &str) -> bool {
    file.starts_with("src/app/") || file == "src/main.rs"
}

fn is_embedding(file: &str) -> bool {
    file.starts_with("src/db/") || file.starts_with("src/api/")
}

/// Everything in this file that is in the wrong room: one sentence each, with the line.
pub fn violations(file: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut found: Vec<String> = paths(file, &tokens)
        .iter()
        .filter_map(|path| {
            let reason = wrong_room(file, path).or_else(|| guarded(file, path))?;
            Some(format!("{file}:{}: `{}`: {reason}.", path.line, path.parts.join("::")))
        })
        .collect();
    found.extend(calls(file, &tokens));
    found.extend(misnamed(file));
    found
}

fn wrong_room(file: &str, path: &Path) -> Option<String> {
    let from = module_of(file).first().cloned().unwrap_or_else(|| "app".to_owned());
    let may = ROOMS.iter().find(|(room, _)| *room == from).map(|(_, may)| *may);
    let Some(may) = may else {
        return Some(format!("src/{from} is no room of the map in docs/architecture.md"));
    };
    if path.parts.first().is_none_or(|part| part != "crate") || may == ["*"] {
        return None;
    }
    let Some(to) = path.parts.get(1).filter(|part| *part != "*") else {
        return Some("name the room, not the whole crate".to_owned());
    };
    if *to == from {
        return None;
    }
    let within = |allowed: &&str| {
        let parts: Vec<&str> = allowed.split("::").collect();
        path.parts[1..].len() >= parts.len() && path.parts[1..].iter().zip(&parts).all(|(a, b)| a == b)
    };
    if !may.iter().any(within) {
        let may = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
        return Some(format!("{from} may import {may}; {}", belongs(to)));
    }
    let inner = path.parts.get(2).filter(|part| PRIVATE.contains(&part.as_str()))?;
    Some(format!("{inner} is {to}'s own; ask its service trait"))
}

/// What a line that needs this room is about.
fn belongs(room: &str) -> &'static str {
    match room {
        "app" => "which implementation runs is decided in src/app/, and nobody looks back at it",
        "api" => "a header, a status, a field of a request belong in src/api/",
        "adapters" => {
            "a vendor or a protocol belongs in src/adapters/, behind a port of the room that needs it"
        }
        "config" => "src/app/ hands settings over as parameters",
        "telemetry" => "src/app/ sets telemetry up",
        "db" => "SQL belongs in a room that has a store.rs",
        "events" | "consumers" => {
            "what happens when an event arrives belongs in src/consumers/, what is published in src/events/"
        }
        "ledger" => {
            "the ledger is reached through the services of accounts, payments or ledger, its log through ledger::log"
        }
        "customers" | "accounts" | "payments" | "identity" | "payouts" | "cache" | "limits" => {
            "arrows never turn back: put it in the room that knows both"
        }
        "simulated_bank" => "the simulated bank is reached over HTTP, as every bank",
        "kernel" => "kernel is for words that several rooms share",
        _ => "no room of that name is on the map in docs/architecture.md",
    }
}

fn guarded(file: &str, path: &Path) -> Option<String> {
    let named = |guard: &&Guard| match guard.path.strip_prefix('…') {
        Some(end) => {
            let end: Vec<&str> = end.split("::").collect();
            path.parts.len() >= end.len() && path.parts[path.parts.len() - end.len()..] == end[..]
        }
        None => {
            let start: Vec<&str> = guard.path.split("::").collect();
            path.parts.len() >= start.len() && path.parts[..start.len()] == start[..]
        }
    };
    let guard = GUARDS.iter().filter(named).find(|guard| !(guard.may)(file))?;
    Some(guard.belongs.to_owned())
}

/// Calls that no path shows: `module! {` and `.resolve()`.
fn calls(file: &str, tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    for pair in tokens.windows(2) {
        let reason = match (pair[0].text.as_str(), pair[1].text.as_str()) {
            ("module", "!") if !is_module(file) => "components are wired in src/app/module.rs only",
            (".", "resolve" | "resolve_ref") if !is_composition(file) => {
                "components are resolved in src/app/ only; take what you need by constructor"
            }
            _ => continue,
        };
        found.push(format!("{file}:{}: `{}{}`: {reason}.", pair[0].line, pair[0].text, pair[1].text));
    }
    found
}

fn misnamed(file: &str) -> Option<String> {
    let is_drawer =
        module_of(file).iter().any(|part| matches!(part.as_str(), "util" | "utils" | "helper" | "helpers"));
    is_drawer.then(|| format!("{file}: name it by what it is; a drawer for everything is no room."))
}
