//! A line of a history, as lists show it, and the filters of such lists.

use std::borrow::Cow;

use poem_openapi::{
    Enum, Object,
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    api::{
        document::samples::{self, REFERENCE, TRANSACTION},
        query::{QueryValue, names},
        scalars::ApiTimestamp,
    },
    kernel::ids::{OperationId, ReferenceId},
    ledger::{Kind, entry::TransactionStatus, read::HistoryItem},
};

/// How a transaction ended.
#[derive(Enum, Serialize)]
#[oai(rename = "TransactionStatus", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(super) enum TransactionStatusName {
    /// The money has moved.
    Success,
    /// The money is reserved.
    Pending,
    /// Refused for lack of funds, a hold that was voided or has expired, or a payout that the bank does not pay; nothing has
    /// moved.
    Failed,
}

impl From<TransactionStatus> for TransactionStatusName {
    fn from(status: TransactionStatus) -> Self {
        match status {
            TransactionStatus::Completed => Self::Success,
            TransactionStatus::Pending => Self::Pending,
            TransactionStatus::Refused => Self::Failed,
        }
    }
}

/// The kind of a transaction, by its name in answers.
#[derive(Clone, Copy)]
pub(super) struct TransactionType(Kind);

impl Serialize for TransactionType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

/// Follows [`Kind::FIRST`], so a new kind needs no change here.
impl Type for TransactionType {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "TransactionType".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |_| MetaSchema {
            description: Some("What a transaction was."),
            ..names(Kind::listed_words())
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for TransactionType {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.word().into())
    }
}

impl ParseFromJSON for TransactionType {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let name = value.unwrap_or_default();
        let kind = Kind::FIRST.into_iter().find(|kind| name == kind.word());
        kind.map(Self).ok_or_else(|| ParseError::expected_type(name))
    }
}

/// One line of the list.
#[derive(Object, Serialize)]
pub(super) struct Transaction {
    pub id: Uuid,
    pub status: TransactionStatusName,
    pub transacted_at: ApiTimestamp,
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub kind: TransactionType,
    /// In minor units; positive, whichever way the money went.
    pub amount: i64,
    /// The caller's own name for it.
    #[oai(nullable)]
    pub reference_id: Option<Uuid>,
}

/// A line of a history, as answers show it.
pub(super) fn line(item: HistoryItem) -> Transaction {
    Transaction {
        id: item.id.0,
        status: item.status.into(),
        transacted_at: ApiTimestamp(item.occurred_at),
        kind: TransactionType(item.kind),
        amount: item.amount,
        reference_id: item.reference.map(|reference| reference.0),
    }
}

/// A line for the examples of the document.
pub(super) fn example(kind: Kind, amount: i64) -> Transaction {
    line(HistoryItem {
        id: OperationId(samples::id(TRANSACTION)),
        kind,
        status: TransactionStatus::Completed,
        amount,
        reference: Some(ReferenceId(samples::id(REFERENCE))),
        occurred_at: samples::timestamp().0,
        version: 1,
    })
}

/// The kinds of entries under which the transactions of a type are listed.
pub(super) struct OfType(pub Vec<Kind>);

impl QueryValue for OfType {
    const MESSAGE: &'static str = "Not a type of transactions.";

    fn from_text(text: &str) -> Option<Self> {
        let kinds = Kind::listed_as(text);
        (!kinds.is_empty()).then_some(Self(kinds))
    }

    fn schema() -> MetaSchema {
        names(Kind::listed_words())
    }
}

impl QueryValue for TransactionStatus {
    const MESSAGE: &'static str = "Must be success, pending or failed.";

    fn from_text(text: &str) -> Option<Self> {
        [Self::Completed, Self::Pending, Self::Refused].into_iter().find(|status| status.word() == text)
    }

    fn schema() -> MetaSchema {
        names([Self::Completed, Self::Pending, Self::Refused].map(Self::word))
    }
}
