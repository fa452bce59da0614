//! The actor of an operation.

use std::fmt;

use super::ids::CustomerXid;

/// Who requests an operation. The text ([`fmt::Display`]) is stored with keys and status changes, so it never changes: a customer's xid, or a
/// prefix and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    Customer(CustomerXid),
    /// A back end with a token of scope `service`.
    Service(String),
    /// A person with a token of scope `admin`.
    Admin(String),
    /// A loop of the service itself.
    Worker(String),
    /// A person at the command line.
    Operator(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(xid) => xid.fmt(f),
            Self::Service(name) => write!(f, "service:{name}"),
            Self::Admin(name) => write!(f, "admin:{name}"),
            Self::Worker(name) => write!(f, "worker:{name}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
        }
    }
}
