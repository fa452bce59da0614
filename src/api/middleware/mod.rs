//! What every request passes through.

pub mod body_reader;
mod framing;
pub mod http_metrics;
pub mod request_id;
pub mod security_events;
