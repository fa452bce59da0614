//! One run: the service started on a fresh database, every scenario, the audit, and the clean-up.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use super::{
    args::Args,
    bank::{self, Bank, Settled},
    fill,
    generator::{Load, offer},
    histogram_means::histogram_means,
    lag::{self, Cache, Lag},
    postgres::Postgres,
    process::{Processes, listener, memory_mib},
    report::{Costs, Freshness, Report, Row},
    request::{Wallet, Workload},
    scenario::{Due, FILLED_SCENARIOS, Operation, Pace, RELEASES, SCENARIOS, Scenario},
    server::{Published, Server, Settings, audit, migrate, rebuild_cache},
    wallets,
};

/// The servers that the environment names.
pub struct Servers {
    pub database_url: String,
    pub redis_url: String,
    pub kafka_brokers: String,
}

/// One database, and what is measured on it.
struct Stage {
    /// In the names of the database, the topics and the keys.
    name: &'static str,
    /// The number of entries that are filled in first; none: only the first deposits.
    entries: Option<u64>,
    scenarios: Vec<&'static Scenario>,
}

/// What the scenarios need.
struct Bench<'a> {
    args: &'a Args,
    postgres: &'a mut Postgres,
    server: Server,
    books: PgConnection,
    cache: Cache,
    processes: Processes,
    wallets: Vec<Wallet>,
}

/// Measures the service; what it finds goes into the report.
pub async fn service(
    args: &Args,
    servers: &Servers,
    postgres: &mut Postgres,
    report: &mut Report,
) -> Result<()> {
    let fresh = SCENARIOS.iter().filter(|scenario| scenario.quick || !args.quick);
    let filled = FILLED_SCENARIOS.iter().filter(|_| args.entries().is_some());
    let stages = [
        Stage { name: "", entries: None, scenarios: fresh.collect() },
        Stage { name: "_filled", entries: args.entries(), scenarios: filled.collect() },
    ];
    for mut stage in stages {
        stage.scenarios.retain(|scenario| args.wants(scenario.name));
        if !stage.scenarios.is_empty() {
            on_a_database(args, servers, &stage, postgres, report).await?;
        }
    }
    Ok(())
}

async fn on_a_database(
    args: &Args,
    servers: &Servers,
    stage: &Stage,
    postgres: &mut Postgres,
    report: &mut Report,
) -> Result<()> {
    let run = format!("bench_{}{}", std::process::id(), stage.name);
    let has_payouts = stage.scenarios.iter().any(|scenario| scenario.payouts.is_some());
    let bank = has_payouts.then(|| Bank::start(&args.binary)).transpose()?;
    let settings = Settings {
        database_url: postgres.create(&run).await?,
        redis_url: servers.redis_url.clone(),
        kafka_brokers: servers.kafka_brokers.clone(),
        run: run.clone(),
        bank: bank.as_ref().map(|bank| bank.address),
    };
    let mut cache = Cache::connect(&servers.redis_url, settings.redis_prefix()).await?;
    let measured = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        measured = measure(args, &settings, stage, postgres, cache.clone(), report) => measured,
    };
    // Also after a failure nothing is left behind.
    postgres.drop(&run).await?;
    cache.clear().await?;
    delete_topics(&settings).await?;
    measured
}

async fn measure(
    args: &Args,
    settings: &Settings,
    stage: &Stage,
    postgres: &mut Postgres,
    mut cache: Cache,
    report: &mut Report,
) -> Result<()> {
    migrate(&args.binary, &settings.database_url)?;
    let is_written = args.wallets > wallets::OPENED_MAX;
    if is_written {
        wallets::insert(&settings.database_url, args.wallets).await.context("writing wallets")?;
    }
    let log = |what: &str| args.out.join(format!("service{}{what}.log", stage.name));
    let mut server = Server::start(&args.binary, settings, log("")).await?;
    server.health().await?;
    println!("The service, {} wallets, {} s each:", args.wallets, args.seconds());
    let funded = stage.entries.is_none();
    let mut from = Published::default();
    let wallets = if is_written {
        wallets::signed_in(server.address, args.wallets).await
    } else {
        wallets::open(server.address, args.wallets, funded).await
    };
    let wallets = wallets.context("opening wallets")?;
    // Wallets that were written get their first deposit in the same way.
    if let Some(entries) = stage.entries.or(is_written.then_some(u64::from(args.wallets))) {
        server.stop().await?;
        let filled = fill::fill(&settings.database_url, entries, args.wallets).await.context("filling")?;
        report.filled = stage.entries.map(|_| filled);
        from = fill::published(&settings.database_url).await?;
        // What the opening has left there is older than the books now.
        cache.clear().await?;
        rebuild_cache(&args.binary, settings)?;
        server = Server::start(&args.binary, settings, log("_again")).await?;
    }
    let mut bench = Bench {
        args,
        books: PgConnection::connect(&settings.database_url).await?,
        cache,
        processes: Processes {
            server: server.pid(),
            postmaster: postgres.postmaster().await?,
            kafka: listener(port_of(&settings.kafka_brokers)),
            redis: listener(port_of(&settings.redis_url)),
        },
        postgres,
        server,
        wallets,
    };
    for scenario in &stage.scenarios {
        let row = bench.scenario(scenario, report).await.with_context(|| scenario.name.to_owned())?;
        println!(
            "  {:<19} {:>3} connections  {:>7.0}/s  p50 {:>6.2} ms  p99 {:>7.2} ms",
            row.name, row.connections, row.rate, row.p50_ms, row.p99_ms
        );
        report.problems.extend(row.problems());
        report.scenarios.push(row);
    }
    std::fs::write(args.out.join(format!("metrics{}.txt", stage.name)), bench.server.metrics().await?)?;
    bench.server.stop().await?;
    let audited = audit(&args.binary, settings, entries(&mut bench.books).await?, from)?;
    println!("  audit of {} entries and their topics: {:.1} s", audited.entries, audited.seconds);
    for topic in &audited.topics {
        println!("    {topic}");
    }
    if let Some(found) = &audited.found {
        report.problems.push(format!("the audit: {found}"));
    }
    report.audits.push(audited);
    Ok(())
}

impl Bench<'_> {
    async fn scenario(&mut self, scenario: &Scenario, report: &mut Report) -> Result<Row> {
        let rate = offered(scenario, &report.scenarios)?;
        let length = Duration::from_secs(self.args.seconds() * scenario.times);
        let host = self.server.address;
        let load = Load {
            host,
            workload: Workload::new(
                host,
                scenario.operation,
                scenario.distribution,
                self.movers(scenario.due),
            )?,
            connections: scenario.connections,
            length,
            expected_status: scenario.operation.expected_status(),
            rate,
        };
        let begins_at = self.prepare_due(scenario.due).await?;
        let entries = entries(&mut self.books).await?;
        self.postgres.checkpoint().await?;
        if let Some(begins_at) = begins_at {
            sleep((begins_at - Utc::now()).to_std().context("the releases are due too early")?).await;
        }
        let probes = (rate.is_some() && scenario.operation.writes()).then(|| {
            // The last wallet is as busy as any other.
            let wallet = self.wallets.last().cloned();
            let cache = self.cache.clone();
            tokio::task::spawn_local(async move {
                lag::probe(host, wallet.context("no wallet")?, cache, length).await
            })
        });
        let (metrics, wal, cpu) =
            (self.server.metrics().await?, self.postgres.wal_bytes().await?, self.processes.cpu());
        let payouts = self.payouts(scenario, length)?;
        let settled = bank::settled(&mut self.books).await?;
        let (measured, requested) = tokio::join!(offer(load), async {
            match payouts {
                Some(payouts) => offer(payouts).await.map(Some),
                None => Ok(None),
            }
        });
        let (measured, requested) = (measured?, requested?);
        if let (Some(payouts), Some(requested)) = (scenario.payouts, requested) {
            let ended = bank::settled(&mut self.books).await? - settled;
            let (name, offered) = (payouts.name, payouts.rate);
            let (rate, rest_ms) = (ended as f64 / requested.seconds, bank::rest(&mut self.books).await?);
            println!(
                "  {name:<19} {:>7.0}/s  p50 {:>6.2} ms  p99 {:>7.2} ms, settled {rate:.0}/s, the rest {} ms later",
                requested.rate(),
                requested.millis(50.0),
                requested.millis(99.0),
                rest_ms.map_or("not".to_owned(), |rest| format!("{rest:.0}")),
            );
            let p99_ms = requested.millis(99.0);
            report.payouts.push(Settled {
                name,
                offered,
                requested: requested.rate(),
                p99_ms,
                rate,
                rest_ms,
            });
        }
        let lag = if scenario.operation.writes() {
            lag::measure(&self.server, &mut self.books, &mut self.cache).await?
        } else {
            Lag { topic_behind_ms: 0.0, refresher_behind_ms: 0.0, cache_caught_up_ms: Some(0.0) }
        };
        // With what topic and cache did after the load had ended: it belongs to the load.
        let costs = Costs {
            entries,
            cpu: self.processes.cpu().since(&cpu),
            wal_bytes: self.postgres.wal_bytes().await? - wal,
            memory_mib: memory_mib(self.server.pid()),
            service_means: histogram_means(&metrics, &self.server.metrics().await?),
        };
        if let Some(probes) = probes {
            let found = probes.await??;
            let millis = |micros: u64| micros as f64 / 1_000.0;
            let freshness = Freshness {
                probes: found.len(),
                p50_ms: millis(found.value_at_quantile(0.5)),
                p99_ms: millis(found.value_at_quantile(0.99)),
                max_ms: millis(found.max()),
            };
            report.problems.extend(freshness.problem());
            report.freshness = Some(freshness);
        }
        Ok(Row::new(scenario, rate, &measured, costs, lag))
    }

    /// The payouts beside a scenario.
    fn payouts(&self, scenario: &Scenario, length: Duration) -> Result<Option<Load>> {
        let Some(payouts) = scenario.payouts else { return Ok(None) };
        let (host, operation) = (self.server.address, Operation::Payout);
        Ok(Some(Load {
            host,
            workload: Workload::new(host, operation, scenario.distribution, &self.wallets)?,
            connections: PAYOUT_CONNECTIONS,
            length,
            expected_status: operation.expected_status(),
            rate: Some(f64::from(payouts.rate)),
        }))
    }

    /// The wallets of the load: where something becomes due, only those of which nothing does.
    fn movers(&self, due: Due) -> &[Wallet] {
        match due {
            Due::Nothing => &self.wallets,
            Due::Later | Due::ManyWallets | Due::OneWallet => &self.wallets[..self.wallets.len() / 2],
        }
    }

    /// Deposits what becomes due; answers when the measurement begins.
    async fn prepare_due(&self, due: Due) -> Result<Option<DateTime<Utc>>> {
        let (_, others) = self.wallets.split_at(self.wallets.len() / 2);
        let wallets = match due {
            Due::Nothing => return Ok(None),
            Due::Later | Due::ManyWallets => others,
            Due::OneWallet => &others[..1],
        };
        let soon = Utc::now() + UNTIL_DUE;
        let due_at = if due == Due::Later { soon + LATER } else { soon };
        let each = wallets.iter().cycle().take(RELEASES);
        wallets::deposit_until(self.server.address, each, &due_at.to_rfc3339()).await?;
        Ok(Some(soon - BEFORE_DUE))
    }
}

/// The number of connections over which payouts are requested.
const PAYOUT_CONNECTIONS: usize = 64;
/// How long after they were asked for releases become due: they are deposited, and a checkpoint is made, in this time.
const UNTIL_DUE: TimeDelta = TimeDelta::seconds(20);
/// How much later those become due that do not become so in the run.
const LATER: TimeDelta = TimeDelta::days(1);
/// How long before releases become due the measurement begins.
const BEFORE_DUE: TimeDelta = TimeDelta::seconds(1);

/// How many entries there are, without counting them.
async fn entries(books: &mut PgConnection) -> Result<i64> {
    let sql = "select case when is_called then last_value else 0 end from entries_position_seq";
    Ok(sqlx::query_scalar(sql).fetch_one(books).await?)
}

/// The rate of an open loop, from the peaks so far.
fn offered(scenario: &Scenario, so_far: &[Row]) -> Result<Option<f64>> {
    let Pace::ShareOfPeak(percent) = scenario.pace else { return Ok(None) };
    let alike = so_far.iter().filter(|row| {
        row.operation == scenario.operation.as_str()
            && row.distribution == scenario.distribution.as_str()
            && row.offered.is_none()
    });
    let peak = alike.map(|row| row.rate).max_by(f64::total_cmp);
    let peak = peak.context("needs a peak of the same operation and distribution before it")?;
    ensure!(peak > 0.0, "nothing was answered at the peak");
    Ok(Some(peak * f64::from(percent) / 100.0))
}

/// The port of `host:port,…` or of a URL.
fn port_of(address: &str) -> u16 {
    let first = address.split(',').next().unwrap_or_default();
    let rest = first.split_once("://").map_or(first, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0)
}

async fn delete_topics(settings: &Settings) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &settings.kafka_brokers).create()?;
    let topics = settings.topics();
    let dead = topics.clone().map(|topic| format!("{topic}.dlq"));
    let all: Vec<&str> = topics.iter().chain(&dead).map(String::as_str).collect();
    // One that was never made is no trouble.
    let _each = admin.delete_topics(&all, &AdminOptions::new()).await.context("KAFKA_BROKERS")?;
    Ok(())
}
