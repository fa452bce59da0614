//! Proves on small files that the rules catch what they should, and nothing else.

use super::{circles::circles, rules::violations};

/// The line is refused in this file, and the message says where it belongs.
#[track_caller]
fn refused(file: &str, text: &str, hint: &str) {
    let found = violations(file, text);
    assert!(!found.is_empty(), "{file} may not say: {text}");
    assert!(
        found.iter().all(|told| told.contains(hint) && told.starts_with(file)),
        "{hint:?} is not in {found:?}"
    );
}

#[track_caller]
fn allowed(file: &str, text: &str) {
    assert_eq!(violations(file, text), Vec::<String>::new(), "{file} may say: {text}");
}

#[test]
fn arrows_never_turn_back() {
    refused("src/kernel/money.rs", "use crate::ledger::Ledger;", "kernel may import nothing");
    refused("src/ledger/book.rs", "use crate::accounts::Accounts;", "ledger may import db, kernel");
    refused("src/ledger/book.rs", "use crate::config::Config;", "parameters");
    refused("src/cache/view.rs", "use crate::ledger::Buckets;", "cache may import kernel");
    refused("src/accounts/service.rs", "use crate::api::api_error::ApiError;", "src/api/");
    refused("src/api/v1/wallet.rs", "use crate::adapters::redis::RedisCache;", "src/adapters/");
    refused("src/api/mod.rs", "use crate::config::Config;", "parameters");
    refused("src/adapters/redis.rs", "use crate::accounts::Accounts;", "arrows never turn back");
    refused("src/accounts/service.rs", "use crate::app::AppModule;", "src/app/");
    refused("src/identity/service.rs", "use crate::ledger::Ledger;", "ledger");
    refused("src/telemetry.rs", "use crate::kernel::money::Amount;", "telemetry may import config");
    refused(
        "src/simulated_bank/http.rs",
        "use crate::payouts::BankMessage;",
        "simulated_bank may import kernel",
    );
    refused("src/payouts/worker.rs", "use crate::simulated_bank::Mode;", "reached over HTTP");
    allowed(
        "src/accounts/service.rs",
        "use crate::{cache::BalanceCache, ledger::{Ledger, history::HistoryItem}};",
    );
    allowed(
        "src/api/v1/wallet.rs",
        "use crate::{identity::Identity, kernel::money::Amount, accounts::Accounts};",
    );
    allowed("src/adapters/kafka/mod.rs", "use crate::{config::Config, events::bus::EventBus};");
    allowed(
        "src/app/bootstrap.rs",
        "use crate::{adapters::redis::RedisCache, ledger::posting::PostingLoop};",
    );
    allowed("src/main.rs", "fn main() { wallet::app::run() }");
}

#[test]
fn a_part_of_a_room_may_be_all_that_is_open() {
    allowed("src/events/relay.rs", "use crate::ledger::log::{self, Log};");
    allowed("src/api/error_mapping.rs", "use crate::db::DbError; fn f() { DbError::Unavailable }");
    refused("src/api/error_mapping.rs", "use crate::db::Database;", "db::DbError");
    refused("src/events/relay.rs", "use crate::ledger::Ledger;", "ledger::log");
    refused("src/events/relay.rs", "use crate::ledger;", "ledger::log");
    refused("src/accounts/service.rs", "use crate::ledger::store::lock;", "ask its service trait");
    refused("src/api/v1/wallet.rs", "use crate::ledger::posting::PostingLoop;", "ask its service trait");
    allowed("src/ledger/service.rs", "use super::{posting::PostingLoop, store};");
}

#[test]
fn every_shape_of_use_is_read() {
    for text in [
        "use crate::{kernel::{ids::WalletId, money::Amount}, api::{v1::{self, wallet}}};",
        "pub(crate) use crate::api;",
        "use crate::api as door;",
        "use crate::api::*;",
        "use super::super::api::error;",
        "use super::{super::{api::{error}}};",
        "use self::super::super::api;",
        "mod tests { use super::super::super::api; }",
        "fn f() { use crate::api; }",
        "use crate :: /* why */\n  api;",
    ] {
        refused("src/ledger/book.rs", text, "src/api/");
    }
    refused("src/ledger/book.rs", "use crate::*;", "name the room");
    refused("src/telemetry.rs", "use super::*;", "name the room");
    refused("src/ledger/book.rs", "use super::super as root;", "name the room");
}

#[test]
fn paths_in_the_text_are_read() {
    for text in [
        "fn f() { crate::api::error::of(1) }",
        "fn f(x: &crate::api::api_error::ApiError) {}",
        "fn f() -> Vec<crate::api::View> { Vec::<crate::api::View>::new() }",
        "impl From<u8> for super::super::api::View {}",
        "#[derive(crate::api::View)] struct S;",
        "macro_rules! m { () => { $crate::api::x() } }",
        "use super::super as root; fn f() { root::api::x() }",
        "pub(in crate::api) fn f() {}",
    ] {
        let found = violations("src/ledger/book.rs", text);
        assert!(found.iter().any(|told| told.contains("src/api/")), "{text}: {found:?}");
    }
}

#[test]
fn super_within_a_room_stays_in_it() {
    allowed("src/ledger/book.rs", "use super::{entry::Entry, refusal::Refusal};");
    allowed("src/ledger/mod.rs", "mod book; pub use book::Book; pub use self::book::Receipt;");
    allowed("src/api/v1/wallet.rs", "use super::super::api_error::ApiError;");
    allowed("src/ledger/book.rs", "#[cfg(test)] mod tests { use super::*; use super::super::entry::Entry; }");
    // After the inline module has ended, `super` is the room again.
    allowed("src/ledger/book.rs", "mod tests { fn f() { if a { b } } } use super::entry::Entry;");
}

#[test]
fn guarded_crates_are_spoken_in_their_rooms() {
    refused("src/accounts/service.rs", "use sqlx::PgPool;", "store.rs");
    refused("src/ledger/posting/posting_loop.rs", "fn f() { sqlx::query(x) }", "store.rs");
    refused("src/events/relay.rs", "use sea_orm::Statement;", "store.rs");
    refused("src/accounts/service.rs", "use poem::http::StatusCode;", "src/api/");
    refused("src/app/bootstrap.rs", "#[poem::handler] fn f() {}", "src/api/");
    refused("src/consumers/notify.rs", "use rdkafka::{message::Message, ClientConfig};", "adapters/kafka");
    refused("src/adapters/in_process.rs", "use redis::AsyncCommands;", "adapters/redis");
    refused("src/api/auth.rs", "use jsonwebtoken as jwt;", "adapters/jwt");
    refused("src/api/auth.rs", "extern crate jsonwebtoken;", "adapters/jwt");
    refused("src/payouts/worker.rs", "use reqwest::Client;", "adapters/bank");
    refused("src/api/v1/bank.rs", "use standardwebhooks::Webhook;", "adapters/bank");
    refused("src/payouts/payout.rs", "use iban::Iban;", "src/kernel/bank_account.rs");
    refused("src/simulated_bank/http.rs", "use poem_openapi::OpenApi;", "src/api/");
    refused("src/api/auth.rs", "fn f() { ::redis::Client::open(x) }", "adapters/redis");
    refused("src/accounts/service.rs", "shaku::module! { M { components = [] } }", "src/app/module.rs");
    refused("src/app/serve.rs", "use shaku::{module, HasComponent};", "src/app/module.rs");
    refused("src/api/mod.rs", "fn f(m: &M) { m.resolve_ref() }", "src/app/");
    refused("src/telemetry.rs", "use std::{env, fmt};", "src/config/");
    refused("src/app/mod.rs", "fn f() { std::env::var(x) }", "src/config/");
    refused("src/app/mod.rs", "fn f() { dotenvy::dotenv() }", "src/config/");
    refused(
        "src/ledger/book.rs",
        "use std::time::SystemTime; fn f() { SystemTime::now() }",
        "adapters/clock.rs",
    );
    refused("src/ledger/book.rs", "fn f() { chrono::Utc::now() }", "adapters/clock.rs");
    refused("src/ledger/book.rs", "use chrono::Utc as Z; fn f() { Z::now() }", "adapters/clock.rs");
    for (file, text) in [
        ("src/accounts/store.rs", "use sea_orm::Statement;"),
        ("src/events/store.rs", "use sqlx::PgConnection;"),
        ("src/ledger/posting/batch_writer.rs", "use sqlx::PgConnection;"),
        ("src/db/connect.rs", "use sqlx::PgPool;"),
        ("src/api/v1/wallet.rs", "use poem_openapi::OpenApi;"),
        ("src/app/serve.rs", "use poem::Server;"),
        (
            "src/simulated_bank/http.rs",
            "use poem::Server; use reqwest::Client; use standardwebhooks::Webhook;",
        ),
        ("src/adapters/bank/http.rs", "use reqwest::Client;"),
        ("src/adapters/redis/mod.rs", "use redis::AsyncCommands;"),
        ("src/app/module.rs", "use shaku::module; module! { M { components = [] } }"),
        ("src/config/mod.rs", "fn f() { std::env::vars_os() }"),
        ("src/adapters/clock.rs", "use chrono::Utc; fn f() { Utc::now() }"),
        ("src/ledger/posting/posting_loop.rs", "use std::time::Instant; fn f() { Instant::now() }"),
        ("src/app/bootstrap.rs", "use crate::adapters::redis; fn f() { redis::RedisCache::connect() }"),
        ("src/adapters/mod.rs", "pub mod redis; pub use redis::RedisCache;"),
        ("src/accounts/service.rs", "// use sqlx::PgPool;\nconst S: &str = \"std::env::var crate::api::x\";"),
    ] {
        allowed(file, text);
    }
}

#[test]
fn unknown_rooms_and_drawers_are_refused() {
    refused("src/services/wallet.rs", "use std::fmt;", "no room of the map");
    refused("src/ledger/book.rs", "use crate::services::x;", "no room of that name");
    refused("src/accounts/utils.rs", "", "drawer");
}

#[test]
fn a_violation_names_its_line() {
    let found = violations(
        "src/ledger/book.rs",
        "//! text\n\nuse crate::{\n    kernel::ids::WalletId,\n    api::View,\n};\n",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/ledger/book.rs:5: `crate::api::View`: "), "{found:?}");
}

/// The ways around of all circles among these files.
fn ways(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    circles(&files).into_iter().map(|circle| circle.to_string()).collect()
}

#[test]
fn a_circle_of_imports_is_found_and_its_files_are_named() {
    let (a, b) = ("src/api/a.rs", "src/api/b.rs");
    let found = ways(&[(a, "use super::b::B;"), (b, "fn f() -> crate::api::a::A { todo!() }")]);
    assert_eq!(found, ["2 files: src/api/a.rs → src/api/b.rs → src/api/a.rs"]);
    assert!(ways(&[(a, "use super::b::B;"), (b, "use std::fmt;")]).is_empty());
    let longer =
        [(a, "use super::b::B;"), (b, "use super::c::C;"), ("src/api/c.rs", "use super::{a::A, b::B};")];
    assert_eq!(ways(&longer), ["3 files: src/api/b.rs → src/api/c.rs → src/api/b.rs (also src/api/a.rs)"]);
    let bench = [
        ("benches/load/main.rs", "mod a; mod b; use a::A;"),
        ("benches/load/a.rs", "use super::b::B;"),
        ("benches/load/b.rs", "use crate::a::A;"),
    ];
    assert_eq!(ways(&bench), ["2 files: benches/load/a.rs → benches/load/b.rs → benches/load/a.rs"]);
}

#[test]
fn a_circle_is_seen_through_names_that_another_file_brings_in() {
    let (module, a, b) = ("src/api/mod.rs", "src/api/a.rs", "src/api/b.rs");
    let through = [
        (module, "mod a; mod b; pub use a::A; pub use self::b::B;"),
        (a, "use super::B;"),
        (b, "use super::A;"),
    ];
    assert_eq!(ways(&through), ["2 files: src/api/a.rs → src/api/b.rs → src/api/a.rs"]);
    let renamed = [(module, "mod a; mod b; use b::B as C;"), (a, "use super::C;"), (b, "use super::a;")];
    assert_eq!(ways(&renamed), ["2 files: src/api/a.rs → src/api/b.rs → src/api/a.rs"]);
    // The name is not of the file that brings it in: importing it from there is no arrow to that file.
    let around =
        [(module, "mod a; mod b; use a::A; pub use b::B;"), (a, "use super::B;"), (b, "use std::fmt;")];
    assert!(ways(&around).is_empty(), "{:?}", ways(&around));
    let own = [(module, "mod a; use a::A; pub struct M;"), (a, "use super::M;")];
    assert_eq!(ways(&own), ["2 files: src/api/a.rs → src/api/mod.rs → src/api/a.rs"]);
}
