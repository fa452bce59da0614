//! The door: TCP connections, their number, their time limits and their shutdown. hyper speaks HTTP/1.1; requests are
//! answered by the service behind the door.
//!
//! | a connection is | limit | then |
//! | --- | --- | --- |
//! | new, or has sent a part of a head | [`Limits::head`] | closed |
//! | busy: its request is answered | none here; an answer's own timeouts are well below a minute | |
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
