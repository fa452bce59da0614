//! The rules of the bus, for Kafka and for the one inside the process.

use std::{sync::Arc, time::Duration};

use wallet::{
    adapters::in_process::InProcessBus,
    events::{bus::EventBus, event::Event},
};

use crate::support::{
    bus::{Listener, Served, event, events, kafka, publish_all, unique, until},
    servers::servers,
};

macro_rules! for_each_bus {
    ($($rule:ident),+ $(,)?) => {
        mod kafka_bus {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                let bus = super::kafka(&super::servers().kafka_brokers);
                super::$rule(bus).await;
            })+
        }
        mod in_process_bus {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(std::sync::Arc::new(super::InProcessBus::default())).await;
            })+
        }
    };
}

for_each_bus!(
    a_key_s_events_arrive_in_order,
    every_group_hears_everything,
    members_of_a_group_share_the_work_in_order,
    a_poisonous_message_goes_aside_and_the_next_one_is_served,
    work_that_was_not_finished_is_done_again,
    a_group_that_has_heard_everything_is_not_behind,
    headers_and_bytes_arrive_as_they_were,
    topics_can_be_made_twice,
);

async fn topic(bus: &Arc<dyn EventBus>, name: &str) -> String {
    let topic = unique(name);
    bus.make_topics(&[topic.clone(), format!("{topic}.dlq")]).await.unwrap();
    topic
}

async fn a_key_s_events_arrive_in_order(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "order").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    for batch in events(&topic, 20, 0, 250).chunks(1_000) {
        bus.publish(batch).await.unwrap();
    }
    served.listener.receives_all_in_order(20, 250).await;
    assert_eq!(served.listener.count(), 5_000, "nothing came twice");
    served.stop().await;
}

async fn every_group_hears_everything(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "groups").await;
    let one = Served::begin(&bus, &unique("one"), &[&topic]).await;
    let other = Served::begin(&bus, &unique("other"), &[&topic]).await;
    bus.publish(&events(&topic, 3, 0, 10)).await.unwrap();
    one.listener.receives_all_in_order(3, 10).await;
    other.listener.receives_all_in_order(3, 10).await;
}

async fn members_of_a_group_share_the_work_in_order(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "members").await;
    let group = unique("group");
    let first = Served::begin(&bus, &group, &[&topic]).await;
    let second = Served::with(&bus, &group, &[&topic], Arc::clone(&first.listener));
    bus.publish(&events(&topic, 9, 0, 100)).await.unwrap();
    first.listener.receives_all_in_order(9, 100).await;
    let listener = Arc::clone(&first.listener);
    first.stop().await;
    bus.publish(&events(&topic, 9, 100, 100)).await.unwrap();
    listener.receives_all_in_order(9, 200).await;
    second.stop().await;
}

async fn a_poisonous_message_goes_aside_and_the_next_one_is_served(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "poison").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    let buried = Served::begin(&bus, &unique("letters"), &[&format!("{topic}.dlq")]).await;
    let poisonous = Event { payload: b"poison".to_vec(), ..event(&topic, 7, 0) };
    bus.publish(&[event(&topic, 7, 0), poisonous, event(&topic, 7, 1)]).await.unwrap();
    served.listener.receives_all_in_order(1, 2).await;
    until("the dead letter is there", || buried.listener.count() == 1).await;
    let letter = buried.listener.received()[0].clone();
    assert_eq!(letter.topic, format!("{topic}.dlq"));
    assert_eq!(letter.key.as_deref(), Some(&b"key-7"[..]));
    assert_eq!(letter.payload.as_deref(), Some(&b"poison"[..]));
    assert_eq!(letter.header("ce_id"), Some("7:0"), "the message's own headers stay");
    assert_eq!(letter.header("dlq_topic"), Some(topic.as_str()));
    assert_eq!(letter.header("dlq_error"), Some("it is poisonous"));
    assert_eq!(letter.header("dlq_offset"), Some("1"));
    assert!(letter.header("dlq_partition").is_some_and(|number| number.parse::<i32>().is_ok()));
}

async fn work_that_was_not_finished_is_done_again(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "unfinished").await;
    let group = unique("group");
    let first = Served::begin(&bus, &group, &[&topic]).await;
    // A second member keeps the group alive, which the one inside the process needs.
    let second = Served::begin(&bus, &group, &[&topic]).await;
    for listener in [&first.listener, &second.listener] {
        listener.stick(true);
    }
    bus.publish(&events(&topic, 3, 0, 50)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    first.abort().await;
    second.listener.stick(false);
    second.listener.receives_all_in_order(3, 50).await;
    second.stop().await;
}

async fn a_group_that_has_heard_everything_is_not_behind(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "behind").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    until("an empty topic is known to be served", || served.is_caught_up()).await;
    bus.publish(&events(&topic, 3, 0, 50)).await.unwrap();
    served.listener.receives_all_in_order(3, 50).await;
    until("the group has caught up", || served.is_caught_up()).await;
}

async fn headers_and_bytes_arrive_as_they_were(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "bytes").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    let sent = Event {
        topic: topic.clone(),
        key: "ключ".to_owned(),
        headers: vec![
            ("ce_type", "a".to_owned()),
            ("ce_subject", "é ✓".to_owned()),
            ("empty", String::new()),
        ],
        payload: (0..=255).collect(),
    };
    bus.publish(std::slice::from_ref(&sent)).await.unwrap();
    until("it is heard", || served.listener.count() == 1).await;
    let heard = served.listener.received()[0].clone();
    assert_eq!(heard.topic, topic);
    assert_eq!((heard.key, heard.payload), (Some(sent.key.into_bytes()), Some(sent.payload)));
    let headers: Vec<(&str, String)> = sent.headers;
    let heard = heard.headers.iter().map(|(key, value)| (key.as_str(), value.clone().unwrap()));
    assert!(heard.eq(headers.into_iter().map(|(key, value)| (key, value.into_bytes()))));
}

async fn topics_can_be_made_twice(bus: Arc<dyn EventBus>) {
    let topic = topic(&bus, "twice").await;
    bus.make_topics(&[topic]).await.unwrap();
    bus.ping().await.unwrap();
}

/// Publishing waits while a group is full, and goes on when the group is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_group_holds_up_the_publisher_until_it_leaves() {
    let bus: Arc<dyn EventBus> = Arc::new(InProcessBus::default());
    let served = Served::begin(&bus, "full", &["t"]).await;
    served.listener.stick(true);
    let publisher = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { bus.publish(&events("t", 10, 0, 2_000)).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!publisher.is_finished(), "twenty thousand messages fit into a bounded queue");
    served.stop().await;
    tokio::time::timeout(Duration::from_secs(5), publisher).await.expect("the publisher goes on").unwrap();
    let after: Arc<Listener> = Arc::default();
    let later = Served::with(&bus, "full", &["t"], Arc::clone(&after));
    until("the group is there again", || later.is_caught_up()).await;
    publish_all(bus.as_ref(), &events("t", 1, 0, 1)).await;
    after.receives_all_in_order(1, 1).await;
    assert_eq!(after.count(), 1, "what was left behind is gone with the group");
    later.stop().await;
}
