//! A database for each test, made from a migrated template; at its end the books are audited. The service under test
//! uses a role that has the rights of `wallet migrate grants` and owns nothing; the test itself is the owner.

use std::{
    process,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::sync::OnceCell;
use wallet::{
    db::migrator::{Direction, grants, migrate},
    kernel::ids::WalletId,
    ledger::{audit::audit, book::Book, posting::store},
};

use super::{operations::deposit, servers::servers};

/// A database that is removed when this is dropped.
pub struct TestDatabase {
    /// For the service.
    pub url: String,
    /// For migrations, and for statements of the test itself.
    pub owner_url: String,
    name: String,
    is_audited: bool,
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The server's URL with another database's name.
fn owner_url_of(name: &str) -> String {
    let (server, _) = servers().database_url.rsplit_once('/').expect("DATABASE_URL names a database");
    format!("{server}/{name}")
}

/// The same for the role of this process, which owns nothing.
fn url_of(name: &str) -> String {
    let url = owner_url_of(name);
    let (scheme, rest) = url.split_once("://").expect("DATABASE_URL is a URL");
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{}:{}@{host}", role(), *PASSWORD)
}

/// The role that serves in this process's tests.
fn role() -> String {
    format!("wallet_test_{}", process::id())
}

static PASSWORD: LazyLock<String> = LazyLock::new(|| uuid::Uuid::new_v4().to_string());

async fn admin(sql: String) {
    let mut conn = PgConnection::connect(&servers().database_url).await.expect("Postgres");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.expect("an administrator's statement");
}

/// A migrated database that others are copied from; made once in a process. Databases of dead processes are removed.
async fn template() -> &'static str {
    TEMPLATE
        .get_or_init(|| async {
            let mut conn = PgConnection::connect(&servers().database_url).await.expect("Postgres");
            let left = "select datname from pg_database where datname ~ '^wallet_test_[0-9]+_'";
            for row in sqlx::query(left).fetch_all(&mut conn).await.expect("databases") {
                let name: String = row.get(0);
                if is_left_over(&name) {
                    admin(format!("drop database if exists {name} with (force)")).await;
                }
            }
            let left = "select rolname::text from pg_roles where rolname ~ '^wallet_test_[0-9]+(_|$)'";
            for row in sqlx::query(left).fetch_all(&mut conn).await.expect("roles") {
                let name: String = row.get(0);
                if is_left_over(&name) {
                    // Another process of tests may be removing it, too.
                    let drop = format!("drop role if exists {name}");
                    admin(format!("do $$ begin {drop}; exception when others then null; end $$")).await;
                }
            }
            admin(format!("create role {} login password '{}'", role(), *PASSWORD)).await;
            let name = format!("wallet_test_{}_template", process::id());
            admin(format!("create database {name}")).await;
            let url = owner_url_of(&name);
            migrate(&url, Direction::Up).await.expect("migrations");
            let mut owner = PgConnection::connect(&url).await.expect("Postgres");
            grant_on(&mut owner).await;
            name
        })
        .await
}

async fn grant_on(owner: &mut PgConnection) {
    let grants = AssertSqlSafe(grants(&role()).expect("a role"));
    sqlx::raw_sql(grants).execute(owner).await.expect("grants");
}

/// Whether a database or a role was made by a process that has ended; perhaps one with the same id as this one.
fn is_left_over(name: &str) -> bool {
    let pid = name.split('_').nth(2).unwrap_or_default();
    pid == process::id().to_string() || !std::path::Path::new("/proc").join(pid).exists()
}

impl TestDatabase {
    /// A migrated database of the test's own.
    pub async fn create() -> Self {
        let template = template().await;
        Self::make(&format!(" template {template}")).await
    }

    /// A database without any table, in which the service's role has no rights.
    pub async fn empty() -> Self {
        template().await;
        Self::make("").await.unaudited()
    }

    /// A database that is made with these options, without any table.
    pub async fn with(options: &str) -> Self {
        template().await;
        Self::make(options).await.unaudited()
    }

    /// A copy, for breaking it. There must be no connection to this one.
    pub async fn copy(&self) -> Self {
        self.run(
            "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid()",
        )
        .await;
        Self::make(&format!(" template {}", self.name)).await.unaudited()
    }

    async fn make(from: &str) -> Self {
        let name = format!("wallet_test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        admin(format!("create database {name}{from}")).await;
        Self { url: url_of(&name), owner_url: owner_url_of(&name), name, is_audited: true }
    }

    /// For tests that break the books on purpose.
    pub fn unaudited(mut self) -> Self {
        self.is_audited = false;
        self
    }

    /// A connection of the owner.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.owner_url).await.expect("the test's database")
    }

    /// Gives the service's role its rights again, as after every migration.
    pub async fn grant(&self) {
        grant_on(&mut self.connect().await).await;
    }

    /// Runs statements, for tests that arrange or break things.
    pub async fn run(&self, sql: &str) {
        let mut conn = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect(sql);
    }

    /// One number out of the database.
    pub async fn number(&self, sql: &str) -> i64 {
        let mut conn = self.connect().await;
        sqlx::query_scalar(AssertSqlSafe(format!("select ({sql})::int8")))
            .fetch_one(&mut conn)
            .await
            .expect(sql)
    }

    /// Makes wallets that are enabled from the beginning, with nothing in them; ids 1, 2, 3 …
    pub async fn wallets(&self, count: u32) -> Vec<WalletId> {
        insert_wallets(&self.url, count).await
    }

    /// A deposit by a slow batch of another server: it was handed its position, and waits for `commit`.
    pub async fn deposit_that_waits(&self, wallet: WalletId, minor_units: i64) -> PgConnection {
        deposit_without_its_commit(&self.url, wallet, minor_units, true).await
    }

    /// As [`TestDatabase::deposit_that_waits`], by a batch that does not hold the log's lock, as no batch of ours does:
    /// the relay does not wait for it.
    pub async fn deposit_round_the_gate(&self, wallet: WalletId, minor_units: i64) -> PgConnection {
        deposit_without_its_commit(&self.url, wallet, minor_units, false).await
    }
}

/// Makes wallets that are enabled from the beginning, with nothing in them; ids 1, 2, 3 …
pub async fn insert_wallets(url: &str, count: u32) -> Vec<WalletId> {
    let mut conn = PgConnection::connect(url).await.expect("the test's database");
    let sql = format!(
        "insert into customers (id, xid) select lpad(n::text, 32, '0')::uuid, lpad(n::text, 32, '0')::uuid
             from generate_series(1, {count}) n;
         insert into wallets (id, customer_id, currency, status, status_version, enabled_at)
             select id, id, 'USD', 1, 1, '2026-01-01Z' from customers;
         insert into status_changes (id, wallet_id, status_version, status, frozen, actor, occurred_at)
             select id, id, 1, 1, false, 'a test', '2026-01-01Z' from wallets"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.expect("wallets");
    (1..=count).map(|n| WalletId(format!("{n:0>32}").parse().expect("a uuid"))).collect()
}

/// A deposit by a slow batch: it was handed its position, and waits for `commit`.
pub async fn deposit_without_its_commit(
    url: &str,
    wallet: WalletId,
    minor_units: i64,
    holds_the_logs_lock: bool,
) -> PgConnection {
    let mut slow = store::connect(url).await.expect("Postgres");
    store::control(&mut slow, "begin").await.expect("begun");
    let locked = store::lock(&mut slow, &[wallet]).await.expect("locked");
    let now = if holds_the_logs_lock {
        store::prior_state(&mut slow, store::PRIOR_STATE, Vec::new(), &[]).await.expect("a prior state").1
    } else {
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut slow).await.expect("the time")
    };
    let mut book = Book::new(locked.into());
    book.apply(&deposit(wallet, minor_units), now).expect("nothing is due").decision.expect("booked");
    store::write(&mut slow, &book.into_changes()).await.expect("written");
    slow
}

/// Runs work in a runtime of its own, for destructors.
pub fn on_a_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work)
    })
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        // A destructor cannot wait in the test's runtime, hence the threads. The audit is waited for. The removal is
        // not: it waits for every backend of the server, also for one whose client is a task of the runtime that
        // stands still here.
        let findings = if self.is_audited && !std::thread::panicking() {
            on_a_thread(async move { audit(&url).await.expect("the audit") })
                .join()
                .expect("the audit's thread")
        } else {
            Vec::new()
        };
        on_a_thread(admin(format!("drop database if exists {name} with (force)")));
        assert!(findings.is_empty(), "the books are broken: {findings:#?}");
    }
}
