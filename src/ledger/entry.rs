//! What the ledger writes: transactions, their entries with the hash chain, status changes.

use aws_lc_rs::digest;
use uuid::Builder;

use super::kind::Kind;
use crate::kernel::{
    buckets::Buckets,
    clock::Timestamp,
    currency::Currency,
    ids::{OperationId, ReferenceId, WalletId},
    status::Status,
};

/// How a transaction stands, as stored (`smallint`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    Completed,
    /// A hold or a payout that is open.
    Pending,
    /// Refused for want of funds, and kept: the customer sees the attempt.
    Refused,
}

impl TransactionStatus {
    /// The stored number.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Completed => 0,
            Self::Pending => 1,
            Self::Refused => 2,
        }
    }

    /// The status with this stored number.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Completed),
            1 => Some(Self::Pending),
            2 => Some(Self::Refused),
            _ => None,
        }
    }

    /// The word in answers, filters and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Completed => "success",
            Self::Pending => "pending",
            Self::Refused => "failed",
        }
    }
}

/// One row of `transactions`. Amount and fee are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: OperationId,
    pub kind: Kind,
    pub status: TransactionStatus,
    /// Who asked.
    pub wallet: WalletId,
    /// The number of its entry there.
    pub version: i64,
    /// The other side of a transfer, and the number of its entry there.
    pub other: Option<(WalletId, i64)>,
    pub amount: i64,
    pub fee: i64,
    pub currency: Currency,
    pub reference: Option<ReferenceId>,
    pub note: Option<String>,
    /// The time of its entry in the wallet that asked. The other side's entry has a time of its own.
    pub created_at: Timestamp,
}

/// One row of `entries`: one step of one transaction on one wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub wallet: WalletId,
    /// The wallet's own sequence: 1, 2, 3 … without a gap.
    pub version: i64,
    pub transaction: OperationId,
    pub kind: Kind,
    /// The change; all zero for a refused withdrawal.
    pub delta: Buckets,
    /// The values after the change.
    pub after: Buckets,
    pub occurred_at: Timestamp,
    /// [`Entry::chained`]: proves this entry and, through the previous hash, all before it.
    pub hash: [u8; 32],
}

impl Entry {
    /// The entry's hash: SHA-256 over `previous` and the entry's fields, all integers big-endian, in the order that
    /// `docs/ledger.md` gives with a test vector.
    #[must_use]
    pub fn chained(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut bytes = [0u8; 130];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(previous);
        put(self.wallet.0.as_bytes());
        put(&self.version.to_be_bytes());
        put(self.transaction.0.as_bytes());
        put(&self.kind.code().to_be_bytes());
        for buckets in [self.delta, self.after] {
            put(&buckets.available.to_be_bytes());
            put(&buckets.held.to_be_bytes());
            put(&buckets.unreleased.to_be_bytes());
        }
        put(&self.occurred_at.timestamp_micros().to_be_bytes());
        debug_assert_eq!(at, bytes.len());
        let mut hash = [0u8; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
        hash
    }
}

/// One row of `steps`: what happened to a transaction after its first entries. Amount and fee are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operation's, or one that follows from the transaction and the kind where no operation asked for it.
    pub id: OperationId,
    pub transaction: OperationId,
    /// 2, 3 …: the transaction itself is its first step.
    pub number: i32,
    pub kind: Kind,
    pub wallet: WalletId,
    /// The number of its entry there.
    pub version: i64,
    /// A second wallet, and the number of its entry there.
    pub other: Option<(WalletId, i64)>,
    pub amount: i64,
    pub fee: i64,
    pub reference: Option<ReferenceId>,
    /// Who asked for it.
    pub actor: String,
    /// Why, where an operator says it.
    pub reason: Option<String>,
    /// The time of its entry.
    pub created_at: Timestamp,
}

impl Step {
    /// Whether no operation asked for it.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        self.id == Self::derived_id(self.transaction, self.kind)
    }

    /// The id of a step that no operation asks for, such as a release: always the same one, so that the database refuses a
    /// second one. A UUID of version 8: the first 16 bytes of SHA-256 over the transaction's id and the kind (big-endian).
    #[must_use]
    pub fn derived_id(transaction: OperationId, kind: Kind) -> OperationId {
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(transaction.0.as_bytes());
        bytes[16..].copy_from_slice(&kind.code().to_be_bytes());
        let hash = digest::digest(&digest::SHA256, &bytes);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_ref()[..16]);
        OperationId(Builder::from_custom_bytes(id).into_uuid())
    }
}

/// One row of `status_changes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    pub id: OperationId,
    pub wallet: WalletId,
    /// The wallet's own sequence of status changes: 1, 2, 3 … without a gap.
    pub status_version: i64,
    pub status: Status,
    pub frozen: bool,
    /// Who asked for it.
    pub actor: String,
    /// Why, where a reason is asked for.
    pub reason: Option<String>,
    pub occurred_at: Timestamp,
}

/// One row of `adjustments`: who made one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdjustmentNote {
    pub transaction: OperationId,
    pub actor: String,
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The vector of `docs/ledger.md`, recomputed independently with `sha256sum`.
    #[test]
    fn the_documented_test_vector_holds() {
        let entry = Entry {
            wallet: WalletId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
            version: 1,
            transaction: OperationId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002)),
            kind: Kind::Deposit,
            delta: Buckets::available(1000),
            after: Buckets::available(1000),
            occurred_at: Timestamp::from_timestamp_micros(1_767_225_600_000_001).unwrap(),
            hash: [0; 32],
        };
        let first = entry.chained(&[0; 32]);
        let document = include_str!("../../docs/ledger.md");
        assert!(document.contains(&hex::encode(first)), "docs/ledger.md lacks {}", hex::encode(first));
    }
}
