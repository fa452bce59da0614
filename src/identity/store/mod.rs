//! Every statement of the room.

mod revocations;
mod sessions;
mod statement;
mod sweep;
mod users;

pub use self::{
    revocations::{REVOCATIONS_SINCE, REVOKE, SWEEP_REVOCATIONS},
    sessions::{END, END_ALL, LIST, Lifetime, OpenSession, PRESENTED, SESSION, SWEEP_SESSIONS, SWEEP_TOKENS},
    sweep::SWEEPS,
    users::{BY_CUSTOMER, BY_EMAIL, RevocationTtl},
};
pub(super) use self::{
    revocations::{revocations_since, revoke_token},
    sessions::{NewSession, Refreshed, begin, end, list, refresh},
    sweep::sweep,
    users::{Change, NewUser, User, add, by_email, by_xid, change, rehash},
};
