//! Prints the output of commands without a panic: `println!` panics if standard output is closed or full, and a lint of the
//! library refuses it.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use anyhow::{Context, Result};

/// Prints a line. That standard output was closed (`| head -1`) is no error.
///
/// # Errors
/// The line cannot be written for another reason, such as a full disk.
pub(super) fn line(text: impl Display) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Prints text as it is. See [`line()`].
///
/// # Errors
/// As those of [`line()`].
pub(super) fn print(text: &str) -> Result<()> {
    // Flushed: bytes that are in a buffer at the end of the process are lost silently.
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written to; what the command did stands")
        }
        _ => Ok(()),
    }
}

/// Prints on stderr why a command failed.
pub(super) fn complain(text: impl Display) {
    // An error cannot be reported anywhere else.
    let _ = writeln!(io::stderr(), "{text}");
}
