//! Hashes, stored answers and messages of fixed operations at a fixed time, to the byte. What consumers have received and
//! what auditors have proved must come out the same from every later version.

use std::{str::FromStr, sync::Arc};

use uuid::Uuid;
use wallet::{
    events::event::Event,
    kernel::{
        actor::Actor,
        books::BooksId,
        buckets::Buckets,
        clock::Timestamp,
        ids::{CustomerXid, OperationId, ReferenceId, WalletId},
        money::Amount,
        status::Status,
    },
    ledger::{
        Action, BalanceAfter, Decision, Deposit, Done, Key, KeyName, Kind, LedgerError, Operation, Outcome,
        Refusal, Refusals, StatusReceipt, Transfer, WalletState,
        book::{Book, Changes},
        entry::Transaction,
        log::{EntryRow, LogRow, StatusChangeRow},
        posting::{BatchClock, LoopSettings, PostingLoop},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{deposit, keyed, settings},
};

const BOOKS: &str = include_str!("golden/books.txt");
const OUTCOMES: &str = include_str!("golden/outcomes.txt");

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(1_767_225_600_000_000 + seconds * 1_000_000 + 1).expect("a time")
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

fn wallet(number: u128, status: Status, available: i64) -> WalletState {
    WalletState {
        id: WalletId(id(number)),
        currency: FromStr::from_str("EUR").expect("a currency"),
        status,
        frozen_at: None,
        status_version: 4,
        enabled_at: Some(at(-20)),
        disabled_at: Some(at(-30)),
        buckets: Buckets { available, held: 5, unreleased: 7 },
        version: 9,
        head_hash: [7; 32],
        last_entry_at: Some(at(-10)),
        next_due_at: None,
    }
}

fn amount(minor_units: i64) -> Amount {
    Amount::try_new(minor_units).expect("an amount")
}

fn operation(number: u128, wallet: u128, action: Action) -> Operation {
    let name = KeyName { actor: id(500 + wallet).to_string(), key: format!("key {number}") };
    Operation {
        id: OperationId(id(1000 + number)),
        actor: Actor::Customer(CustomerXid(id(501))),
        wallet: WalletId(id(wallet)),
        action,
        key: Some(Key { name, request_hash: [u8::try_from(number).expect("small"); 32] }),
        refusals: Refusals::Stored,
    }
}

fn changes() -> Changes {
    let reference = |number: u128| ReferenceId(id(2000 + number));
    let transfer = |to, units, note: Option<&str>| {
        Action::Transfer(Transfer {
            to: WalletId(id(to)),
            amount: amount(units),
            fee: 3,
            reference: reference(5),
            note: note.map(str::to_owned),
        })
    };
    let mut book = Book::new(
        vec![wallet(1, Status::Enabled, 100), wallet(2, Status::Enabled, 0), wallet(3, Status::Disabled, 0)]
            .into(),
    );
    let actions = [
        (1, Action::Deposit(Deposit { amount: amount(1000), reference: reference(1), release_at: None })),
        (1, Action::Withdraw { amount: amount(90), reference: reference(2) }),
        (1, Action::Withdraw { amount: amount(9_999_999), reference: reference(3) }),
        (1, transfer(2, 40, Some("Ünïcode \"note\""))),
        (1, transfer(3, 40, None)),
        (3, Action::Enable),
        (1, Action::Disable),
        (1, Action::Deposit(Deposit { amount: amount(1), reference: reference(9), release_at: None })),
    ];
    for (number, (wallet, action)) in (1..).zip(actions) {
        book.apply(&operation(number, wallet, action), at(0)).unwrap();
    }
    book.into_changes()
}

/// The row that a reader of the log has of an entry.
fn rows(changes: &Changes) -> Vec<LogRow> {
    let transaction = |id| -> &Transaction {
        changes.transactions.iter().find(|transaction| transaction.id == id).expect("its transaction")
    };
    let entries = (71..).zip(&changes.entries).map(|(position, entry)| {
        let of = transaction(entry.transaction);
        let is_senders = entry.kind != Kind::TransferIn;
        LogRow::Entry(EntryRow {
            position,
            wallet: entry.wallet,
            owner: CustomerXid(id(501)),
            version: entry.version,
            transaction: entry.transaction,
            kind: entry.kind,
            status: of.status,
            amount: of.amount,
            fee: if is_senders { of.fee } else { 0 },
            currency: of.currency,
            reference: of.reference.filter(|_| is_senders),
            delta: entry.delta,
            after: entry.after,
            occurred_at: entry.occurred_at,
            hash: entry.hash,
        })
    });
    let statuses = (31..).zip(&changes.status_changes).map(|(position, change)| {
        LogRow::StatusChange(StatusChangeRow {
            position,
            wallet: change.wallet,
            owner: CustomerXid(id(501)),
            status_version: change.status_version,
            status: change.status,
            frozen: change.frozen,
            occurred_at: change.occurred_at,
        })
    });
    entries.chain(statuses).collect()
}

#[test]
fn hashes_and_messages_are_the_same_to_the_byte() {
    let changes = changes();
    let mut lines = Vec::new();
    for generation in [BooksId::FIRST_GENERATION, 1_800_000_000] {
        let books = BooksId { id: id(9), generation };
        for row in rows(&changes) {
            let event = Event::of(&row, "a topic", books).expect("an event");
            lines.push(format!("{} {}", event.topic, event.key));
            lines.extend(event.headers.iter().map(|(name, value)| format!("{name}: {value}")));
            lines.push(String::from_utf8(event.payload).expect("UTF-8"));
        }
    }
    let found = lines.join("\n") + "\n";
    assert_eq!(found, BOOKS, "{found}");
}

/// A decision as the first format had it, without a number, and what it means.
fn unnumbered() -> Vec<(String, Decision)> {
    let status = |status: &str, disabled_at: &str| {
        format!(
            r#"{{"Ok":{{"id":"{}","occurred_at":"2026-01-01T00:00:00.000001Z","fee":0,"wallet":{{"id":"{}",
               "currency":"EUR","status":"{status}","frozen_at":"2025-12-31T23:59:30.000001Z","status_version":5,
               "enabled_at":"2025-12-31T23:59:40.000001Z","disabled_at":{disabled_at},
               "buckets":{{"available":967,"held":5,"unreleased":7}},"version":13,"head_hash":[141,242,210],
               "last_entry_at":null}}}}}}"#,
            id(1007),
            id(1)
        )
    };
    let receipt = |status, disabled_at| {
        Ok(Done::Status(StatusReceipt {
            id: OperationId(id(1007)),
            occurred_at: at(0),
            status,
            frozen: true,
            status_version: 5,
            enabled_at: Some(at(-20)),
            disabled_at,
            balance: BalanceAfter {
                currency: FromStr::from_str("EUR").expect("a currency"),
                buckets: Buckets { available: 967, held: 5, unreleased: 7 },
                version: 13,
            },
        }))
    };
    let used = format!(r#"{{"duplicate_reference":{{"transaction_id":"{}"}}}}"#, id(1004));
    let refusals = [
        (r#""wallet_not_found""#, Refusal::WalletNotFound),
        (&used, Refusal::DuplicateReference { transaction_id: OperationId(id(1004)) }),
        (r#""already_enabled""#, Refusal::AlreadyEnabled),
        (r#""already_disabled""#, Refusal::AlreadyDisabled),
        (r#""wallet_disabled""#, Refusal::WalletDisabled),
        (r#""wallet_frozen""#, Refusal::WalletFrozen),
        (r#""self_transfer""#, Refusal::SelfTransfer),
        (
            r#"{"insufficient_funds":{"available":1010,"required":9999999}}"#,
            Refusal::InsufficientFunds { available: 1010, required: 9_999_999 },
        ),
        (r#""recipient_unavailable""#, Refusal::RecipientUnavailable),
        (r#""currency_mismatch""#, Refusal::CurrencyMismatch),
        (r#""balance_limit""#, Refusal::BalanceLimit),
    ];
    let mut all = vec![
        (status("enabled", "null"), receipt(Status::Enabled, None)),
        (status("disabled", r#""2026-01-01T00:00:00.000001Z""#), receipt(Status::Disabled, Some(at(0)))),
    ];
    all.extend(refusals.map(|(json, refusal)| (format!(r#"{{"Err":{json}}}"#), Err(refusal))));
    all
}

async fn stored_decision(db: &TestDatabase, key: &str, json: &str) {
    let mut conn = db.connect().await;
    sqlx::query(
        "insert into keys (actor, key, request_hash, operation_id, outcome, expires_at)
         values ('a test', $1, decode(repeat('01', 32), 'hex'), gen_random_uuid(), $2::jsonb, null)",
    )
    .bind(key)
    .bind(json)
    .execute(&mut conn)
    .await
    .expect("a key");
}

#[tokio::test]
async fn decisions_that_were_stored_without_a_formats_number_are_replayed() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    for (number, (json, decision)) in unnumbered().into_iter().enumerate() {
        let key = number.to_string();
        stored_decision(&db, &key, &json).await;
        let outcome = posting_loop.post(keyed(deposit(wallet, 1), &key, 1)).await;
        assert_eq!(outcome, Ok(Outcome { decision, replayed: true }), "{json}");
    }
    // Nothing was ever decided for these keys, as the audit would find.
    db.run("delete from keys").await;
}

#[tokio::test]
async fn a_decision_in_a_format_that_is_not_known_is_no_decision() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    stored_decision(&db, "k", r#"{"v":2,"refused":"wallet_frozen"}"#).await;
    let outcome = posting_loop.post(keyed(deposit(wallet, 1), "k", 1)).await;
    assert!(matches!(outcome, Err(LedgerError::Internal(_))), "{outcome:?}");
    assert_eq!(db.number("select count(*) from entries").await, 0);
    db.run("delete from keys").await;
}

/// The stored form of each decision, and each is replayed from it.
#[tokio::test]
async fn stored_decisions_are_the_same_to_the_byte_and_are_replayed() {
    let db = TestDatabase::create().await;
    db.wallets(3).await;
    let clock = BatchClock::Fixed(at(0));
    let posting_loop = PostingLoop::start(LoopSettings { clock, ..settings(&db.url) }, Arc::default());
    let [one, two, nobody] = [1, 2, 9].map(|n| WalletId(format!("{n:0>32}").parse().expect("a uuid")));
    let transfer = |to, units| {
        let reference = ReferenceId(id(2000 + u128::try_from(units).expect("positive")));
        Action::Transfer(Transfer { to, amount: amount(units), fee: 0, reference, note: None })
    };
    let booked =
        Action::Deposit(Deposit { amount: amount(1000), reference: ReferenceId(id(2001)), release_at: None });
    let actions = [
        (nobody, booked.clone()),
        (one, booked.clone()),
        (one, booked),
        (one, Action::Enable),
        (one, Action::Withdraw { amount: amount(9_999_999), reference: ReferenceId(id(2003)) }),
        (one, transfer(one, 4)),
        (one, transfer(nobody, 5)),
        (one, transfer(two, 6)),
        (two, Action::Disable),
        (two, Action::Disable),
        (two, transfer(one, 7)),
        (two, Action::Enable),
        (two, Action::Unfreeze { reason: "a test".to_owned() }),
        (two, Action::Freeze { reason: "a test".to_owned() }),
        (two, Action::Freeze { reason: "a test".to_owned() }),
    ];
    let operations: Vec<Operation> = (10..)
        .zip(actions)
        .map(|(number, (wallet, action))| Operation { wallet, ..operation(number, 1, action) })
        .collect();
    let mut first = Vec::new();
    for operation in &operations {
        first.push(posting_loop.post(operation.clone()).await.expect("an outcome"));
    }
    let stored: Vec<String> = sqlx::query_scalar(
        "select key || ' ' || coalesce(outcome::text, 'null') || ' ' || coalesce(expires_at::text, 'for ever')
         from keys order by key",
    )
    .fetch_all(&mut db.connect().await)
    .await
    .expect("keys");
    let found = stored.join("\n") + "\n";
    assert_eq!(found, OUTCOMES, "{found}");
    for (operation, first) in operations.into_iter().zip(first) {
        let again = posting_loop.post(Operation { id: OperationId::generate(), ..operation }).await;
        assert_eq!(again, Ok(Outcome { replayed: true, ..first }));
    }
}
