//! `wallet audit`.

use anyhow::{Context, bail};
use clap::Args;

use super::{bootstrap, output};
use crate::{
    accounts::{CACHE_RULES, CacheAudited},
    adapters::kafka::KafkaTopicReader,
    config::Config,
    events::audit::{self as topic_audit, TopicAudit, TopicAudited, audit_topic},
    kernel::finding::Finding,
    ledger::{audit, log::Log},
};

/// What is audited beside the books.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct AuditArgs {
    /// Read both topics from their beginning to their end and compare them with the books.
    #[arg(long)]
    topic: bool,
    /// Compare every view in Redis with the books.
    #[arg(long)]
    cache: bool,
    /// Entries up to this position are not expected in the topic, because it was made after them.
    #[arg(long, value_name = "POSITION", default_value_t = 0, requires = "topic")]
    entries_from: i64,
    /// The same for the log of status changes.
    #[arg(long, value_name = "POSITION", default_value_t = 0, requires = "topic")]
    status_changes_from: i64,
}

/// Audits the books, and topics and cache as the arguments say; fails when a rule is broken, after naming the rows.
pub(super) async fn run(config: &Config, args: AuditArgs) -> anyhow::Result<()> {
    if args.cache && config.redis_url.is_none() {
        bail!("REDIS_URL is empty: only the process that serves has a cache");
    }
    if args.topic && config.kafka_brokers.is_none() {
        bail!("KAFKA_BROKERS is empty: the in-process bus keeps no topic that could be audited");
    }
    let findings = audit::audit(&config.database_url).await.context("cannot audit")?;
    if findings.is_empty() {
        output::line(format_args!("the books are whole: {} rules hold", audit::RULES.len()))?;
    }
    let (mut rules, mut broken) = (audit::RULES.len(), print(&findings)?);
    if args.topic {
        for (topic, audited) in topics(config, args.entries_from, args.status_changes_from).await? {
            describe(&topic, &audited)?;
            rules += topic_audit::RULES.len();
            broken += print(&audited.findings)?;
        }
    }
    if args.cache {
        let audited = super::cache::audit(config).await?;
        describe_cache(&audited)?;
        rules += CACHE_RULES.len();
        broken += print(&audited.findings)?;
    }
    if broken > 0 {
        bail!("{broken} of {rules} rules are broken");
    }
    Ok(())
}

/// Compares both topics with the books; rows up to the given positions of each log are not missed.
pub async fn topics(
    config: &Config,
    entries_from: i64,
    status_changes_from: i64,
) -> anyhow::Result<Vec<(String, TopicAudited)>> {
    let settings = bootstrap::kafka_settings(config)?.context("KAFKA_BROKERS is empty")?;
    let group = format!("{}-audit", config.kafka_group_prefix);
    let reader = KafkaTopicReader::new(settings, group);
    let mut all = Vec::new();
    for (log, topic, from) in [
        (Log::Entries, &config.topics.transactions, entries_from),
        (Log::StatusChanges, &config.topics.status, status_changes_from),
    ] {
        let asked = TopicAudit { database_url: &config.database_url, log, topic, from };
        let audited =
            audit_topic(&reader, asked).await.with_context(|| format!("cannot audit the topic {topic}"))?;
        all.push((topic.clone(), audited));
    }
    Ok(all)
}

/// Prints the findings, and answers how many there are.
fn print(findings: &[Finding]) -> anyhow::Result<usize> {
    for finding in findings {
        output::line(finding)?;
    }
    Ok(findings.len())
}

fn describe(topic: &str, audited: &TopicAudited) -> anyhow::Result<()> {
    let TopicAudited { counts, wallets, waiting, .. } = audited;
    let verdict =
        if audited.findings.is_empty() { "and the books agree" } else { "and the books do not agree" };
    output::line(format_args!(
        "the topic {topic} {verdict}: {} messages of {wallets} wallets, {} of them repeats; {waiting} rows wait beyond the relay's cursor",
        counts.messages, counts.repeats
    ))?;
    if counts.superseded > 0 {
        output::line(format_args!(
            "  {} messages are of a generation before the books were restored",
            counts.superseded
        ))?;
    }
    if audited.from > 0 {
        output::line(format_args!("  rows up to position {} are not expected in it", audited.from))?;
    }
    if audited.begin_later_count > 0 {
        let named = audited.begin_later.iter().map(|(wallet, version)| format!("{wallet} at {version}"));
        output::line(format_args!(
            "  the check of {} wallets begins after version 1: {}{}",
            audited.begin_later_count,
            named.collect::<Vec<_>>().join(", "),
            if audited.begin_later_count > audited.begin_later.len() { " …" } else { "" }
        ))?;
    }
    Ok(())
}

fn describe_cache(audited: &CacheAudited) -> anyhow::Result<()> {
    let CacheAudited { findings, views, behind, absent } = audited;
    let verdict = if findings.is_empty() { "and the books agree" } else { "and the books do not agree" };
    output::line(format_args!(
        "the cache {verdict}: it has the views of {views} wallets, {behind} of them older than the books; {absent} wallets have none"
    ))
}
