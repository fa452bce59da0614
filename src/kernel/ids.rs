//! Identifiers. Each is a UUID of its own type, so that one cannot be handed over in place of another.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

/// Ids that this service makes are version 7: they grow with time, so that new rows are adjacent in an index.
macro_rules! made_here {
    ($name:ident) => {
        impl $name {
            /// A fresh id.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }
    };
}

id!(
    /// One customer's money in one currency.
    WalletId
);
id!(
    /// A customer, as this service numbers them.
    CustomerId
);
id!(
    /// A customer, as the caller numbers them; the exercise's `customer_xid` and `owned_by`.
    CustomerXid
);
id!(
    /// One operation of the ledger. The transaction or the status change that it books has the same id, so that an
    /// operation that is run again recognises its own rows.
    OperationId
);
id!(
    /// The caller's own name for a deposit or a withdrawal; unique for each wallet and kind.
    ReferenceId
);
id!(
    /// A user's sign-in in one place, and the refresh tokens that follow from it.
    SessionId
);

made_here!(WalletId);
made_here!(CustomerId);
made_here!(CustomerXid);
made_here!(OperationId);
made_here!(SessionId);
