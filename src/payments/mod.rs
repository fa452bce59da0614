//! Orders about money: which wallet a recipient stands for, what a transfer costs, booking or dry run. What is allowed is
//! decided by the [`ledger`](crate::ledger).

mod error;
mod mode;
mod order;
mod recipients;
mod service;

pub use error::PaymentError;
pub use mode::Mode;
pub use order::{Capture, Order, Payment, Transfer};
pub use recipients::Recipients;
pub use service::{Payments, PaymentsService, PaymentsServiceParameters};
