//! `/wallets`: any customer's wallet, for services.

use std::sync::Arc;

use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts::{Accounts, OwnedWallet},
    api::{
        api_error::ApiError,
        auth::ServiceClient,
        balance::Balance,
        body::{Body, Fields, FromFields},
        catalogue::Code,
        document::{
            BODY, OperationDoc, SIGNED_IN, Tag, sample,
            samples::{self, CUSTOMER, WALLET},
        },
        envelope::WalletAnswer,
        min_version::MinWalletVersion,
        query::PathId,
        scalars::ApiTimestamp,
        waiting_money::WaitingMoney,
    },
    cache::WalletView,
    kernel::{
        currency::Currency,
        ids::{CustomerXid, WalletId},
        status::Status,
    },
    ledger::StatusReceipt,
};

/// Whose wallet, and in which currency.
#[derive(Object)]
pub struct OpenRequest {
    /// The customer, as the caller numbers them.
    customer_xid: Uuid,
    /// Three letters (ISO 4217); left out, the service's default.
    currency: Option<Currency>,
}

impl FromFields for OpenRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (customer_xid, currency) = (fields.required("customer_xid"), fields.optional("currency"));
        Some(Self { customer_xid: customer_xid?, currency })
    }
}

/// Whether a wallet may be used.
#[derive(Enum, Serialize)]
#[oai(rename = "WalletStatus", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum WalletStatusName {
    Enabled,
    Disabled,
}

/// A wallet, whatever its status. Money is in minor units.
#[derive(Object, Serialize)]
struct AnyWallet {
    id: Uuid,
    /// The customer's xid.
    owned_by: Uuid,
    status: WalletStatusName,
    /// Independent of the status: a frozen wallet cannot be used either way.
    frozen: bool,
    /// Null while it is disabled.
    #[oai(nullable)]
    enabled_at: Option<ApiTimestamp>,
    /// Null while it is enabled, and before it was enabled first.
    #[oai(nullable)]
    disabled_at: Option<ApiTimestamp>,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The wallet.
#[derive(Object, Serialize)]
pub struct AnyWalletData {
    wallet: AnyWallet,
}

/// A wallet, whatever its status, and what is to come in it. Money is in minor units.
#[derive(Object, Serialize)]
struct FoundAnyWallet {
    #[oai(flatten)]
    #[serde(flatten)]
    wallet: AnyWallet,
    #[oai(flatten)]
    #[serde(flatten)]
    waiting: WaitingMoney,
}

/// The wallet, with what is to come.
#[derive(Object, Serialize)]
pub struct FoundAnyWalletData {
    wallet: FoundAnyWallet,
}

/// The operations.
pub struct WalletsApi {
    pub accounts: Arc<dyn Accounts>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Service")]
impl WalletsApi {
    /// Open a customer's wallet
    ///
    /// Sent again with the same customer and currency it answers with the same wallet. A new one is disabled and empty.
    #[oai(path = "/wallets", method = "post", operation_id = "open_wallet")]
    async fn open_wallet(
        &self,
        _client: ServiceClient,
        body: Body<OpenRequest>,
    ) -> Result<WalletAnswer<201, AnyWalletData>, ApiError> {
        let OpenRequest { customer_xid, currency } = body.0;
        let view = self.accounts.open_and_view(CustomerXid(customer_xid), currency).await?;
        Ok(WalletAnswer { version: view.money.version, data: to_response(&view) })
    }

    /// Any wallet with its balance
    ///
    /// A disabled one too. The balance may lag a write by up to 5 s; with `Min-Wallet-Version` it is never older than that
    /// version.
    #[oai(path = "/wallets/:id", method = "get", operation_id = "get_any_wallet")]
    async fn get_any_wallet(
        &self,
        _client: ServiceClient,
        /// The wallet.
        id: PathId,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, FoundAnyWalletData>, ApiError> {
        let view = self.accounts.view(WalletId(id.0), at_least.0).await?;
        let wallet = FoundAnyWallet { wallet: to_response(&view).wallet, waiting: (&view.money).into() };
        Ok(WalletAnswer { version: view.money.version, data: FoundAnyWalletData { wallet } })
    }
}

fn to_response(view: &WalletView) -> AnyWalletData {
    let wallet = AnyWallet {
        id: view.id.0,
        owned_by: view.owner.0,
        status: if view.status.enabled { WalletStatusName::Enabled } else { WalletStatusName::Disabled },
        frozen: view.status.frozen,
        enabled_at: view.status.enabled_at.filter(|_| view.status.enabled).map(ApiTimestamp),
        disabled_at: view.status.disabled_at.filter(|_| !view.status.enabled).map(ApiTimestamp),
        balance: view.into(),
    };
    AnyWalletData { wallet }
}

/// The wallet after its status was changed.
pub fn after(of: OwnedWallet, receipt: &StatusReceipt) -> AnyWalletData {
    let is_enabled = receipt.status == Status::Enabled;
    AnyWalletData {
        wallet: AnyWallet {
            id: of.wallet.0,
            owned_by: of.owner.0,
            status: if is_enabled { WalletStatusName::Enabled } else { WalletStatusName::Disabled },
            frozen: receipt.frozen,
            enabled_at: receipt.enabled_at.filter(|_| is_enabled).map(ApiTimestamp),
            disabled_at: receipt.disabled_at.filter(|_| !is_enabled).map(ApiTimestamp),
            balance: (&receipt.balance).into(),
        },
    }
}

/// An example of the document.
pub fn frozen_sample(frozen: bool) -> AnyWalletData {
    AnyWalletData {
        wallet: AnyWallet {
            id: samples::id(WALLET),
            owned_by: samples::id(CUSTOMER),
            status: WalletStatusName::Enabled,
            frozen,
            enabled_at: Some(samples::timestamp()),
            disabled_at: None,
            balance: Balance::sample(10_000, 1),
        },
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let wallet = |status, enabled_at, balance, version| AnyWalletData {
        wallet: AnyWallet {
            id: samples::id(WALLET),
            owned_by: samples::id(CUSTOMER),
            status,
            frozen: false,
            enabled_at,
            disabled_at: None,
            balance: Balance::sample(balance, version),
        },
    };
    vec![
        OperationDoc {
            id: "open_wallet",
            codes: &[SIGNED_IN, BODY, &[Code::Unavailable]],
            request: Some(json!({"customer_xid": CUSTOMER, "currency": "USD"})),
            answer: sample(&wallet(WalletStatusName::Disabled, None, 0, 0)),
        },
        OperationDoc {
            id: "get_any_wallet",
            codes: &[
                SIGNED_IN,
                &[Code::InvalidHeader, Code::NotFound, Code::VersionNotReached, Code::Unavailable],
            ],
            request: None,
            answer: sample(&FoundAnyWalletData {
                wallet: FoundAnyWallet {
                    wallet: wallet(WalletStatusName::Enabled, Some(samples::timestamp()), 10_000, 1).wallet,
                    waiting: WaitingMoney::sample(),
                },
            }),
        },
    ]
}
