//! Who exists. A customer is known by the xid that its back end has chosen; it never changes.

pub mod store;

pub use store::ensure;
