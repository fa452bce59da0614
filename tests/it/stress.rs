//! The relay under a stress that counts: several posting loops book at full speed while single backends of Postgres and the
//! relaying process stand still at random moments, commits are slow, and the log of Postgres is always full. After each
//! round every entry is in the topic, in order, and none was published late.
//!
//! `STRESS_ROUNDS` asks for more than the suite has time for; `STRESS_SEED` for the same choices again.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wallet::{
    kernel::ids::WalletId,
    ledger::{
        audit::audit,
        posting::{LoopSettings, PostingLoop, store},
    },
};

use super::{
    model::random::Random,
    support::{
        database::{deposit_without_its_commit, insert_wallets},
        operations::{Expecting, NotPosted, deposit, settings, transfer},
        own_server::OwnServer,
        process::Server,
        service::Service,
        stall::stall,
        topic::everything_is_published,
        topic_audit::audited,
        wait::until,
    },
};

/// The largest batch of each posting loop. Each stands for a process of its own, with wallets of its own, so that their
/// batches run side by side. Small ones are at their end soon after they took a position, large ones are cut by nearly every
/// position that the relay notes.
const BATCH_MAX: [usize; 4] = [4, 12, 24, 256];
const LOOPS: usize = BATCH_MAX.len();
const WALLETS_EACH: usize = 60;
/// Of each loop: what shares its batches.
const CLIENTS_EACH: usize = 50;
/// Of each client in a round.
const OPERATIONS_EACH: usize = 20;
/// After this a slow machine is content with …
const ROUND_TIME: Duration = Duration::from_secs(10);
/// … so many operations of all clients together, which it must have done …
const ENOUGH: usize = 200;
/// … by then.
const ROUND_LIMIT: Duration = Duration::from_secs(120);
const ROUNDS: u64 = 3;

/// Slow commits, one after another.
const SLOW_COMMITS: &str = "\
alter system set commit_delay = 1000;
alter system set commit_siblings = 0;
alter system set autovacuum_naptime = '1s';
select pg_reload_conf()";

/// Fills the buffers of the log now and then: who writes a record has to wait for others' pages first, also in the middle of
/// taking a position from its sequence.
const FULL_LOG: &str = "select pg_logical_emit_message(false, 'stress', repeat('x', 100000))";

/// What Postgres does beside.
const UPKEEP: &str = "checkpoint; vacuum entries; vacuum wallets; vacuum transactions";

/// Whom the stalls hit, as a query for pids.
const BACKENDS: [&str; 3] = [
    "select pid from pg_stat_activity where application_name = 'wallet posting loop'",
    "select pid from pg_stat_activity where application_name = 'wallet relay'",
    "select pid from pg_stat_activity where backend_type in ('walwriter', 'background writer', 'checkpointer')",
];

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_entry_is_lost_on_its_way_to_the_topic_whatever_stands_still() {
    let seed = number("STRESS_SEED", Uuid::new_v4().as_u64_pair().0);
    println!("STRESS_SEED={seed}");
    let mut random = Random::new(seed);
    let postgres = OwnServer::postgres().await;
    let url = postgres.address().to_owned();
    run(&mut connect(&url).await, SLOW_COMMITS).await;
    let service = Service::of(1, &[("DATABASE_URL", &url)]).await;
    let mut wallets = insert_wallets(&url, u32::try_from(LOOPS * WALLETS_EACH).unwrap() + 1).await;
    let slow = wallets.pop().expect("one more");
    let loops: Vec<PostingLoop> = BATCH_MAX
        .map(|batch_max| PostingLoop::start(LoopSettings { batch_max, ..settings(&url) }, Arc::default()))
        .into();
    // Every loop is connected before the trouble begins.
    for (n, posting_loop) in loops.iter().enumerate() {
        until("the first deposit", Duration::from_secs(30), async || {
            posting_loop.book(deposit(wallets[n * WALLETS_EACH], 100)).await.ok()
        })
        .await;
    }
    for round in 0..number("STRESS_ROUNDS", ROUNDS) {
        let stop = CancellationToken::new();
        let trouble = make_trouble(&url, &service.servers[0], slow, &mut random, &stop);
        let decided = book(&loops, &wallets, &mut random).await;
        stop.cancel();
        trouble.join_all().await;
        compare(&service, round, decided).await;
    }
    let findings = audit(&url).await.expect("the audit");
    assert!(findings.is_empty(), "the books are broken: {findings:#?}");
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("Postgres")
}

/// Runs statements one after another, outside of a transaction.
async fn run(conn: &mut PgConnection, statements: &str) {
    for statement in statements.split(';') {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await.expect(statement);
    }
}

/// Books at full speed, and counts the operations that were decided.
async fn book(loops: &[PostingLoop], wallets: &[WalletId], random: &mut Random) -> usize {
    let (mut clients, began, total) = (JoinSet::new(), Instant::now(), Arc::new(AtomicUsize::new(0)));
    for client in 0..LOOPS * CLIENTS_EACH {
        let (number, mut random) = (client % LOOPS, Random::new(random.next()));
        let (posting_loop, all, total) = (loops[number].clone(), wallets.to_vec(), Arc::clone(&total));
        clients.spawn(async move {
            let own = &all[number * WALLETS_EACH..][..WALLETS_EACH];
            let mut answered = 0;
            let is_over = || began.elapsed() > ROUND_TIME && total.load(Ordering::Relaxed) >= ENOUGH;
            while answered < OPERATIONS_EACH && !is_over() {
                assert!(began.elapsed() < ROUND_LIMIT, "money does not move");
                let from = own[random.below(own.len())];
                // Now and then a batch has to wait for one of another process.
                let payees = if random.percent(2) { &all } else { own };
                let to = payees[random.below(payees.len())];
                let operation = match random.percent(40) || to == from {
                    true => deposit(from, 100),
                    false => transfer(from, to, 1),
                };
                match posting_loop.book(operation).await {
                    Ok(_) | Err(NotPosted::Refused { .. }) => {
                        answered += 1;
                        total.fetch_add(1, Ordering::Relaxed);
                    }
                    // Given up for want of time: another is asked for.
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }
    clients.join_all().await;
    total.load(Ordering::Relaxed)
}

/// Lets processes stand still, one of each kind at a time, and has Postgres checkpoint and vacuum, until `stop`.
fn make_trouble(
    url: &str,
    server: &Server,
    slow: WalletId,
    random: &mut Random,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut trouble = JoinSet::new();
    for backends in BACKENDS {
        let (url, stop, mut random) = (url.to_owned(), stop.clone(), Random::new(random.next()));
        trouble.spawn(async move {
            let mut conn = connect(&url).await;
            while !stop.is_cancelled() {
                let pids: Vec<i32> = sqlx::query_scalar(backends).fetch_all(&mut conn).await.expect("pids");
                if !pids.is_empty() {
                    let pid = pids[random.below(pids.len())];
                    stall(i64::from(pid), millis(&mut random, 250)).await;
                }
                sleep(millis(&mut random, 40)).await;
            }
        });
    }
    let (pid, until, mut chance) = (i64::from(server.id()), stop.clone(), Random::new(random.next()));
    trouble.spawn(async move {
        while !until.is_cancelled() {
            stall(pid, millis(&mut chance, 250)).await;
            sleep(millis(&mut chance, 250)).await;
        }
    });
    trouble.spawn(book_slowly(url.to_owned(), slow, Random::new(random.next()), stop.clone()));
    trouble.spawn(again_and_again(url.to_owned(), FULL_LOG, Duration::from_millis(20), stop.clone()));
    trouble.spawn(again_and_again(url.to_owned(), UPKEEP, Duration::from_millis(300), stop.clone()));
    trouble
}

/// Batches of one deposit that take their time between their positions and their commit; every fourth is rolled back.
async fn book_slowly(url: String, wallet: WalletId, mut random: Random, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mut batch = deposit_without_its_commit(&url, wallet, 1, true).await;
        sleep(millis(&mut random, 200)).await;
        let end = if random.percent(25) { "rollback" } else { "commit" };
        store::control(&mut batch, end).await.expect(end);
    }
}

/// Runs statements until `stop`, with a pause.
async fn again_and_again(url: String, statements: &str, pause: Duration, stop: CancellationToken) {
    let mut conn = connect(&url).await;
    while !stop.is_cancelled() {
        run(&mut conn, statements).await;
        sleep(pause).await;
    }
}

fn millis(random: &mut Random, at_most: usize) -> Duration {
    Duration::from_millis(1 + random.below(at_most) as u64)
}

/// Counts entries against messages, version by version.
async fn compare(service: &Service, round: u64, decided: usize) {
    let mut conn = connect(&service.settings["DATABASE_URL"]).await;
    everything_is_published(&mut conn).await;
    let entries: i64 =
        sqlx::query_scalar("select count(*) from entries").fetch_one(&mut conn).await.expect("the entries");
    let [money, status] = audited(&service.settings).await;
    println!("round {round}: {decided} operations decided, {entries} entries in all, {:?}", money.counts);
    for topic in [&money, &status] {
        assert!(topic.findings.is_empty(), "round {round}: {:#?}", topic.findings);
        assert_eq!(topic.waiting, 0);
    }
    assert_eq!(money.counts.messages - money.counts.repeats, u64::try_from(entries).unwrap());
    let metrics =
        crate::support::client::get(format!("{}/metrics", service.servers[0].base)).await.expect("metrics");
    let metrics = metrics.text().await.expect("metrics");
    let late = metrics
        .lines()
        .find(|line| line.starts_with("wallet_relay_late_rows_total") && !line.ends_with(" 0"));
    assert_eq!(late, None, "a row was published late");
}
