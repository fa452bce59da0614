//! A message's content, decoded and compared with the books' row.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::{
    events::{
        event::{BOOKS_HEADER, Event, StatusChanged, TransactionCreated},
        topic_reader::StoredMessage,
    },
    kernel::{books::BooksId, ids::WalletId},
    ledger::log::{Log, LogRow},
};

/// A decoded message.
#[derive(Clone, Debug)]
pub(super) struct Decoded {
    pub(super) wallet: WalletId,
    /// The entry's version, or the status version.
    pub(super) version: i64,
    /// The history of the books that it was published in.
    pub(super) generation: i64,
    pub(super) body: Body,
}

/// The two kinds of bodies.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Money(Box<TransactionCreated>),
    Status(StatusChanged),
}

impl Decoded {
    /// Decodes a message of this log's topic; the error is a sentence.
    pub(super) fn decode(log: Log, stored: &StoredMessage) -> Result<Self, String> {
        let decoded = match log {
            Log::Entries => {
                let body: Box<TransactionCreated> = body(stored)?;
                Self {
                    wallet: WalletId(body.wallet_id),
                    version: body.version,
                    generation: body.generation,
                    body: Body::Money(body),
                }
            }
            Log::StatusChanges => {
                let body: StatusChanged = body(stored)?;
                Self {
                    wallet: WalletId(body.wallet_id),
                    version: body.status_version,
                    generation: body.generation,
                    body: Body::Status(body),
                }
            }
        };
        if decoded.version < 1 {
            return Err(format!("version {} is not positive", decoded.version));
        }
        Ok(decoded)
    }

    /// What the message says otherwise than the event that the books' row would be published as.
    pub(super) fn difference(
        &self,
        stored: &StoredMessage,
        event: &Event,
        row: &LogRow,
        books: BooksId,
    ) -> Option<String> {
        let message = &stored.message;
        if message.key.as_deref() != Some(event.key.as_bytes()) {
            return Some(format!("its key is {:?}", text(message.key.as_deref())));
        }
        for (name, expected) in &event.headers {
            let found = message.header(name);
            // An older release did not write it.
            let is_absent = *name == BOOKS_HEADER && found.is_none();
            if found != Some(expected) && !is_absent {
                return Some(format!("its {name} is {found:?}, not {expected:?}"));
            }
        }
        if message.payload.as_ref() == Some(&event.payload) {
            return None;
        }
        // An older release may have written the fields in another order, or fewer of them.
        let is_equal = match (&self.body, row) {
            (Body::Money(body), LogRow::Entry(row)) => **body == TransactionCreated::of(row, books),
            (Body::Status(body), LogRow::StatusChange(row)) => *body == StatusChanged::of(row, books),
            _ => false,
        };
        (!is_equal).then(|| {
            format!("its body is {}, not {}", text(message.payload.as_deref()), text(Some(&event.payload)))
        })
    }
}

/// Bytes as far as they are text; null is shown as nothing.
fn text(bytes: Option<&[u8]>) -> Cow<'_, str> {
    bytes.map(String::from_utf8_lossy).unwrap_or_default()
}

fn body<T: DeserializeOwned>(stored: &StoredMessage) -> Result<T, String> {
    serde_json::from_slice(stored.message.payload.as_deref().unwrap_or_default())
        .map_err(|error| format!("the body cannot be read: {error}"))
}
