//! The client. A payment is never sent twice by one call: redirects are not followed and nothing is retried, because a
//! request whose answer is missing may have been carried out. Only the worker, which asks by id first, sends it again.

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header::ACCEPT, redirect::Policy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::settings::BankSettings;
use crate::{
    config::Secret,
    kernel::ids::OperationId,
    payouts::{Bank, BankError, BankMessage, BankReport, PayoutInstruction},
};

/// Timeout of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum length of an answer in bytes: one payment, with room for fields that are not known.
const ANSWER_MAX: usize = 64 * 1024;
/// The code of the answer that says that the bank does not know a payment.
const NOT_FOUND_CODE: &str = "payout_not_found";

/// The client cannot be built, as where the system's certificates cannot be read.
#[derive(Debug, Error)]
#[error("the client of the bank: {0}")]
pub struct HttpBankError(String);

/// A bank over HTTP. One for the process: it keeps its connections.
pub struct HttpBank {
    client: Client,
    /// `…/payouts`
    payouts_url: String,
    token: Secret,
}

/// A payment, as the bank takes it.
#[derive(Serialize)]
struct PaymentBody<'a> {
    id: OperationId,
    amount: i64,
    currency: &'a str,
    bank_code: &'a str,
    account_number: &'a str,
    account_name: &'a str,
}

/// An answer with a code.
#[derive(Deserialize)]
struct CodeBody {
    code: String,
}

impl HttpBank {
    /// A client of this bank; connects to nothing yet.
    pub fn try_new(settings: BankSettings) -> Result<Self, HttpBankError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            // A proxy of the environment could read accounts, and answer in the bank's place.
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout)
            .build()
            .map_err(|error| HttpBankError(root_cause(&error)))?;
        let payouts_url = format!("{}/payouts", settings.url.trim_end_matches('/'));
        Ok(Self { client, payouts_url, token: settings.token })
    }

    /// Sends a request; its answer, of whatever status.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), BankError> {
        let request = request.bearer_auth(self.token.expose()).header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| failure(&error))?;
        Ok((response.status(), body(response).await?))
    }
}

#[async_trait]
impl Bank for HttpBank {
    async fn submit(&self, instruction: &PayoutInstruction) -> Result<BankReport, BankError> {
        let PayoutInstruction { id, amount, currency, account } = instruction;
        let payment = PaymentBody {
            id: *id,
            amount: *amount,
            currency: currency.as_str(),
            bank_code: account.bank_code.as_str(),
            account_number: account.number.as_str(),
            account_name: account.holder.as_str(),
        };
        let request = self.client.post(&self.payouts_url).header("Idempotency-Key", id.to_string());
        let (status, body) = self.send(request.json(&payment)).await?;
        match status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => report(*id, &body),
            // It may have paid before it failed, and a machine between may have given it up too early.
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Err(BankError::Unknown(status.to_string()))
            }
            status => Err(BankError::Refused(status.to_string())),
        }
    }

    async fn find(&self, id: OperationId) -> Result<Option<BankReport>, BankError> {
        let (status, body) = self.send(self.client.get(format!("{}/{id}", self.payouts_url))).await?;
        match status {
            StatusCode::OK => report(id, &body).map(Some),
            // Without the code it is the answer of a wrong URL or of a machine between.
            StatusCode::NOT_FOUND if code(&body).is_some_and(|code| code == NOT_FOUND_CODE) => Ok(None),
            status => Err(BankError::Refused(status.to_string())),
        }
    }
}

/// The report on this payment; unknown if the answer says anything else.
fn report(id: OperationId, body: &[u8]) -> Result<BankReport, BankError> {
    let message = BankMessage::parse(body).map_err(|error| BankError::Unknown(error.to_string()))?;
    let (found, report) = message.into_report();
    if found != id {
        return Err(BankError::Unknown("the answer is about another payment".to_owned()));
    }
    Ok(report)
}

fn code(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<CodeBody>(body).ok().map(|body| body.code)
}

/// The whole answer; unknown if it breaks off or is too long.
async fn body(mut response: Response) -> Result<Vec<u8>, BankError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unknown(&error))? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(BankError::Unknown(format!("an answer of more than {ANSWER_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Only a connection that was not made, or a request that could not be written down, has surely sent nothing.
fn failure(error: &reqwest::Error) -> BankError {
    if error.is_connect() || error.is_builder() {
        return BankError::NotSent(root_cause(error));
    }
    unknown(error)
}

fn unknown(error: &reqwest::Error) -> BankError {
    BankError::Unknown(root_cause(error))
}

/// The innermost cause: the outer texts show the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else {
        return "the request cannot be sent".to_owned();
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
