//! An entry's hash, recomputed from its message as `docs/ledger.md` describes it: it shares no code with what wrote it.

use aws_lc_rs::digest::{Context, SHA256};

use crate::events::event::TransactionCreated;

/// Before a wallet's first entry.
pub(super) const NO_HASH: [u8; 32] = [0; 32];

/// SHA-256 over the hash before it and the message's fields; `kind` is the stored number. None: a time that is none.
pub(super) fn chained(event: &TransactionCreated, kind: i16, previous: &[u8; 32]) -> Option<[u8; 32]> {
    let occurred_at = chrono::DateTime::parse_from_rfc3339(&event.occurred_at).ok()?.timestamp_micros();
    let mut hash = Context::new(&SHA256);
    hash.update(previous);
    hash.update(event.wallet_id.as_bytes());
    hash.update(&event.version.to_be_bytes());
    hash.update(event.transaction_id.as_bytes());
    hash.update(&kind.to_be_bytes());
    for number in [
        event.deltas.available,
        event.deltas.held,
        event.deltas.unreleased,
        event.available_balance,
        event.held,
        event.unreleased,
        occurred_at,
    ] {
        hash.update(&number.to_be_bytes());
    }
    hash.finish().as_ref().try_into().ok()
}

/// The hash that a message carries.
pub(super) fn hash_of(event: &TransactionCreated) -> Option<[u8; 32]> {
    let mut hash = NO_HASH;
    hex::decode_to_slice(&event.hash, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::events::event::Deltas;

    /// The vector of `docs/ledger.md`, as its message.
    #[test]
    fn the_documented_test_vector_holds() {
        let event = TransactionCreated {
            transaction_id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002),
            wallet_id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
            customer_xid: Uuid::nil(),
            r#type: "deposit".to_owned(),
            status: "success".to_owned(),
            step: "booked".to_owned(),
            amount: 1_000,
            fee: 0,
            delta: 1_000,
            deltas: Deltas { available: 1_000, held: 0, unreleased: 0 },
            currency: "USD".to_owned(),
            balance: 1_000,
            available_balance: 1_000,
            held: 0,
            unreleased: 0,
            version: 1,
            generation: 1,
            reference_id: None,
            occurred_at: "2026-01-01T00:00:00.000001Z".to_owned(),
            hash: String::new(),
        };
        let hash = chained(&event, 1, &NO_HASH).unwrap();
        let document = include_str!("../../../docs/ledger.md");
        assert!(document.contains(&hex::encode(hash)), "docs/ledger.md lacks {}", hex::encode(hash));
    }
}
