//! What clients may rely on, over the whole service: the public mini-wallet exercise row by row, and whatever anybody
//! may send instead of it.

mod bodies;
pub mod books;
mod encodings;
mod exercise;
mod fields;
mod history;
mod paths;
mod status;
mod versions;
pub mod wire;
