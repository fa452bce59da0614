//! Tickets: the proof that a wallet's hash is still the one that was there before Postgres was read.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use crate::{cache::Ticket, kernel::ids::WalletId};

/// How long a ticket is valid: much longer than a read of Postgres takes.
pub(super) const TICKET_TTL: Duration = Duration::from_millis(400);

/// A ticket for the hash with this life. Its state is the connection's number and the life.
pub(super) fn ticket(wallet: WalletId, taken: Instant, connection: &Connection, life: &str) -> Ticket {
    Ticket { wallet, taken, state: format!("{}@{life}", connection.number) }
}

/// The life of the ticket's hash, if the ticket is valid: taken over this connection, and less than [`TICKET_TTL`] ago.
pub(super) fn life<'t>(ticket: &'t Ticket, connection: &Connection) -> Option<&'t str> {
    let (number, life) = ticket.state.split_once('@')?;
    (number.parse() == Ok(connection.number) && ticket.taken.elapsed() < TICKET_TTL).then_some(life)
}
