//! The wiring: which component implements which trait.

use std::sync::Arc;

use shaku::module;

use super::bootstrap::{Infra, Shared};
use crate::{
    accounts::{AccountsService, AccountsServiceParameters, CacheFiller},
    adapters::{
        clock::SystemClock,
        in_process::{InProcessBus, InProcessCache, InProcessCounts},
        jwt::{JwtKeys, JwtTokens, JwtTokensParameters},
    },
    cache::BalanceCache,
    config::{AppEnv, Config},
    db::{PgDatabase, PgDatabaseParameters},
    events::bus::EventBus,
    identity::{
        IdentityService, IdentityServiceParameters, Lifetime, RevocationTtl, SessionsService,
        SessionsServiceParameters, UsersService, UsersServiceParameters,
    },
    ledger::{LedgerService, LedgerServiceParameters},
    limits::SharedCounts,
    payments::{PaymentsService, PaymentsServiceParameters, Recipients},
    payouts::{PayoutsService, PayoutsServiceParameters},
};

/// The maximum of `ACCESS_TTL`, whatever it is now: tokens live on that were issued before it was lowered.
const SESSION_REVOCATION_SECONDS: i64 = 24 * 60 * 60;
/// The maximum of `JWT_TTL` in production.
const CUSTOMER_REVOCATION_SECONDS: i64 = 30 * 24 * 60 * 60;

module! {
    pub AppModule {
        components = [
            // Postgres.
            PgDatabase,
            // Clock, tokens, bus, cache and counts; Kafka and Redis replace the in-process ones when they are configured.
            SystemClock, JwtTokens, InProcessBus, InProcessCache, InProcessCounts,
            // The services of the domain rooms.
            LedgerService, AccountsService, PaymentsService, PayoutsService, CacheFiller, IdentityService,
            UsersService, SessionsService,
        ],
        providers = []
    }
}

/// Builds the module from the clients of the servers.
#[must_use]
pub fn build(config: &Config, infra: Infra) -> AppModule {
    let Shared { db, internal_db, posting_loop, freshness, payout_queue, hasher, revocations, .. } =
        infra.shared;
    let mut builder = AppModule::builder()
        .with_component_parameters::<PgDatabase>(PgDatabaseParameters {
            pool: db,
            internal_pool: internal_db,
        })
        .with_component_parameters::<JwtTokens>(JwtTokensParameters { keys: jwt_keys(config) })
        .with_component_parameters::<IdentityService>(IdentityServiceParameters {
            revocations: Arc::clone(&revocations),
        })
        .with_component_parameters::<SessionsService>(SessionsServiceParameters {
            hasher: Arc::clone(&hasher),
            revocations: Arc::clone(&revocations),
            lifetime: Lifetime {
                token: seconds(config.refresh_ttl_seconds),
                session: seconds(config.session_ttl_seconds),
                revocation: SESSION_REVOCATION_SECONDS,
            },
        })
        .with_component_parameters::<UsersService>(UsersServiceParameters {
            hasher,
            revocations,
            verifies_at_once: config.app_env == AppEnv::Development,
            revocation_ttl: RevocationTtl {
                session: SESSION_REVOCATION_SECONDS,
                customer: seconds(config.jwt_ttl_seconds).max(CUSTOMER_REVOCATION_SECONDS),
            },
        })
        .with_component_parameters::<LedgerService>(LedgerServiceParameters { posting_loop })
        .with_component_parameters::<AccountsService>(AccountsServiceParameters {
            freshness: Arc::clone(&freshness),
            currency: config.default_currency,
        })
        .with_component_parameters::<PayoutsService>(PayoutsServiceParameters { queue: payout_queue })
        .with_component_parameters::<PaymentsService>(PaymentsServiceParameters {
            freshness,
            recipients: Recipients::default(),
            transfer_fee_bps: config.transfer_fee_bps,
        });
    if let Some(redis) = infra.redis {
        builder = builder.with_component_override::<dyn SharedCounts>(Box::new(redis.counts()));
        builder = builder.with_component_override::<dyn BalanceCache>(Box::new(redis));
    }
    if let Some(kafka) = infra.kafka {
        builder = builder.with_component_override::<dyn EventBus>(Box::new(kafka));
    }
    builder.build()
}

/// The keys of access tokens.
pub(super) fn jwt_keys(config: &Config) -> JwtKeys {
    JwtKeys::new(&config.jwt_secret, config.jwt_ttl_seconds, config.access_ttl_seconds)
}

fn seconds(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
