//! The statements that run all the time.

use std::sync::LazyLock;

use wallet::{
    customers::store as customers,
    events,
    identity::store as identity,
    ledger::{due, log, posting::store, read, top_transfers::store as top_transfers, wallets},
    payouts,
};

/// A statement, the session that runs it, and the indexes by which it must reach its tables.
pub struct Case {
    pub name: &'static str,
    pub sql: &'static str,
    pub session: Session,
    pub indexes: &'static [&'static str],
}

/// Whose connection it is.
#[derive(Clone, Copy)]
pub enum Session {
    Loop,
    Relay,
    Follower,
    Pool,
}

pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    vec![
        Case { name: "lock", sql: store::LOCK, session: Session::Loop, indexes: &["wallets_pkey"] },
        Case {
            name: "lock what is free",
            sql: store::LOCK_FREE,
            session: Session::Loop,
            indexes: &["wallets_pkey"],
        },
        Case { name: "lock one", sql: store::LOCK_ONE, session: Session::Loop, indexes: &["wallets_pkey"] },
        Case { name: "existing", sql: store::EXISTING, session: Session::Loop, indexes: &["wallets_pkey"] },
        Case { name: "prior state", sql: store::PRIOR_STATE, session: Session::Loop, indexes: PRIOR_STATE },
        Case {
            name: "prior state of a dry run",
            sql: store::PRIOR_STATE_UNLOCKED,
            session: Session::Pool,
            indexes: PRIOR_STATE,
        },
        Case {
            name: "wallets of a dry run",
            sql: store::READ,
            session: Session::Pool,
            indexes: &["wallets_pkey"],
        },
        Case {
            name: "proof by an entry",
            sql: store::IS_ENTRY_BOOKED,
            session: Session::Loop,
            indexes: &["entries_pkey"],
        },
        Case {
            name: "proof by a step",
            sql: store::IS_STEP_BOOKED,
            session: Session::Loop,
            indexes: &["steps_pkey"],
        },
        Case {
            name: "proof by a status change",
            sql: store::IS_STATUS_CHANGED,
            session: Session::Loop,
            indexes: &["status_changes_id_key"],
        },
        Case {
            name: "proof by a key",
            sql: store::IS_KEY_STORED,
            session: Session::Loop,
            indexes: &["keys_pkey"],
        },
        Case {
            name: "sweep keys",
            sql: store::SWEEP_KEYS,
            session: Session::Pool,
            indexes: &["keys_expires_at_idx"],
        },
        Case {
            name: "write",
            sql: store::WRITE.as_str(),
            session: Session::Loop,
            indexes: &["wallets_pkey"],
        },
        Case {
            name: "write status",
            sql: store::WRITE_STATUS.as_str(),
            session: Session::Loop,
            indexes: &["wallets_pkey"],
        },
        Case {
            name: "write steps and what waits",
            sql: store::WRITE_WAITING.as_str(),
            session: Session::Loop,
            indexes: &["releases_pkey", "holds_pkey"],
        },
        Case {
            name: "write payouts",
            sql: store::WRITE_PAYOUTS.as_str(),
            session: Session::Loop,
            indexes: &["payouts_pkey"],
        },
        Case {
            name: "claim payouts",
            sql: payouts::store::CLAIM,
            session: Session::Pool,
            indexes: &[
                "payout_attempts_next_idx",
                "payout_attempts_pkey",
                "payouts_pkey",
                "transactions_pkey",
                "wallets_pkey",
            ],
        },
        Case {
            name: "finish payouts",
            sql: payouts::store::FINISH,
            session: Session::Pool,
            indexes: &["payout_attempts_pkey"],
        },
        Case {
            name: "find a payout",
            sql: read::FIND_PAYOUT,
            session: Session::Pool,
            indexes: &["payouts_pkey", "transactions_pkey", "steps_pkey"],
        },
        Case {
            name: "a wallet's payouts",
            sql: read::PAYOUTS,
            session: Session::Pool,
            indexes: &["payouts_wallet_idx", "transactions_pkey"],
        },
        Case {
            name: "wallets with something due",
            sql: due::DUE_WALLETS,
            session: Session::Relay,
            indexes: &["releases_due_idx", "holds_due_idx"],
        },
        Case {
            name: "open releases",
            sql: read::OPEN_RELEASES,
            session: Session::Pool,
            indexes: &["releases_wallet_idx"],
        },
        Case {
            name: "find a hold",
            sql: read::FIND_HOLD,
            session: Session::Pool,
            indexes: &["holds_pkey", "transactions_pkey", "steps_pkey"],
        },
        Case {
            name: "open holds",
            sql: read::OPEN_HOLDS,
            session: Session::Pool,
            indexes: &["holds_wallet_idx", "transactions_pkey"],
        },
        Case {
            name: "where the entries stand",
            sql: log::STANDING_ENTRIES,
            session: Session::Relay,
            indexes: &["entries_position_key"],
        },
        Case {
            name: "where the status changes stand",
            sql: log::STANDING_STATUS_CHANGES,
            session: Session::Relay,
            indexes: &["status_changes_position_key"],
        },
        Case {
            name: "late entries",
            sql: log::LATE_ENTRIES,
            session: Session::Relay,
            indexes: &["entries_position_key"],
        },
        Case {
            name: "late status changes",
            sql: log::LATE_STATUS_CHANGES,
            session: Session::Relay,
            indexes: &["status_changes_position_key"],
        },
        Case {
            name: "read entries",
            sql: log::READ_ENTRIES,
            session: Session::Relay,
            indexes: &["entries_position_key", "transactions_pkey"],
        },
        Case {
            name: "read status changes",
            sql: log::READ_STATUS_CHANGES,
            session: Session::Relay,
            indexes: &["status_changes_position_key"],
        },
        Case {
            name: "find entries",
            sql: log::FIND_ENTRIES,
            session: Session::Relay,
            indexes: &["entries_pkey", "transactions_pkey"],
        },
        Case {
            name: "find status changes",
            sql: log::FIND_STATUS_CHANGES,
            session: Session::Relay,
            indexes: &["status_changes_pkey"],
        },
        Case { name: "owners", sql: log::OWNERS, session: Session::Relay, indexes: &["wallets_pkey"] },
        Case {
            name: "ends",
            sql: events::store::ENDS,
            session: Session::Relay,
            indexes: &["entries_position_key", "status_changes_position_key", "cursors_pkey"],
        },
        Case {
            name: "moved",
            sql: top_transfers::MOVED,
            session: Session::Follower,
            indexes: &["entries_position_key", "transactions_pkey"],
        },
        Case {
            name: "unfolded, by the follower",
            sql: top_transfers::UNFOLDED,
            session: Session::Follower,
            indexes: UNFOLDED,
        },
        Case {
            name: "upsert lists",
            sql: top_transfers::UPSERT,
            session: Session::Follower,
            indexes: &["top_transfers_pkey"],
        },
        Case {
            name: "unfolded, by a reader",
            sql: top_transfers::UNFOLDED,
            session: Session::Pool,
            indexes: UNFOLDED,
        },
        Case {
            name: "load items",
            sql: top_transfers::LOAD_ITEMS,
            session: Session::Pool,
            indexes: &["entries_pkey", "transactions_pkey"],
        },
        Case {
            name: "list",
            sql: read::LIST,
            session: Session::Pool,
            indexes: &["entries_pkey", "transactions_pkey"],
        },
        Case {
            name: "find a transaction",
            sql: read::FIND,
            session: Session::Pool,
            indexes: &["entries_pkey", "transactions_pkey"],
        },
        Case {
            name: "find a customer's wallet",
            sql: wallets::store::FIND,
            session: Session::Pool,
            indexes: &["wallets_owner_currency_key"],
        },
        Case {
            name: "find a customer",
            sql: customers::FIND,
            session: Session::Pool,
            indexes: &["customers_xid_key"],
        },
        Case {
            name: "a user by the address",
            sql: identity::BY_EMAIL,
            session: Session::Pool,
            indexes: &["users_email_key_idx", "customers_pkey"],
        },
        Case {
            name: "a user by the customer",
            sql: identity::BY_CUSTOMER,
            session: Session::Pool,
            indexes: &["customers_xid_key", "users_pkey"],
        },
        Case {
            name: "a refresh token",
            sql: identity::PRESENTED,
            session: Session::Pool,
            indexes: &["refresh_tokens_pkey"],
        },
        Case {
            name: "the session of a refresh token",
            sql: identity::SESSION,
            session: Session::Pool,
            indexes: &[
                "sessions_pkey",
                "refresh_tokens_session_idx",
                "refresh_tokens_parent_idx",
                "customers_pkey",
            ],
        },
        Case {
            name: "open sessions",
            sql: identity::LIST,
            session: Session::Pool,
            indexes: &["sessions_open_idx", "customers_xid_key"],
        },
        Case {
            name: "new revocations",
            sql: identity::REVOCATIONS_SINCE,
            session: Session::Pool,
            indexes: &["revocations_created_at_idx"],
        },
        Case {
            name: "sweep refresh tokens",
            sql: identity::SWEEP_TOKENS,
            session: Session::Pool,
            indexes: &["refresh_tokens_expires_at_idx", "refresh_tokens_pkey"],
        },
        Case {
            name: "sweep sessions",
            sql: identity::SWEEP_SESSIONS,
            session: Session::Pool,
            indexes: &["sessions_expires_at_idx", "sessions_pkey"],
        },
        Case {
            name: "sweep revocations",
            sql: identity::SWEEP_REVOCATIONS,
            session: Session::Pool,
            indexes: &["revocations_expires_at_idx", "revocations_pkey"],
        },
        Case {
            name: "view a wallet",
            sql: wallets::store::WALLET,
            session: Session::Pool,
            indexes: &["wallets_pkey", "releases_wallet_idx"],
        },
        Case {
            name: "view wallets",
            sql: wallets::store::WALLETS,
            session: Session::Pool,
            indexes: &["wallets_pkey", "releases_wallet_idx"],
        },
        Case {
            name: "wallets after one",
            sql: wallets::store::WALLETS_AFTER,
            session: Session::Pool,
            indexes: &["wallets_pkey"],
        },
        Case {
            name: "recipients",
            sql: wallets::RECIPIENTS,
            session: Session::Pool,
            indexes: &["wallets_pkey", "wallets_owner_currency_key"],
        },
    ]
});

const PRIOR_STATE: &[&str] = &[
    "transactions_reference_key",
    "keys_pkey",
    "transactions_pkey",
    "entries_pkey",
    "releases_pkey",
    "releases_wallet_idx",
    "holds_pkey",
    "holds_wallet_idx",
    "steps_transaction_key",
    "steps_reference_key",
];

const UNFOLDED: &[&str] = &["wallets_pkey", "top_transfers_pkey", "entries_pkey", "transactions_pkey"];
