//! What a command prints. Nobody has to read it: `println!` panics where standard output is closed or full, and the lint
//! at the top of the library keeps it out.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use anyhow::{Context, Result};

/// Prints a line. A reader that has read enough (`| head -1`) is no error.
///
/// # Errors
/// The line is lost for another reason: a full disk, say.
pub(super) fn line(text: impl Display) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Prints text as it is. See [`line`].
///
/// # Errors
/// As those of [`line`].
pub(super) fn print(text: &str) -> Result<()> {
    // All of it now: what is left in a buffer at the end of the process is lost without a word.
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written to; what the command did stands")
        }
        _ => Ok(()),
    }
}

/// Says why a command failed.
pub(super) fn complain(text: impl Display) {
    // There is nobody else to say it to.
    let _ = writeln!(io::stderr(), "{text}");
}
