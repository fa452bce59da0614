//! What the bank writes of a payment, in its answers and in its callbacks (docs/bank-api.md).

use serde::Deserialize;
use thiserror::Error;

use super::bank::{BankReport, BankStatus};
use crate::kernel::{ids::OperationId, payout_failure::PayoutFailure};

/// A payment as the bank describes it. Further fields are ignored: a bank may add some.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BankMessage {
    /// The payout.
    pub id: OperationId,
    /// Minor units.
    pub amount: i64,
    pub status: StatusWord,
    /// The bank's word for why it did not pay, or why the money came back.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The bank's words for the states of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusWord {
    Pending,
    Settled,
    Rejected,
    Bounced,
}

/// The bytes are no message of the bank. The text shows none of them: they may hold an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no message as docs/bank-api.md describes it (line {line}, column {column})")]
pub struct InvalidBankMessage {
    line: usize,
    column: usize,
}

impl BankMessage {
    /// Reads a JSON text.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidBankMessage> {
        serde_json::from_slice(json)
            .map_err(|error| InvalidBankMessage { line: error.line(), column: error.column() })
    }

    /// The payout, and how its payment stands. A reason that is not known is [`PayoutFailure::BankRejected`], as is none.
    #[must_use]
    pub fn into_report(self) -> (OperationId, BankReport) {
        let failure = failure(self.reason.as_deref());
        let status = match self.status {
            StatusWord::Pending => BankStatus::Pending,
            StatusWord::Settled => BankStatus::Settled,
            StatusWord::Rejected => BankStatus::Rejected(failure),
            StatusWord::Bounced => BankStatus::Bounced(failure),
        };
        (self.id, BankReport { amount: self.amount, status })
    }
}

/// Our reason for the bank's. That an operator gave a payout up is no reason of the bank's, whatever it writes.
fn failure(reason: Option<&str>) -> PayoutFailure {
    match reason.and_then(PayoutFailure::from_word) {
        None | Some(PayoutFailure::Cancelled) => PayoutFailure::BankRejected,
        Some(failure) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190a6a0-0000-7000-8000-000000000001";

    fn report(fields: &str) -> Result<BankReport, InvalidBankMessage> {
        let json = format!(r#"{{"id":"{ID}","amount":1250,{fields}}}"#);
        let (id, report) = BankMessage::parse(json.as_bytes())?.into_report();
        assert_eq!((id.to_string().as_str(), report.amount), (ID, 1250));
        Ok(report)
    }

    #[test]
    fn each_status_and_reason_has_its_word() {
        use PayoutFailure::{AccountBlocked, AccountClosed, AccountNotFound, BankRejected, NameMismatch};
        for (fields, status) in [
            (r#""status":"pending","reason":null"#, BankStatus::Pending),
            (r#""status":"settled""#, BankStatus::Settled),
            (r#""status":"settled","reason":"account_closed","fee":3"#, BankStatus::Settled),
            (r#""status":"rejected","reason":"account_not_found""#, BankStatus::Rejected(AccountNotFound)),
            (r#""status":"rejected","reason":"account_closed""#, BankStatus::Rejected(AccountClosed)),
            (r#""status":"rejected","reason":"account_blocked""#, BankStatus::Rejected(AccountBlocked)),
            (r#""status":"rejected","reason":"name_mismatch""#, BankStatus::Rejected(NameMismatch)),
            (r#""status":"rejected","reason":"limit_exceeded""#, BankStatus::Rejected(BankRejected)),
            (r#""status":"rejected","reason":"cancelled""#, BankStatus::Rejected(BankRejected)),
            (r#""status":"rejected","reason":null"#, BankStatus::Rejected(BankRejected)),
            (r#""status":"bounced","reason":"account_closed""#, BankStatus::Bounced(AccountClosed)),
            (r#""status":"bounced""#, BankStatus::Bounced(BankRejected)),
        ] {
            assert_eq!(report(fields).map(|report| report.status), Ok(status), "{fields}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_without_being_shown() {
        for json in [
            "",
            "null",
            "<html>DE89370400440532013000</html>",
            r#"{"id":"DE89370400440532013000","amount":1,"status":"settled"}"#,
            &format!(r#"{{"id":"{ID}","amount":1.0,"status":"settled"}}"#),
            &format!(r#"{{"id":"{ID}","amount":"1","status":"settled"}}"#),
            &format!(r#"{{"id":"{ID}","amount":1,"status":"Settled"}}"#),
            &format!(r#"{{"id":"{ID}","amount":1,"status":"DE89370400440532013000"}}"#),
            &format!(r#"{{"id":"{ID}","status":"settled"}}"#),
            &format!(r#"{{"id":"{ID}","amount":9223372036854775808,"status":"settled"}}"#),
        ] {
            let refused = BankMessage::parse(json.as_bytes()).expect_err(json).to_string();
            assert!(!refused.contains("DE89") && refused.contains("bank-api.md"), "{refused}");
        }
    }
}
