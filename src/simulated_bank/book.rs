//! The bank's book: in memory, and in a file to which each change is appended before it is answered.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use uuid::Uuid;

use super::payment::{BookEntry, Payment};

/// Every payment.
#[derive(Default)]
pub struct Book {
    payments: BTreeMap<Uuid, Payment>,
    file: Option<BookFile>,
}

/// JSON lines: the whole payment after each change, so that the last line of an id holds.
struct BookFile {
    file: File,
    /// Bytes of whole lines.
    length: u64,
}

impl Book {
    /// Reads the file, which is made if there is none. A last line without an end was never answered, and is removed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut payments = BTreeMap::new();
        for (line, number) in whole.lines().zip(1..) {
            let payment: Payment = serde_json::from_str(line).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {error}"))
            })?;
            payments.insert(payment.entry.id, payment);
        }
        let length = whole.len() as u64;
        file.set_len(length)?;
        Ok(Self { payments, file: Some(BookFile { file, length }) })
    }

    pub fn get(&self, id: Uuid) -> Option<&Payment> {
        self.payments.get(&id)
    }

    /// Stores a payment in place of what it was before. On an error it is what it was.
    pub fn put(&mut self, payment: Payment) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(&payment)?;
        }
        self.payments.insert(payment.entry.id, payment);
        Ok(())
    }

    /// Every payment, in the order of the ids.
    pub fn entries(&self) -> Vec<BookEntry> {
        self.payments.values().map(|payment| payment.entry.clone()).collect()
    }
}

impl BookFile {
    /// The line is in the system's hands when this returns: it survives the process, not a power failure.
    fn append(&mut self, payment: &Payment) -> io::Result<()> {
        let mut line = serde_json::to_vec(payment)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // The next line must not follow half of this one.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length = self.length.saturating_add(line.len() as u64);
        Ok(())
    }
}
