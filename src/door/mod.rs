//! The door: connections over TCP, their number, their time limits and their end. HTTP/1.1 is spoken by hyper; what a request
//! means is none of this room's business.
//!
//! | a connection is | limit | then |
//! | --- | --- | --- |
//! | new, or has sent a part of a head | [`Limits::head`] | closed |
//! | busy: its request is answered | none here; the answer's own limits are well below a minute | |
//! | answering: the answer is written | [`Limits::write`] without progress | closed |
//! | idle: between two requests | [`Limits::idle`] | closed |
//! | one too many | | the longest idle one is closed |

mod accept;
mod activity;
mod answering;
mod closing;
mod connection;
mod descriptors;
mod limits;
mod registry;
mod watched;

pub use accept::Door;
pub use answering::Answering;
pub use closing::Closing;
pub use descriptors::{connections_max, raise_limit};
pub use limits::Limits;
