//! What stands around every request.

mod framing;
pub mod identify;
pub mod measure;
pub mod receive;
pub mod watch;
