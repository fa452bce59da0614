//! Adapters to vendors' protocols and to the system: each implements a port of another room, and only `app` names it.

pub mod bank;
pub mod clock;
mod dead_letter;
pub mod in_process;
pub mod jwt;
pub mod kafka;
pub mod redis;
