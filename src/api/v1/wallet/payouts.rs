//! `/wallet/payouts`: money goes to a bank.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde_json::json;
use uuid::Uuid;

use super::{
    page_info,
    payout_answers::{
        FoundPayoutData, PayoutData, PayoutsData, found, found_sample, listed, payout_sample, payouts_sample,
        requested,
    },
};
use crate::{
    accounts::{Accounts, Versioned},
    api::{
        api_error::ApiError,
        auth::Customer,
        body::{Fields, FromFields},
        catalogue::Code,
        command::{Command, DryRun},
        document::{BODY, KEYED, MOVING, OperationDoc, POSTING, READING, SIGNED_IN, Tag, samples::REFERENCE},
        envelope::{PostedAnswer, WalletAnswer},
        min_version::MinWalletVersion,
        query::{Limit, Param, PathId},
    },
    kernel::{
        bank_account::{AccountName, AccountNumber, BankAccount, BankCode},
        ids::{OperationId, ReferenceId},
        money::Amount,
        pagination::Cursor,
    },
    ledger::RequestPayout,
    payments::{Payment, Payments},
    payouts::Payouts,
};

/// Money for a bank.
#[derive(Object)]
pub struct PayoutRequest {
    /// In minor units (cents).
    amount: Amount,
    /// Unique among the wallet's payouts: a second one with it moves nothing.
    reference_id: Uuid,
    /// A national bank code or a BIC.
    bank_code: BankCode,
    /// A national account number or an IBAN, in groups or not.
    account_number: AccountNumber,
    /// The name of the account's holder.
    account_name: AccountName,
}

impl FromFields for PayoutRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (amount, reference_id) = (fields.required("amount"), fields.required("reference_id"));
        let (bank_code, account_number) = (fields.required("bank_code"), fields.required("account_number"));
        let account_name = fields.required("account_name");
        Some(Self {
            amount: amount?,
            reference_id: reference_id?,
            bank_code: bank_code?,
            account_number: account_number?,
            account_name: account_name?,
        })
    }
}

/// The operations.
pub struct PayoutsApi {
    pub accounts: Arc<dyn Accounts>,
    pub payments: Arc<dyn Payments>,
    pub payouts: Arc<dyn Payouts>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl PayoutsApi {
    /// Pay out to a bank
    ///
    /// The money is held at once, and the answer says `pending`, also when the request is repeated. The bank then pays (`success`),
    /// or does not (`failed`, with a `failure_code`; the money can be spent again). While the bank can't take more, or there is none,
    /// nothing is held and the answer is 503.
    #[oai(path = "/wallet/payouts", method = "post", operation_id = "create_payout")]
    async fn create_payout(
        &self,
        customer: Customer,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<PayoutRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<202, PayoutData>, ApiError> {
        self.payouts.admit()?;
        let (PayoutRequest { amount, reference_id, bank_code, account_number, account_name }, submission) =
            command.by(customer.caller());
        let account = BankAccount { bank_code, number: account_number, holder: account_name };
        let payout = RequestPayout { amount, account: account.clone(), reference: ReferenceId(reference_id) };
        let executed = submission.pay(&*self.payments, Payment::Payout(payout), dry_run).await?;
        executed.money(|money| requested(&account, reference_id, money))
    }

    /// Payouts, newest first
    ///
    /// 404 while the wallet is disabled.
    #[oai(path = "/wallet/payouts", method = "get", operation_id = "list_payouts")]
    async fn list_payouts(
        &self,
        customer: Customer,
        /// How many at most.
        limit: Param<Limit>,
        /// The `next` of the page before.
        after: Param<Cursor>,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, PayoutsData>, ApiError> {
        let page = page_info::page(limit, after)?;
        let Versioned { value: page, version } =
            self.accounts.payouts(customer.wallet, page, at_least.0).await?;
        Ok(WalletAnswer { data: listed(&page), version })
    }

    /// One payout
    ///
    /// 404 while the wallet is disabled.
    #[oai(path = "/wallet/payouts/:id", method = "get", operation_id = "get_payout")]
    async fn get_payout(
        &self,
        customer: Customer,
        /// The payout.
        id: PathId,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, FoundPayoutData>, ApiError> {
        let payout = self.accounts.payout(customer.wallet, OperationId(id.0), at_least.0).await?;
        let Versioned { value: payout, version } = payout;
        Ok(WalletAnswer { data: found(&payout), version })
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![
        OperationDoc {
            id: "create_payout",
            codes: &[SIGNED_IN, BODY, MOVING, &[Code::InsufficientFunds], KEYED, POSTING],
            request: Some(json!({
                "amount": 10_000, "reference_id": REFERENCE, "bank_code": "COBADEFFXXX",
                "account_number": "DE89 3704 0044 0532 0130 00", "account_name": "Ada Obi",
            })),
            answer: payout_sample(),
        },
        OperationDoc {
            id: "list_payouts",
            codes: &[SIGNED_IN, &[Code::ValidationFailed], READING],
            request: None,
            answer: payouts_sample(),
        },
        OperationDoc {
            id: "get_payout",
            codes: &[SIGNED_IN, &[Code::NotFound], READING],
            request: None,
            answer: found_sample(),
        },
    ]
}
