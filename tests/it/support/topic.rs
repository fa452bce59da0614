//! A whole topic, read from the beginning, and compared with the books.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::Headers,
};
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use tokio::task::spawn_blocking;

use super::{app::Settings, wait::until};

const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A message in the topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicMessage {
    pub partition: i32,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// All messages of a topic, each partition in its order.
pub async fn whole(brokers: &str, topic: &str) -> Vec<TopicMessage> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    spawn_blocking(move || read(&brokers, &topic)).await.expect("the topic")
}

fn read(brokers: &str, topic: &str) -> Vec<TopicMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", topic).set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), READ_TIMEOUT).expect("the topic's partitions");
    let mut wanted = TopicPartitionList::new();
    let mut missing = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), READ_TIMEOUT).expect("its ends");
        assert_eq!(low, 0, "nothing has been removed from {topic}");
        missing += high;
        wanted.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
    }
    consumer.assign(&wanted).expect("an assignment");
    let mut messages = Vec::new();
    while missing > 0 {
        let message = consumer.poll(READ_TIMEOUT).expect("a message in time").expect("a message").detach();
        let text =
            |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
        let headers = message.headers().expect("headers").iter();
        messages.push(TopicMessage {
            partition: message.partition(),
            key: text(message.key()),
            headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
            body: serde_json::from_slice(message.payload().unwrap_or_default()).expect("JSON"),
        });
        missing -= 1;
    }
    messages
}

/// The expected messages of the money topic, one row for each entry: wallet, version, body.
const MONEY: &str = "\
select e.wallet_id::text, e.version, jsonb_build_object(
    'transaction_id', e.transaction_id, 'wallet_id', e.wallet_id, 'customer_xid', c.xid,
    'type', case e.kind when 1 then 'deposit' when 2 then 'withdrawal' when 3 then 'transfer_out' when 4 then 'transfer_in'
                       when 5 then 'release' when 6 then 'hold' when 7 then 'hold' when 8 then 'hold' when 9 then 'transfer_in'
                       when 10 then 'hold' when 11 then 'hold' when 12 then 'payout' when 13 then 'payout' when 14 then 'payout'
                       when 16 then 'reversal' end,
    'step', case when e.kind = 5 then 'released' when e.kind in (6, 12) then 'held' when e.kind = 13 then 'settled' when e.kind = 14 then 'returned'
                 when e.kind = 16 then 'reversed' when e.kind in (7, 8, 9) then 'captured'
                 when e.kind = 10 then 'voided' when e.kind = 11 then 'expired' else 'booked' end, 'status', case when e.kind in (6, 12) then 'pending' when e.kind in (10, 11, 14) or t.status = 2 then 'failed' else 'success' end,
    'amount', coalesce(s.amount, t.amount), 'fee', case when e.kind not in (4, 9) then coalesce(s.fee, t.fee) else 0 end, 'delta', e.delta_available + e.delta_held + e.delta_unreleased,
    'deltas', jsonb_build_object('available', e.delta_available, 'held', e.delta_held,
                                 'unreleased', e.delta_unreleased),
    'currency', t.currency, 'balance', e.available + e.held + e.unreleased, 'available_balance', e.available,
    'held', e.held, 'unreleased', e.unreleased, 'version', e.version,
    'generation', (select max(generation) from generations),
    'reference_id', case when e.kind in (4, 9) then null when s.id is not null then s.reference_id else t.reference_id end, -- the sender's is the sender's own
    'occurred_at', to_char(e.occurred_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
    'hash', encode(e.hash, 'hex')), e.position
from entries e join transactions t on t.id = e.transaction_id
left join steps s
    on (s.wallet_id, s.version) = (e.wallet_id, e.version) or (s.other_wallet_id, s.other_version) = (e.wallet_id, e.version)
join wallets w on w.id = e.wallet_id join customers c on c.id = w.customer_id";

/// The same of the status topic.
const STATUS: &str = "\
select s.wallet_id::text, s.status_version, jsonb_build_object(
    'wallet_id', s.wallet_id, 'customer_xid', c.xid,
    'status', case s.status when 0 then 'disabled' when 1 then 'enabled' end, 'frozen', s.frozen,
    'status_version', s.status_version, 'generation', (select max(generation) from generations),
    'occurred_at', to_char(s.occurred_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')), s.position
from status_changes s join wallets w on w.id = s.wallet_id join customers c on c.id = w.customer_id";

/// Waits until the relay's cursors are at the ends of their logs.
pub async fn everything_is_published(conn: &mut PgConnection) {
    let behind = "select (select coalesce(max(position), 0) > (select position from cursors where log = 'entries')
                          from entries)
                      or (select coalesce(max(position), 0) > (select position from cursors where log = 'status_changes')
                          from status_changes)";
    until("everything is published", Duration::from_secs(60), async || {
        let is_behind: bool = sqlx::query_scalar(behind).fetch_one(&mut *conn).await.expect("the cursors");
        (!is_behind).then_some(())
    })
    .await;
}

/// Waits until the relay has published everything, and compares both topics with the books: each row of the books is in its
/// topic, word for word, under the wallet's key, nothing else is, and a wallet's versions come first in the order 1, 2, 3 …
pub async fn tell_the_books(settings: &Settings) {
    let mut conn = PgConnection::connect(&settings["DATABASE_URL"]).await.expect("Postgres");
    // What a worker books from now on need not be there yet.
    let ends = "select coalesce((select max(position) from entries), 0), coalesce((select max(position) from status_changes), 0)";
    let (entries, statuses): (i64, i64) = sqlx::query_as(ends).fetch_one(&mut conn).await.expect("the ends");
    everything_is_published(&mut conn).await;
    for (name, sql, version_is, kind, end) in [
        ("KAFKA_TOPIC_TRANSACTIONS", MONEY, "version", "wallet.transaction.created.v1", entries),
        ("KAFKA_TOPIC_STATUS", STATUS, "status_version", "wallet.status.changed.v1", statuses),
    ] {
        let messages = whole(&settings["KAFKA_BROKERS"], &settings[name]).await;
        let mut books: HashMap<(String, i64), (Value, i64)> = sqlx::query(sql)
            .fetch_all(&mut conn)
            .await
            .expect("the books")
            .iter()
            .map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3))))
            .collect();
        let mut last: HashMap<&str, i64> = HashMap::new();
        let mut places: HashMap<&str, BTreeSet<i32>> = HashMap::new();
        let mut repeats = 0;
        for message in &messages {
            let version = message.body[version_is].as_i64().expect("a version");
            let prefix = if version_is == "version" { "" } else { "s" };
            assert_eq!(message.body["wallet_id"], message.key.as_str(), "{message:?}");
            assert_eq!(message.headers["ce_id"], format!("{}:{prefix}{version}", message.key), "{message:?}");
            assert_eq!(message.headers["ce_type"], kind, "{message:?}");
            assert_eq!(message.headers["ce_subject"], message.key, "{message:?}");
            places.entry(&message.key).or_default().insert(message.partition);
            let last = last.entry(&message.key).or_default();
            assert!(version <= *last + 1, "{name}: {version} comes after {last}: {message:?}");
            repeats += usize::from(version <= *last);
            *last = version.max(*last);
            let row = books.get(&(message.key.clone(), version));
            assert_eq!(
                row.map(|(body, _)| body),
                Some(&message.body),
                "{name} tells what is not in the books"
            );
        }
        assert!(places.values().all(|partitions| partitions.len() == 1), "a wallet's messages lie together");
        books.retain(|(wallet, version), (_, position)| {
            *position <= end && last.get(wallet.as_str()).is_none_or(|last| last < version)
        });
        assert!(books.is_empty(), "{name} does not tell {books:?}");
        println!("{name}: {} messages, {repeats} of them repeats", messages.len());
    }
}
