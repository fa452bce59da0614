//! A command: a request that changes something. Its extractor joins the `Idempotency-Key`, the body and the fingerprint of
//! its fields; with a [`Caller`] it becomes a [`Submission`], which is executed in one call.
//!
//! In poem-openapi an extractor stands for one security requirement, one parameter and one body in the document. So the
//! caller stays an argument of its own, because the id in a path is read between the two: a wrong token is answered before
//! an unknown wallet, and that before a wrong body. So does `dry_run`, which is a second parameter.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaRequest, MetaSchemaRef, Registry},
};

use super::{
    api_error::ApiError,
    body::Payload,
    caller::Caller,
    executed::Executed,
    idempotency::{Fingerprint, IdempotencyKey},
    query::{Flag, Param},
};
use crate::{
    accounts::{Accounts, OwnedWallet, StatusOrder},
    ledger::Key,
    payments::{Mode, Order, Payment, Payments},
};

/// The parameter of operations that can be previewed.
pub type DryRun = Param<Flag>;

/// A request that changes something, with the fields of `T`.
pub struct Command<T> {
    key: IdempotencyKey,
    fingerprint: Option<Fingerprint>,
    pub body: T,
}

/// A command of a caller.
pub struct Submission {
    caller: Caller,
    key: Option<Key>,
}

impl<T> Command<T> {
    /// The fields, and the command as this caller's.
    pub fn by(self, caller: Caller) -> (T, Submission) {
        let Self { key, fingerprint, body } = self;
        let key = key.bind(&caller.actor, caller.wallet, fingerprint);
        (body, Submission { caller, key })
    }
}

impl Submission {
    /// Executes a payment, or previews it. A payment that is to be booked counts against the wallet's limit.
    pub async fn pay(
        self,
        payments: &dyn Payments,
        payment: Payment,
        dry_run: DryRun,
    ) -> Result<Executed, ApiError> {
        let Self { caller, key } = self;
        let mode = if dry_run.optional()?.is_some_and(|flag| flag.0) {
            Mode::DryRun(caller.actor.clone())
        } else {
            caller.admit_move()?;
            Mode::Book(caller.booking(key))
        };
        let refusals = mode.refusals();
        let outcome = payments.execute(Order { wallet: caller.wallet, payment }, mode).await?;
        caller.settle(refusals, outcome)
    }

    /// Changes the wallet's status.
    pub async fn change_status(
        self,
        accounts: &dyn Accounts,
        order: StatusOrder,
    ) -> Result<(OwnedWallet, Executed), ApiError> {
        let Self { caller, key } = self;
        let booking = caller.booking(key);
        let refusals = Some(booking.refusals);
        let (of, outcome) = accounts.change_status(caller.wallet, order, booking).await?;
        Ok((of, caller.settle(refusals, outcome)?))
    }
}

impl<'a, T: Payload> ApiExtractor<'a> for Command<T> {
    const TYPES: &'static [ApiExtractorType] =
        &[ApiExtractorType::Parameter, ApiExtractorType::RequestObject];
    type ParamType = String;
    type ParamRawType = String;

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(IdempotencyKey::schema())
    }

    fn request_meta() -> Option<MetaRequest> {
        T::request_meta()
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let key = IdempotencyKey::read(request)?;
        let (body, fingerprint) = T::read(request).await?;
        Ok(Self { key, fingerprint, body })
    }
}
