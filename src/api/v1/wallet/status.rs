//! `/wallet`: a customer's own wallet.

use std::sync::Arc;

use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts::{Accounts, EnabledWallet, OwnedWallet, StatusOrder},
    api::{
        api_error::ApiError,
        auth::Customer,
        balance::Balance,
        body::{Fields, FromFields, MustBeTrue, NoBody},
        catalogue::Code,
        command::Command,
        document::{
            BODY, KEYED, OperationDoc, POSTING, READING, SIGNED_IN, Tag, sample,
            samples::{self, CUSTOMER, WALLET},
        },
        envelope::{PostedAnswer, WalletAnswer},
        min_version::MinWalletVersion,
        scalars::ApiTimestamp,
        waiting_money::WaitingMoney,
    },
    ledger::StatusReceipt,
};

/// The only status of an enabled wallet.
#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum EnabledStatus {
    Enabled,
}

/// The only status of a disabled wallet.
#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum DisabledStatus {
    Disabled,
}

/// A wallet that may be used. Money is in minor units.
#[derive(Object, Serialize)]
#[oai(rename = "EnabledWallet")]
struct Enabled {
    id: Uuid,
    /// The customer's xid.
    owned_by: Uuid,
    status: EnabledStatus,
    enabled_at: ApiTimestamp,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// A wallet that may not be used; its money stays.
#[derive(Object, Serialize)]
#[oai(rename = "DisabledWallet")]
struct Disabled {
    id: Uuid,
    /// The customer's xid.
    owned_by: Uuid,
    status: DisabledStatus,
    disabled_at: ApiTimestamp,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The wallet, enabled.
#[derive(Object, Serialize)]
pub struct WalletData {
    wallet: Enabled,
}

/// A wallet that may be used, and what is to come in it. Money is in minor units.
#[derive(Object, Serialize)]
#[oai(rename = "OwnWallet")]
struct Found {
    id: Uuid,
    /// The customer's xid.
    owned_by: Uuid,
    status: EnabledStatus,
    enabled_at: ApiTimestamp,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
    #[oai(flatten)]
    #[serde(flatten)]
    waiting: WaitingMoney,
}

/// The wallet, with what is to come.
#[derive(Object, Serialize)]
pub struct FoundWalletData {
    wallet: Found,
}

/// The wallet, disabled.
#[derive(Object, Serialize)]
pub struct DisabledWalletData {
    wallet: Disabled,
}

/// What disables a wallet.
#[derive(Object)]
pub struct DisableRequest {
    /// Must be true.
    is_disabled: bool,
}

impl FromFields for DisableRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.required::<MustBeTrue>("is_disabled").map(|MustBeTrue| Self { is_disabled: true })
    }
}

/// The operations.
pub struct StatusApi {
    pub accounts: Arc<dyn Accounts>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl StatusApi {
    /// Enable the wallet
    ///
    /// A new wallet is disabled: nothing else can be done with it. No body is needed.
    #[oai(path = "/wallet", method = "post", operation_id = "enable_wallet")]
    async fn enable_wallet(
        &self,
        customer: Customer,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<NoBody>,
    ) -> Result<PostedAnswer<201, WalletData>, ApiError> {
        let (NoBody, submission) = command.by(customer.caller());
        let (of, executed) = submission.change_status(&*self.accounts, StatusOrder::Enable).await?;
        executed.status(|receipt| WalletData { wallet: enabled(of, receipt) })
    }

    /// The wallet with its balance
    ///
    /// The balance may lag a write by up to 5 s; with `Min-Wallet-Version` it is never older than that version. 404
    /// while the wallet is disabled.
    #[oai(path = "/wallet", method = "get", operation_id = "get_wallet")]
    async fn get_wallet(
        &self,
        customer: Customer,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, FoundWalletData>, ApiError> {
        let found = self.accounts.view_enabled(customer.wallet, at_least.0).await?;
        Ok(WalletAnswer { version: found.view.money.version, data: to_response(&found) })
    }

    /// Disable the wallet
    ///
    /// Its money stays; nothing can be done with it until it is enabled again.
    #[oai(path = "/wallet", method = "patch", operation_id = "disable_wallet")]
    async fn disable_wallet(
        &self,
        customer: Customer,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<DisableRequest>,
    ) -> Result<PostedAnswer<200, DisabledWalletData>, ApiError> {
        let (_, submission) = command.by(customer.caller());
        let (of, executed) = submission.change_status(&*self.accounts, StatusOrder::Disable).await?;
        executed.status(|receipt| DisabledWalletData { wallet: disabled(of, receipt) })
    }
}

fn enabled(of: OwnedWallet, receipt: &StatusReceipt) -> Enabled {
    Enabled {
        id: of.wallet.0,
        owned_by: of.owner.0,
        status: EnabledStatus::Enabled,
        enabled_at: ApiTimestamp(receipt.occurred_at),
        balance: (&receipt.balance).into(),
    }
}

fn disabled(of: OwnedWallet, receipt: &StatusReceipt) -> Disabled {
    Disabled {
        id: of.wallet.0,
        owned_by: of.owner.0,
        status: DisabledStatus::Disabled,
        disabled_at: ApiTimestamp(receipt.occurred_at),
        balance: (&receipt.balance).into(),
    }
}

fn to_response(EnabledWallet { view, enabled_at }: &EnabledWallet) -> FoundWalletData {
    let wallet = Found {
        id: view.id.0,
        owned_by: view.owner.0,
        status: EnabledStatus::Enabled,
        enabled_at: ApiTimestamp(*enabled_at),
        balance: view.into(),
        waiting: (&view.money).into(),
    };
    FoundWalletData { wallet }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let (id, owned_by) = (samples::id(WALLET), samples::id(CUSTOMER));
    let wallet = |balance, version| Enabled {
        id,
        owned_by,
        status: EnabledStatus::Enabled,
        enabled_at: samples::timestamp(),
        balance: Balance::sample(balance, version),
    };
    let disabled = Disabled {
        id,
        owned_by,
        status: DisabledStatus::Disabled,
        disabled_at: samples::timestamp(),
        balance: Balance::sample(10_000, 1),
    };
    vec![
        OperationDoc {
            id: "enable_wallet",
            codes: &[
                SIGNED_IN,
                &[Code::AlreadyEnabled, Code::PayloadTooLarge, Code::MalformedBody],
                KEYED,
                POSTING,
            ],
            request: None,
            answer: sample(&WalletData { wallet: wallet(0, 0) }),
        },
        OperationDoc {
            id: "get_wallet",
            codes: &[SIGNED_IN, READING],
            request: None,
            answer: sample(&FoundWalletData {
                wallet: Found {
                    id,
                    owned_by,
                    status: EnabledStatus::Enabled,
                    enabled_at: samples::timestamp(),
                    balance: Balance::sample(10_000, 1),
                    waiting: WaitingMoney::sample(),
                },
            }),
        },
        OperationDoc {
            id: "disable_wallet",
            codes: &[SIGNED_IN, BODY, &[Code::AlreadyDisabled], KEYED, POSTING],
            request: Some(json!({"is_disabled": true})),
            answer: sample(&DisabledWalletData { wallet: disabled }),
        },
    ]
}
