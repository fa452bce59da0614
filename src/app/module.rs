//! The wiring: which component serves which face.

use shaku::module;

use super::bootstrap::{Infra, Shared};
use crate::{
    adapters::{
        clock::SystemClock,
        in_process::{InProcessBus, InProcessCache, InProcessCounts},
        jwt::{JwtKeys, JwtTokens, JwtTokensParameters},
    },
    cache::BalanceCache,
    config::Config,
    db::{PgDatabase, PgDatabaseParameters},
    events::bus::EventBus,
    identity::IdentityService,
    ledger::{LedgerService, LedgerServiceParameters},
    limits::SharedCounts,
    wallet::{CacheFiller, Recipients, WalletService, WalletServiceParameters},
};

module! {
    pub AppModule {
        components = [
            // Postgres.
            PgDatabase,
            // The outside world; Kafka and Redis take the place of what is in-process when they are configured.
            SystemClock, JwtTokens, InProcessBus, InProcessCache, InProcessCounts,
            // The faces of the domain rooms.
            LedgerService, WalletService, CacheFiller, IdentityService,
        ],
        providers = []
    }
}

/// Builds the module from what was connected.
#[must_use]
pub fn build(config: &Config, infra: Infra) -> AppModule {
    let Shared { db, internal_db, posting_loop, freshness, .. } = infra.shared;
    let mut builder = AppModule::builder()
        .with_component_parameters::<PgDatabase>(PgDatabaseParameters {
            connection: db,
            internal_pool: internal_db,
        })
        .with_component_parameters::<JwtTokens>(JwtTokensParameters {
            keys: JwtKeys::new(&config.jwt_secret, config.jwt_ttl_seconds),
        })
        .with_component_parameters::<LedgerService>(LedgerServiceParameters { posting_loop })
        .with_component_parameters::<WalletService>(WalletServiceParameters {
            freshness,
            currency: config.default_currency,
            transfer_fee_bps: config.transfer_fee_bps,
            recipients: Recipients::default(),
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
