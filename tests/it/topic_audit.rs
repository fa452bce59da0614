//! The audit of the topic: each of its rules is broken once, and it names the message.

use std::sync::Arc;

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use wallet::{
    adapters::kafka::{KafkaBus, KafkaSettings, KafkaTopicReader},
    events::{
        audit::{RULES, TopicAudit, TopicAudited, audit_topic},
        bus::EventBus,
        event::Event,
    },
    kernel::{finding::ROWS_PER_FINDING, ids::WalletId},
    ledger::{
        log::{self, Log},
        posting::{PostingLoop, store},
    },
};

use super::support::{
    app::TestApp,
    bus::{kafka, publish_all, unique},
    database::TestDatabase,
    operations::{Expecting, deposit, disable, enable, settings, transfer, withdraw},
    process::run,
    servers::servers,
    topic::everything_is_published,
};

const W: &str = "wallet 00000000-0000-0000-0000-00000000000";

/// Books of two wallets with four entries each, whose relay has come to the end, and the events that they make.
struct Published {
    db: TestDatabase,
    wallets: Vec<WalletId>,
    events: Vec<Event>,
}

impl Published {
    async fn new() -> Self {
        let db = TestDatabase::create().await;
        let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
        let wallets = db.wallets(2).await;
        for wallet in wallets.iter().copied() {
            posting_loop.book(deposit(wallet, 10)).await.unwrap();
            posting_loop.book(withdraw(wallet, 4)).await.unwrap();
            posting_loop.book(withdraw(wallet, 70)).await.unwrap_err();
        }
        posting_loop.book(transfer(wallets[1], wallets[0], 2)).await.unwrap();
        let events = events(&db, Log::Entries).await;
        db.run("update cursors set position = (select max(position) from entries) where log = 'entries'")
            .await;
        Self { db, wallets, events }
    }

    /// The index of the event of this version of the first or the second wallet.
    fn at(&self, wallet: usize, version: i64) -> usize {
        let id = format!("{}:{version}", self.wallets[wallet - 1]);
        let is_it =
            |event: &Event| event.headers.iter().any(|(name, value)| *name == "ce_id" && *value == id);
        self.events.iter().position(is_it).unwrap()
    }

    /// Publishes the events to a topic of their own, and compares it.
    async fn audited(&self, events: &[Event]) -> TopicAudited {
        let topic = publish(events).await;
        self.compare(&topic, 0).await
    }

    async fn compare(&self, topic: &str, from: i64) -> TopicAudited {
        let asked = TopicAudit { database_url: &self.db.url, log: Log::Entries, topic, from };
        audit_topic(&reader(), asked).await.unwrap()
    }
}

async fn events(db: &TestDatabase, log: Log) -> Vec<Event> {
    let mut conn = store::connect(&db.url).await.unwrap();
    let rows = log::Reader::new(log).read(&mut conn, 0, i64::MAX, 1_000).await.unwrap();
    let books = log::standing(&mut conn, log).await.unwrap().books;
    rows.iter().map(|row| Event::of(row, "", books).unwrap()).collect()
}

fn reader() -> KafkaTopicReader {
    let settings = KafkaSettings::new(servers().kafka_brokers.clone(), 3, 1);
    KafkaTopicReader::new(settings, unique("audit"))
}

/// Makes a topic of three partitions with these events.
async fn publish(events: &[Event]) -> String {
    let topic = unique("money");
    let bus: Arc<KafkaBus> = kafka(&servers().kafka_brokers);
    bus.make_topics(std::slice::from_ref(&topic)).await.unwrap();
    let events: Vec<Event> =
        events.iter().map(|event| Event { topic: topic.clone(), ..event.clone() }).collect();
    publish_all(bus.as_ref(), &events).await;
    topic
}

/// Puts a message into a partition that its key does not lead to.
fn put(topic: &str, partition: i32, event: &Event) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
    let headers = event
        .headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }));
    let record =
        BaseRecord::to(topic).partition(partition).key(&event.key).payload(&event.payload).headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(std::time::Duration::from_secs(30)).unwrap();
}

/// Replaces a text in the body.
fn alter(event: &mut Event, text: &str, by: &str) {
    let payload = String::from_utf8(event.payload.clone()).unwrap();
    assert!(payload.contains(text), "{payload}");
    event.payload = payload.replacen(text, by, 1).into_bytes();
}

/// How a rule is broken, and what the finding names.
type Break = (&'static str, fn(&Published, &mut Vec<Event>), &'static str);

const BREAKS: [Break; 12] = [
    ("every message of the topic can be read", |p, e| e[p.at(1, 2)].payload = b"{".to_vec(), "offset "),
    (
        "every message of the topic can be read",
        |p, e| alter(&mut e[p.at(1, 2)], "\"version\":2", "\"version\":0"),
        "version 0 is not positive",
    ),
    (
        "everything in the topic is in the books",
        |p, e| {
            let mut invented = e[p.at(1, 4)].clone();
            alter(&mut invented, "\"version\":4", "\"version\":5");
            e.push(invented);
        },
        "1, version 5 ",
    ),
    (
        "a message says what the books say: key, headers and every field",
        |p, e| alter(&mut e[p.at(1, 2)], "\"amount\":4", "\"amount\":5"),
        "1, version 2 ",
    ),
    (
        // Of a repeat, too.
        "a message says what the books say: key, headers and every field",
        |p, e| {
            let mut repeat = e[p.at(2, 1)].clone();
            alter(&mut repeat, "\"hash\":\"", "\"hash\":\"0");
            e.push(repeat);
        },
        "2, version 1 ",
    ),
    (
        "a message says what the books say: key, headers and every field",
        |p, e| {
            let at = p.at(1, 3);
            e[at].headers.retain(|(name, _)| *name != "ce_id");
        },
        "its ce_id is None",
    ),
    (
        "a message says what the books say: key, headers and every field",
        |p, e| {
            let at = p.at(1, 4);
            e[at].key = "another".to_owned();
        },
        "its key is \"another\"",
    ),
    (
        "a message's hash covers the hash before it and its own fields",
        |p, e| {
            let at = p.at(2, 3);
            let mut body: serde_json::Value = serde_json::from_slice(&e[at].payload).unwrap();
            body["hash"] = format!("{:064}", 7).into();
            e[at].payload = body.to_string().into_bytes();
        },
        "2, version 3 ",
    ),
    (
        "a wallet's versions come first in the order 1, 2, 3 …",
        |p, e| e.swap(p.at(1, 2), p.at(1, 3)),
        "1, version 3 ",
    ),
    (
        "a wallet's versions come first in the order 1, 2, 3 …",
        |p, e| drop(e.remove(p.at(1, 1))),
        "is the wallet's first",
    ),
    (
        // In the middle, and …
        "everything in the books up to the relay's cursor is in the topic",
        |p, e| drop(e.remove(p.at(1, 2))),
        "1, version 2",
    ),
    (
        // … at the end of a wallet, which no later version gives away.
        "everything in the books up to the relay's cursor is in the topic",
        |p, e| drop(e.remove(p.at(2, 4))),
        "2, version 4",
    ),
];

#[tokio::test]
async fn each_rule_of_the_topic_finds_what_breaks_it_and_names_the_message() {
    let published = Published::new().await;
    let whole = published.audited(&published.events).await;
    assert_eq!(whole.findings, []);
    assert_eq!((whole.counts.messages, whole.counts.repeats, whole.wallets, whole.waiting), (8, 0, 2, 0));
    for (sentence, break_it, named) in BREAKS {
        let mut events = published.events.clone();
        break_it(&published, &mut events);
        let findings = published.audited(&events).await.findings;
        let found = findings.iter().find(|finding| finding.sentence == sentence);
        let found = found.unwrap_or_else(|| panic!("{sentence:?} is not found: {findings:#?}"));
        assert!(found.rows.iter().any(|row| row.contains(named)), "{named:?} is not named: {found:#?}");
    }
    let broken = |rule: &&str| BREAKS.iter().any(|(sentence, ..)| sentence == rule);
    let unbroken: Vec<&str> = RULES.iter().filter(|rule| !broken(rule)).copied().collect();
    assert_eq!(unbroken, ["a wallet's messages are in one partition"], "the next test breaks that one");
}

#[tokio::test]
async fn a_wallet_in_two_partitions_is_found() {
    let published = Published::new().await;
    let topic = publish(&published.events[..7]).await;
    // In one of the two it is beside the wallet's others.
    for partition in 0..2 {
        put(&topic, partition, &published.events[7]);
    }
    let findings = published.compare(&topic, 0).await.findings;
    assert!(
        findings.iter().any(|finding| finding.sentence == "a wallet's messages are in one partition"),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn repeats_and_what_the_relay_has_not_published_yet_are_no_findings() {
    let published = Published::new().await;
    let repeated = [&published.events[..6], &published.events[2..]].concat();
    let audited = published.audited(&repeated).await;
    assert_eq!((audited.findings, audited.counts.repeats), (vec![], 4));

    published.db.run("update cursors set position = 5 where log = 'entries'").await;
    let audited = published.audited(&published.events[..5]).await;
    assert_eq!((audited.findings, audited.waiting), (vec![], 3));
}

#[tokio::test]
async fn a_topic_without_its_beginning_is_compared_from_there() {
    let published = Published::new().await;
    let topic = publish(&published.events[3..]).await;
    let strict = published.compare(&topic, 0).await;
    assert!(!strict.findings.is_empty());

    let audited = published.compare(&topic, 3).await;
    assert_eq!(audited.findings, []);
    // The first wallet has three entries before.
    assert_eq!(audited.begin_later, [(published.wallets[0], 4)]);
    // What lies beyond is missed all the same.
    assert!(!published.compare(&topic, 2).await.findings.is_empty());
    let shorter = publish(&published.events[3..7]).await;
    assert!(!published.compare(&shorter, 3).await.findings.is_empty());
}

/// Removes the messages before these offsets, as retention does.
async fn remove(topic: &str, ends: &[(i32, i64)]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    for (partition, end) in ends {
        offsets.add_partition_offset(topic, *partition, Offset::Offset(*end)).unwrap();
    }
    for removed in admin.delete_records(&offsets, &AdminOptions::new()).await.unwrap().elements() {
        removed.error().unwrap();
    }
}

#[tokio::test]
async fn where_retention_has_removed_the_beginning_the_check_begins_with_what_is_left() {
    let published = Published::new().await;
    let topic = publish(&[]).await;
    // One partition for each wallet, chosen here so that it is known what goes.
    for event in &published.events {
        put(&topic, i32::from(event.key.ends_with('2')), event);
    }
    remove(&topic, &[(0, 2)]).await;
    let audited = published.compare(&topic, 0).await;
    assert_eq!(audited.findings, []);
    assert_eq!(audited.begin_later, [(published.wallets[0], 3)]);
    assert_eq!((audited.counts.messages, audited.from), (6, 3));

    // What is broken in the rest is found all the same.
    put(&topic, 1, &Event { payload: b"{".to_vec(), ..published.events[7].clone() });
    assert_eq!(published.compare(&topic, 0).await.findings.len(), 1);

    // Of an emptied partition nothing can be said.
    remove(&topic, &[(0, 4), (1, 5)]).await;
    let audited = published.compare(&topic, 0).await;
    assert_eq!((audited.findings, audited.counts.messages, audited.from), (vec![], 0, 8));
}

#[tokio::test]
async fn many_missing_messages_are_twenty_rows() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    let all = (0..50).map(|_| posting_loop.book(deposit(wallet, 1)));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    db.run("update cursors set position = 50 where log = 'entries'").await;
    let asked = TopicAudit { database_url: &db.url, log: Log::Entries, topic: &unique("none"), from: 0 };
    let audited = audit_topic(&reader(), asked).await.unwrap();
    assert_eq!(audited.findings[0].rows.len(), ROWS_PER_FINDING);
    assert_eq!(audited.counts.messages, 0);
}

#[tokio::test]
async fn the_topic_of_status_is_compared_as_well() {
    let published = Published::new().await;
    let db = &published.db;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(disable(published.wallets[0])).await.unwrap();
    posting_loop.book(enable(published.wallets[0])).await.unwrap();
    db.run("update cursors set position = (select max(position) from status_changes) where log = 'status_changes'")
        .await;
    let events = events(db, Log::StatusChanges).await;
    let compare = async |events: &[Event]| {
        let topic = publish(events).await;
        let asked = TopicAudit { database_url: &db.url, log: Log::StatusChanges, topic: &topic, from: 0 };
        audit_topic(&reader(), asked).await.unwrap()
    };
    let audited = compare(&events).await;
    assert_eq!((audited.findings, audited.counts.messages), (vec![], 4));
    let findings = compare(&events[..3]).await.findings;
    assert_eq!(findings[0].rows, [format!("{W}1, version 3")]);
    let mut altered = events.clone();
    alter(&mut altered[1], "\"frozen\":false", "\"frozen\":true");
    assert!(compare(&altered).await.findings[0].rows[0].starts_with(&format!("{W}2, version 1 ")));
}

#[tokio::test]
async fn the_command_compares_books_and_topic_and_exits_with_1_when_they_do_not_agree() {
    let mut app = TestApp::start().await;
    let customer = app.customer().await;
    for amount in [10, 20, 30] {
        assert_eq!(customer.deposit(amount).await.status, 201);
    }
    everything_is_published(&mut app.db.connect().await).await;
    app.stop().await;
    let (code, printed) = run(&app.settings, &["audit", "--topic"]);
    assert_eq!(code, Some(0), "{printed}");
    let topic = &app.settings["KAFKA_TOPIC_TRANSACTIONS"];
    let agree = format!("the topic {topic} and the books agree: ");
    let counts = printed.lines().find_map(|line| line.strip_prefix(&agree)).expect(&printed);
    let numbers: Vec<u64> = counts.split(|c: char| !c.is_ascii_digit()).flat_map(str::parse).collect();
    let [messages, wallets, repeats, waiting] = numbers[..] else { panic!("{printed}") };
    // A relay that could not save its cursor publishes again.
    assert_eq!((messages - repeats, wallets, waiting), (3, 1, 0), "{printed}");

    let mut other = app.settings.clone();
    other.insert("KAFKA_TOPIC_TRANSACTIONS".to_owned(), unique("empty"));
    let (code, printed) = run(&other, &["audit", "--topic"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(&format!("wallet {}, version 3", customer.wallet)), "{printed}");
    let (code, printed) = run(&other, &["audit", "--topic", "--entries-from", "3"]);
    assert_eq!(code, Some(0), "{printed}");

    other.insert("KAFKA_BROKERS".to_owned(), String::new());
    let (code, printed) = run(&other, &["audit", "--topic"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("KAFKA_BROKERS is empty"), "{printed}");
}
