//! The names of topics.

/// A topic's name with this behind it is the name of its dead-letter topic.
pub const DEAD_LETTER_SUFFIX: &str = ".dlq";
