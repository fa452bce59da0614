//! A loop whose machine and whose Postgres have different times.

use std::{
    io::{self, BufRead, BufReader},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::oneshot;
use wallet::{
    adapters::clock::SystemClock,
    kernel::clock::{Clock, Timestamp},
    ledger::{
        LedgerError,
        audit::audit,
        posting::{BatchClock, LoopSettings, PostingLoop},
    },
};

use super::support::{
    app::settings_for,
    database::TestDatabase,
    operations::{Expecting, NotPosted, deposit, settings, transfer},
    process::command,
};

const MINUTE: i64 = 60;
const YEAR: i64 = 365 * 86_400;

/// The machine's clocks, each off by some seconds.
#[derive(Default)]
struct Off {
    wall: AtomicI64,
    since_boot: AtomicI64,
}

impl Off {
    fn set(&self, wall: i64, since_boot: i64) {
        self.wall.store(wall, Ordering::Relaxed);
        self.since_boot.store(since_boot, Ordering::Relaxed);
    }
}

impl Clock for Off {
    fn now(&self) -> Timestamp {
        SystemClock.now() + TimeDelta::seconds(self.wall.load(Ordering::Relaxed))
    }

    fn since_boot(&self) -> Duration {
        let seconds = self.since_boot.load(Ordering::Relaxed);
        SystemClock.since_boot() + Duration::from_secs(seconds.try_into().expect("not negative"))
    }
}

fn start(db: &TestDatabase, clock: &Arc<Off>) -> PostingLoop {
    let clock = BatchClock::database(Arc::clone(clock) as Arc<dyn Clock>);
    PostingLoop::start(LoopSettings { clock, ..settings(&db.url) }, Arc::default())
}

/// What the log says, line by line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn count(&self, words: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(words)).count()
    }
}

#[tokio::test]
async fn batches_are_refused_while_postgres_is_far_from_every_clock_of_the_machine() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    // With a single subscriber `tracing` asks only the thread that passes a line first, which may be another
    // test's thread.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _metrics = metrics::set_default_local_recorder(&recorder);

    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let off = Arc::new(Off::default());
    let posting_loop = start(&db, &off);
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    // The wall clock is wrong alone: what the last batch and the time since then give is enough.
    off.set(-YEAR, 0);
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    // Postgres has jumped, by both clocks.
    off.set(-YEAR, 2 * MINUTE);
    for _ in 0..3 {
        assert_eq!(
            posting_loop.book(deposit(wallet, 1)).await,
            Err(NotPosted::Failed(LedgerError::Unavailable))
        );
    }
    assert_eq!(db.number("select count(*) from entries").await, 2);
    let outage = ["can't be believed", "believed again"].map(|words| lines.count(words));
    assert_eq!(outage, [1, 0]);
    assert!(metrics.render().contains("wallet_batches_refused_by_clock_total 3"), "{}", metrics.render());
    // The wall clock's agreement is enough to go on.
    off.set(0, 2 * MINUTE);
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    let outage = ["can't be believed", "believed again"].map(|words| lines.count(words));
    assert_eq!(outage, [1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_word_reaches_every_process_that_refuses() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let off = Arc::new(Off::default());
    off.set(10 * MINUTE, 0);
    let loops = [start(&db, &off), start(&db, &off)];
    for posting_loop in &loops {
        assert_eq!(
            posting_loop.book(deposit(wallet, 1)).await,
            Err(NotPosted::Failed(LedgerError::Unavailable))
        );
    }
    let arguments = ["books", "accept-clock", "--actor", "ann", "--reason", "NTP is down here"];
    let accepted = command(&settings_for(&db), &arguments).output().expect("the command");
    assert!(accepted.status.success(), "{accepted:?}");
    for posting_loop in &loops {
        posting_loop.book(deposit(wallet, 1)).await.unwrap();
    }
    let kept = "select count(*) from clock_acceptances where (actor, reason) = ('ann', 'NTP is down here')";
    assert_eq!(db.number(kept).await, 1);
    // A word that is older than a day holds no more; a process that was told goes on by its own count.
    db.run("alter table clock_acceptances disable trigger all; update clock_acceptances set accepted_at = now() - interval '25 h'")
        .await;
    loops[0].book(deposit(wallet, 1)).await.unwrap();
    assert_eq!(
        start(&db, &off).book(deposit(wallet, 1)).await,
        Err(NotPosted::Failed(LedgerError::Unavailable))
    );
}

#[tokio::test]
async fn a_wallet_dated_a_year_ahead_dates_nobody_else_and_the_audit_names_it() {
    // Its books are broken on purpose.
    let db = TestDatabase::create().await.unaudited();
    let wallets = db.wallets(3).await;
    db.run("update wallets set last_entry_at = now() + interval '1 year' where id::text like '%01'").await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    for wallet in &wallets {
        posting_loop.book(deposit(*wallet, 100)).await.unwrap();
    }
    for (from, to) in [(0, 1), (1, 2), (2, 0), (1, 0), (0, 2)] {
        posting_loop.book(transfer(wallets[from], wallets[to], 10)).await.unwrap();
    }
    let ahead = |of: &str| format!("select count(*) from {of} > now() + interval '1 day'");
    assert_eq!(db.number(&ahead("entries where wallet_id::text not like '%01' and occurred_at")).await, 0);
    assert_eq!(db.number(&ahead("entries where wallet_id::text like '%01' and occurred_at")).await, 5);
    assert_eq!(
        db.number(&ahead("transactions where wallet_id::text not like '%01' and created_at")).await,
        0
    );
    let findings = audit(&db.url).await.unwrap();
    let [finding] = &findings[..] else { panic!("{findings:#?}") };
    assert_eq!((finding.sentence, finding.rows.len()), ("no entry is dated in the future", 5));
    assert!(
        finding.rows.iter().all(|row| row.starts_with("wallet 00000000-0000-0000-0000-000000000001, entry "))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_finds_a_date_in_the_future_warns_at_its_start_and_serves() {
    // Its books are broken on purpose.
    let db = TestDatabase::create().await.unaudited();
    let wallet = db.wallets(1).await[0];
    db.run("update wallets set last_entry_at = now() + interval '1 year'").await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallet, 100)).await.unwrap();
    let mut settings = settings_for(&db);
    settings.extend([("KAFKA_BROKERS", ""), ("REDIS_URL", "")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let mut command = command(&settings, &["serve"]);
    let mut service = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the service");
    let log = BufReader::new(service.stderr.take().expect("its log"));
    let output = BufReader::new(service.stdout.take().expect("its output"));
    let warned = read_until(log, "an entry is dated in the future");
    let listens = read_until(output, "listening on ");
    let both =
        tokio::time::timeout(Duration::from_secs(30), async { tokio::try_join!(warned, listens) }).await;
    service.kill().expect("killed");
    service.wait().expect("ended");
    let (warned, _) = both.expect("it says so in time").expect("read");
    assert!(warned.is_some_and(|line| line.contains("WARN") && line.contains(&wallet.to_string())));
}

/// The first line with these words; what follows is read, too, so that nobody waits for a reader.
fn read_until(
    lines: impl BufRead + Send + 'static,
    words: &'static str,
) -> impl Future<Output = Result<Option<String>, oneshot::error::RecvError>> {
    let (found, line) = oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = lines.lines().map_while(Result::ok);
        let _ = found.send(lines.find(|line| line.contains(words)));
        lines.for_each(drop);
    });
    line
}
