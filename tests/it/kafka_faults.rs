//! What Kafka alone has to stand: brokers that go away, consumers that crash or are slow, messages that are refused.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use wallet::events::{bus::EventBus, event::Event};

use crate::support::{
    bus::{Served, event, events, kafka, publish_all, unique, until},
    customer::Customer,
    own_server::OwnServer,
    servers::servers,
    service::Service,
};

async fn topic(bus: &Arc<dyn EventBus>, name: &str) -> String {
    let topic = unique(name);
    bus.make_topics(&[topic.clone(), format!("{topic}.dlq")]).await.unwrap();
    topic
}

fn shared_bus() -> Arc<dyn EventBus> {
    kafka(&servers().kafka_brokers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_crashes_and_comes_back_loses_and_reorders_nothing() {
    let server = OwnServer::kafka().await;
    let bus: Arc<dyn EventBus> = kafka(server.address());
    let topic = topic(&bus, "crash").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    let publisher = tokio::spawn({
        let (bus, topic) = (Arc::clone(&bus), topic.clone());
        async move {
            for round in 0..60 {
                publish_all(bus.as_ref(), &events(&topic, 20, round * 25, 25)).await;
                sleep(Duration::from_millis(100)).await;
            }
        }
    });
    for _ in 0..2 {
        sleep(Duration::from_secs(1)).await;
        server.kill().await;
        assert!(bus.ping().await.is_err(), "a broker that is dead is not reached");
        sleep(Duration::from_secs(1)).await;
        server.start().await;
        bus.ping().await.unwrap();
    }
    server.stop().await;
    sleep(Duration::from_secs(3)).await;
    let behind = served.behind();
    assert!(behind >= Duration::from_secs(2), "without a broker nothing is known: {behind:?}");
    server.start().await;
    timeout(Duration::from_secs(60), publisher).await.expect("publishing goes on").unwrap();
    served.listener.receives_all_in_order(20, 1_500).await;
    until("the group has caught up", || served.is_caught_up()).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_dropped_midway_does_not_come_after_later_ones() {
    let server = OwnServer::kafka().await;
    let bus: Arc<dyn EventBus> = kafka(server.address());
    let topic = topic(&bus, "dropped").await;
    let all = events(&topic, 5, 0, 200);
    bus.publish(&all[..100]).await.unwrap();
    // Frozen, the broker has taken the batch in, or a part of it, and does not say so.
    server.freeze().await;
    assert!(timeout(Duration::from_millis(500), bus.publish(&all[100..600])).await.is_err(), "it waits");
    server.thaw().await;
    assert!(timeout(Duration::from_micros(500), bus.publish(&all[100..1_000])).await.is_err());
    server.stop().await;
    assert!(timeout(Duration::from_secs(1), bus.publish(&all[100..1_000])).await.is_err(), "it waits");
    assert!(timeout(Duration::from_millis(1), bus.publish(&all[100..600])).await.is_err());
    server.start().await;
    timeout(Duration::from_secs(30), publish_all(bus.as_ref(), &all[100..]))
        .await
        .expect("publishing goes on");
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    served.listener.receives_all_in_order(5, 200).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_stops_the_line_after_those_before_it() {
    let bus = shared_bus();
    let topic = topic(&bus, "large").await;
    let mut all = events(&topic, 1, 0, 20);
    all[10].payload = vec![b'x'; 2_000_000];
    for again in [0, 10, 10] {
        let error = bus.publish(&all[again..]).await.unwrap_err();
        assert_eq!(again + error.confirmed, 10, "{error}");
    }
    all[10] = event(&topic, 0, 10);
    bus.publish(&all[10..]).await.unwrap();
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    served.listener.receives_all_in_order(1, 20).await;
    assert_eq!(served.listener.count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_refuses_is_not_overtaken() {
    let bus = shared_bus();
    let topic = topic(&bus, "refused").await;
    limit_messages(&topic, 100_000).await;
    // Several requests are in flight at once, and only the one with the bytes that no compression makes small enough
    // is refused.
    let mut all = events(&topic, 1, 0, 8_000);
    for (n, event) in all.iter_mut().enumerate() {
        event.payload = format!("{n:0>700}").into_bytes();
    }
    all[2_000].payload = (0..10_000).flat_map(|_| *uuid::Uuid::new_v4().as_bytes()).collect();
    let mut rest = &all[..];
    for _ in 0..5 {
        let error =
            timeout(Duration::from_secs(20), bus.publish(rest)).await.expect("an answer").unwrap_err();
        rest = &rest[error.confirmed..];
    }
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    until("the topic is read to its end", || served.is_caught_up()).await;
    for (_, numbers) in served.listener.first_received() {
        assert!(numbers.len() <= 2_000, "a later message overtook the refused one: {}", numbers.len());
        assert!(numbers.iter().copied().eq(0..numbers.len()), "out of order: {numbers:?}");
    }
    served.stop().await;
}

/// Sets the largest message, or batch of messages, that the broker takes for a topic.
async fn limit_messages(topic: &str, bytes: usize) {
    use rdkafka::{
        ClientConfig,
        admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
        client::DefaultClientContext,
    };
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
    let bytes = bytes.to_string();
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", &bytes);
    admin.alter_configs(&[change], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    sleep(Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_later_is_found() {
    let bus = shared_bus();
    let topic = unique("later");
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    let publisher = tokio::spawn({
        let (bus, topic) = (Arc::clone(&bus), topic.clone());
        async move { publish_all(bus.as_ref(), &events(&topic, 2, 0, 10)).await }
    });
    sleep(Duration::from_secs(2)).await;
    bus.make_topics(&[topic]).await.unwrap();
    publisher.await.unwrap();
    served.listener.receives_all_in_order(2, 10).await;
    served.stop().await;
}

/// Partitions that an operator adds are served, and what lies in them counts as not served until it is.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_later_are_served_and_counted_within_seconds() {
    let bus = shared_bus();
    let topic = topic(&bus, "added").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    // The relay's producer, which has known the topic before.
    bus.publish(&events(&topic, 40, 0, 1)).await.unwrap();
    served.listener.receives_all_in_order(40, 1).await;
    until("the group has caught up", || served.is_caught_up()).await;
    served.listener.stick(true);
    add_partitions(&topic, 9).await;
    let began = Instant::now();
    // To the new ones only.
    let producer: rdkafka::producer::FutureProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
    for (key, partition) in (40..46).zip(3..9) {
        let (key, headers) = (format!("key-{key}"), rdkafka::message::OwnedHeaders::new());
        let record = rdkafka::producer::FutureRecord::to(&topic).partition(partition);
        let record = record.key(&key).payload("0").headers(headers);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
    until("the group is behind", || !served.is_caught_up()).await;
    served.listener.stick(false);
    served.listener.receives_all_in_order(46, 1).await;
    until("the group has caught up", || served.is_caught_up()).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // The bus publishes to them, too.
    let mut n = 1;
    loop {
        bus.publish(&events(&topic, 40, n, 1)).await.unwrap();
        n += 1;
        if ends(&topic, 9).await[3..].iter().any(|end| *end > 1) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the producer does not know the new partitions");
        sleep(Duration::from_millis(200)).await;
    }
    served.stop().await;
}

async fn add_partitions(topic: &str, count: usize) {
    use rdkafka::{
        ClientConfig,
        admin::{AdminClient, AdminOptions, NewPartitions},
        client::DefaultClientContext,
    };
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
    let wanted = [NewPartitions { topic_name: topic, new_partition_count: count, assignment: None }];
    admin.create_partitions(&wanted, &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

/// Where each partition of a topic ends.
async fn ends(topic: &str, partitions: i32) -> Vec<i64> {
    use rdkafka::{ClientConfig, consumer::BaseConsumer, consumer::Consumer};
    let topic = topic.to_owned();
    let ends = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
        let end = |n| consumer.fetch_watermarks(&topic, n, Duration::from_secs(10)).unwrap().1;
        (0..partitions).map(end).collect()
    });
    ends.await.unwrap()
}

/// Redis may be away for hours: the group must not lose us, nor the partitions move to and fro.
#[tokio::test(flavor = "multi_thread")]
async fn work_longer_than_a_session_keeps_its_partitions_and_is_done_once() {
    let bus = shared_bus();
    let topic = topic(&bus, "slow").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    until("the group is there", || served.is_caught_up()).await;
    served.listener.stick(true);
    bus.publish(&events(&topic, 10, 0, 100)).await.unwrap();
    sleep(Duration::from_secs(8)).await;
    let behind = served.behind();
    assert!((Duration::from_secs(6)..Duration::from_secs(10)).contains(&behind), "{behind:?}");
    served.listener.stick(false);
    served.listener.receives_all_in_order(10, 100).await;
    bus.publish(&events(&topic, 10, 100, 100)).await.unwrap();
    served.listener.receives_all_in_order(10, 200).await;
    assert_eq!(served.listener.count(), 2_000, "nothing came twice");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_move_while_work_is_under_way_skip_nothing() {
    let bus = shared_bus();
    let topic = topic(&bus, "moving").await;
    let group = unique("group");
    let first = Served::begin(&bus, &group, &[&topic]).await;
    first.listener.stick(true);
    bus.publish(&events(&topic, 10, 0, 300)).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    // The first one has taken five hundred of every partition's messages, and has to give partitions away.
    let second = Served::begin(&bus, &group, &[&topic]).await;
    sleep(Duration::from_secs(4)).await;
    bus.publish(&events(&topic, 10, 300, 100)).await.unwrap();
    first.listener.stick(false);
    let both = || first.listener.count() + second.listener.count();
    until("all is heard by one or the other", || both() >= 4_000).await;
    until("the group has caught up", || first.is_caught_up()).await;
    let mut heard = Vec::new();
    for listener in [&first.listener, &second.listener] {
        heard
            .extend(listener.received().iter().map(|message| (message.key.clone(), message.payload.clone())));
    }
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 4_000, "something was skipped");
    assert!(second.listener.count() > 0, "partitions moved");
    // They come back to the one that had paused them.
    second.stop().await;
    let heard = first.listener.count();
    bus.publish(&events(&topic, 10, 400, 10)).await.unwrap();
    until("the first one hears everything again", || first.listener.count() >= heard + 100).await;
    first.stop().await;
}

/// A listener that wants TLS answers what it cannot understand with an alert (RFC 8446, section 6) and hangs up.
fn listener_that_wants_tls() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            let _ = client.read(&mut [0; 512]);
            let _ = client.write_all(&[21, 3, 1, 0, 2, 2, 70]);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_wants_tls_is_named_once_and_money_moves() {
    let address = listener_that_wants_tls();
    let service = Service::of(1, &[("KAFKA_BROKERS", &address)]).await.without_topics();
    let server = &service.servers[0];
    until("it is named", || !server.logged("the connection to Kafka fails").is_empty()).await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(70).await.status, 201);
    assert_eq!(customer.get("/wallet").await.body["data"]["wallet"]["balance"], 70);
    sleep(Duration::from_secs(3)).await;
    let named = server.logged("the connection to Kafka fails");
    assert_eq!(named.len(), 1, "{named:?}");
}

const CHILD: &str = "WALLET_TEST_CHILD_CONSUMER";

/// Not a test of its own: what the process does that `a_consumer_that_is_killed_loses_nothing` kills.
#[tokio::test(flavor = "multi_thread")]
async fn child_consumer() {
    let Ok(names) = std::env::var(CHILD) else { return };
    let (group, topic) = names.split_once(' ').unwrap();
    let served = Served::begin(&shared_bus(), group, &[topic]).await;
    until("something is heard", || served.listener.count() >= 500).await;
    // From here on it has messages in hand that are never finished.
    served.listener.stick(true);
    println!("heard enough");
    sleep(Duration::from_secs(120)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_killed_loses_nothing() {
    let bus = shared_bus();
    let topic = topic(&bus, "killed").await;
    let group = unique("group");
    let all = events(&topic, 10, 0, 1_000);
    bus.publish(&all[..5_000]).await.unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kafka_faults::child_consumer", "--nocapture"])
        .env(CHILD, format!("{group} {topic}"))
        .env("KAFKA_BROKERS", &servers().kafka_brokers)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let is_at_work = tokio::task::spawn_blocking(move || said.any(|line| line.contains("heard enough")));
    assert!(is_at_work.await.unwrap(), "the child ended before it had heard enough");
    bus.publish(&all[5_000..]).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let began = Instant::now();
    let served = Served::begin(&bus, &group, &[&topic]).await;
    sleep(Duration::from_secs(1)).await;
    assert!(served.behind() > Duration::from_secs(3_600), "nobody has the dead one's partitions");
    until("the group has caught up", || served.is_caught_up()).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // What the dead one had finished need not come again, but everything after that must: to the end, without a gap.
    let last = served.listener.first_received();
    for (key, numbers) in last {
        let first = numbers[0];
        assert!(
            first <= 1_000 && numbers.iter().copied().eq(first..1_000),
            "{key}: {first}, {}",
            numbers.len()
        );
    }
    served.stop().await;
}

/// How fast a relay's batches go through; printed, and held to a floor that only a defect would miss.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_two_thousand_go_through_fast() {
    let bus = shared_bus();
    let topic = topic(&bus, "rate").await;
    let batch: Vec<Event> = (0..2_000)
        .map(|n| Event {
            headers: (0..7)
                .map(|_| ("ce_something", "0190f5a1-7c5e-7000-8000-000000000001".to_owned()))
                .collect(),
            payload: format!("{n:0>700}").into_bytes(),
            ..event(&topic, n % 500, n)
        })
        .collect();
    bus.publish(&batch).await.unwrap();
    let began = Instant::now();
    for _ in 0..20 {
        bus.publish(&batch).await.unwrap();
    }
    let each = began.elapsed() / 20;
    println!("2,000 events are published in {each:?}: {:.0}/s", 2_000.0 / each.as_secs_f64());
    assert!(each < Duration::from_secs(1), "{each:?}");
}
