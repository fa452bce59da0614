//! The wiring: each combination of buses and caches is built as the service builds it, and every face is there.

use std::{collections::HashSet, sync::Arc};

use shaku::HasComponent;
use uuid::Uuid;
use wallet::{
    accounts::{Accounts, Booking},
    app::{bootstrap, module},
    cache::BalanceCache,
    config::Config,
    db::Database,
    events::bus::EventBus,
    identity::{Identity, Subject, Tokens},
    kernel::{
        actor::Actor,
        clock::Clock,
        ids::{CustomerXid, ReferenceId},
        money::Amount,
    },
    ledger::{Action, Ledger, Refusals},
    payments::{Mode, Order, Payment, Payments},
};

use crate::support::{
    app::settings_for,
    database::TestDatabase,
    operations::{deposit, operation},
    views::Untroubled,
    wait::until,
};

#[tokio::test]
async fn every_combination_is_wired_and_every_face_is_there() {
    let mut seen = HashSet::new();
    for (kafka, redis) in [(true, true), (true, false), (false, true), (false, false)] {
        let db = TestDatabase::create().await;
        let mut settings = settings_for(&db);
        for (name, is_there) in [("KAFKA_BROKERS", kafka), ("REDIS_URL", redis)] {
            if !is_there {
                settings.insert(name.to_owned(), String::new());
            }
        }
        let config = Config::of(&settings).expect("settings");
        let infra = bootstrap::connect(&config).expect("infrastructure");
        assert_eq!((infra.kafka.is_some(), infra.redis.is_some()), (kafka, redis));
        let freshness = Arc::clone(&infra.shared.freshness);
        let module = module::build(&config, infra);

        let bus: Arc<dyn EventBus> = module.resolve();
        let cache: Arc<dyn BalanceCache> = module.resolve();
        assert_eq!(
            (bus.name(), bus.is_durable()),
            if kafka { ("kafka", true) } else { ("in-process", false) }
        );
        assert_eq!(cache.name(), if redis { "redis" } else { "in-process" });
        bus.ping().await.expect("the bus");
        // Redis is connected in the background.
        until("the cache", std::time::Duration::from_secs(5), async || cache.ping().await.ok()).await;
        seen.insert((bus.name(), cache.name()));

        let database: Arc<dyn Database> = module.resolve();
        wallet::db::ping(database.pool()).await.expect("Postgres");
        let clock: Arc<dyn Clock> = module.resolve();
        assert!((chrono::Utc::now() - clock.now()).num_seconds().abs() < 5);

        // The services work together: identity opens a wallet, the ledger and payments post, accounts read it, the cache has it.
        let (identity, tokens): (Arc<dyn Identity>, Arc<dyn Tokens>) = (module.resolve(), module.resolve());
        let xid = CustomerXid(Uuid::new_v4());
        let principal = tokens.verify(&identity.init(xid).await.expect("a token")).expect("a principal");
        let Subject::Customer { xid: of, wallet } = principal.subject else { panic!("{principal:?}") };
        assert_eq!(of, xid);
        let ledger: Arc<dyn Ledger> = module.resolve();
        let enabled = ledger.post(operation(wallet, Action::Enable)).await.expect("an outcome");
        assert!(enabled.decision.is_ok(), "{enabled:?}");
        let deposited = ledger.post(deposit(wallet, 70)).await.expect("an outcome");
        assert!(deposited.decision.is_ok(), "{deposited:?}");
        let (accounts, payments): (Arc<dyn Accounts>, Arc<dyn Payments>) =
            (module.resolve(), module.resolve());
        let amount = Amount::try_new(30).expect("an amount");
        let reference = ReferenceId(Uuid::new_v4());
        let booking = Booking { actor: Actor::Customer(xid), key: None, refusals: Refusals::Stored };
        let order = Order { wallet, payment: Payment::Withdrawal { amount, reference } };
        let outcome = payments.execute(order, Mode::Book(booking)).await.expect("an outcome");
        assert_eq!(outcome.decision.map(|done| done.balance().version), Ok(2));
        // As if nothing waited anywhere: a read that finds nothing fills the cache.
        freshness.extend(tokio::time::Instant::now());
        let view = accounts.view(wallet, Some(2)).await.expect("a view");
        assert_eq!(cache.found(wallet).await.expect("the cache"), Some(view));
        assert_eq!(view.money.balance(), 40);
    }
    assert_eq!(seen.len(), 4);
}

/// A component is made once, and everybody who names its face gets the same one.
#[tokio::test]
async fn whoever_asks_for_a_face_gets_the_same_component() {
    let db = TestDatabase::create().await;
    let mut settings = settings_for(&db);
    settings.extend([("KAFKA_BROKERS", ""), ("REDIS_URL", "")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let config = Config::of(&settings).expect("settings");
    let module = module::build(&config, bootstrap::connect(&config).expect("infrastructure"));
    let (one, other): (Arc<dyn BalanceCache>, Arc<dyn BalanceCache>) = (module.resolve(), module.resolve());
    assert!(Arc::ptr_eq(&one, &other));
    let (one, other): (Arc<dyn EventBus>, Arc<dyn EventBus>) = (module.resolve(), module.resolve());
    assert!(Arc::ptr_eq(&one, &other));
}
