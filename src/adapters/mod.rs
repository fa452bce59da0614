//! What speaks a vendor's protocol: each adapter implements a port of another room, and nobody but `app` names it.

pub mod clock;
mod dead_letter;
pub mod embedded;
pub mod jwt;
pub mod kafka;
pub mod redis;
