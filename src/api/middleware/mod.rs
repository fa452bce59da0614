//! What stands around every request.

pub mod identify;
pub mod measure;
