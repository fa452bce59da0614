//! Others may write to our topics, too. What cannot be served is put aside as it is, to the byte, and stops nobody.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wallet::events::bus::EventBus;

use crate::support::{
    bus::{Served, event, kafka, unique, until},
    servers::servers,
};

async fn topic(bus: &Arc<dyn EventBus>, name: &str) -> String {
    let topic = unique(name);
    bus.make_topics(&[topic.clone(), format!("{topic}.dlq")]).await.unwrap();
    topic
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_null_as_null_and_headers_that_are_no_text() {
    let bus: Arc<dyn EventBus> = kafka(&servers().kafka_brokers);
    let topic = topic(&bus, "null").await;
    let buried = Served::begin(&bus, &unique("letters"), &[&format!("{topic}.dlq")]).await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &servers().kafka_brokers).create().unwrap();
    let headers = OwnedHeaders::new()
        .insert(Header { key: "null", value: None::<&[u8]> })
        .insert(Header { key: "empty", value: Some(&b""[..]) })
        .insert(Header { key: "bytes", value: Some(&[0xff, 0x00, 0xfe][..]) })
        .insert(Header { key: "bytes", value: Some(&b"again"[..]) });
    let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&topic).partition(1).headers(headers);
    producer.send(record, Duration::from_secs(10)).await.unwrap();
    let record = FutureRecord::to(&topic).partition(1).key(&b""[..]).payload(&b"poison"[..]);
    producer.send(record, Duration::from_secs(10)).await.unwrap();
    until("the dead letters are there", || buried.listener.count() == 2).await;
    let heard = buried.listener.received().clone();
    let first = heard.iter().find(|letter| letter.header("dlq_offset") == Some("0")).unwrap();
    let own = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    assert_eq!((&first.key, &first.payload), (&None, &None));
    assert_eq!(
        first.headers[..4],
        [
            own("null", None),
            own("empty", Some(b"")),
            own("bytes", Some(&[0xff, 0x00, 0xfe])),
            own("bytes", Some(b"again")),
        ]
    );
    assert_eq!((first.header("dlq_topic"), first.header("dlq_partition")), (Some(topic.as_str()), Some("1")));
    let second = heard.iter().find(|letter| letter.header("dlq_offset") == Some("1")).unwrap();
    assert_eq!((second.key.as_deref(), second.payload.as_deref()), (Some(&b""[..]), Some(&b"poison"[..])));
    served.stop().await;
    buried.stop().await;
}

/// The client for Rust cannot write such a header, and panics when it reads one.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_whose_name_is_no_text_stops_nobody() {
    let bus: Arc<dyn EventBus> = kafka(&servers().kafka_brokers);
    let topic = topic(&bus, "name").await;
    let served = Served::begin(&bus, &unique("group"), &[&topic]).await;
    let buried = Served::begin(&bus, &unique("letters"), &[&format!("{topic}.dlq")]).await;
    let headers = [(&b"good"[..], &b"1"[..]), (&[0xff, 0xfe], b"2"), (b"fine", b"3")];
    produce(&topic, b"poison", &headers).await;
    until("the dead letter is there", || buried.listener.count() == 1).await;
    let letter = buried.listener.received()[0].clone();
    assert_eq!((letter.header("good"), letter.header("fine")), (Some("1"), Some("3")));
    bus.publish(&[event(&topic, 7, 0)]).await.unwrap();
    served.listener.receives_all_in_order(1, 1).await;
    served.stop().await;
    buried.stop().await;
}

/// Writes one message to a topic's partition 0, with a null key and these headers, as the protocol has it:
/// <https://kafka.apache.org/protocol.html> and <https://kafka.apache.org/documentation/#messageformat>.
async fn produce(topic: &str, payload: &[u8], headers: &[(&[u8], &[u8])]) {
    let mut record = vec![0, 0, 0];
    varint(&mut record, -1);
    varint(&mut record, payload.len() as i64);
    record.extend(payload);
    varint(&mut record, headers.len() as i64);
    for bytes in headers.iter().flat_map(|(name, value)| [name, value]) {
        varint(&mut record, bytes.len() as i64);
        record.extend(*bytes);
    }
    // Attributes, last offset delta, two timestamps, producer id, epoch and sequence (none), one record.
    let now = chrono::Utc::now().timestamp_millis().to_be_bytes();
    let mut body = [&[0; 6][..], &now, &now, &[0xff; 14], &[0, 0, 0, 1]].concat();
    varint(&mut body, record.len() as i64);
    body.extend(record);
    // Leader epoch, magic, checksum.
    let batch = [&[0xff; 4][..], &[2], &crc32c(&body).to_be_bytes(), &body].concat();
    let batch = [&[0; 8][..], &(batch.len() as u32).to_be_bytes(), &batch].concat();
    let string = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    // Produce, version 8; correlation id; client id; no transaction; acks of all; 10 s; one topic, one partition, the 0.
    let request = [
        &[0, 0, 0, 8, 0, 0, 0, 1][..],
        &string("test"),
        &[0xff, 0xff, 0xff, 0xff],
        &10_000_u32.to_be_bytes(),
        &[0, 0, 0, 1],
        &string(topic),
        &[0, 0, 0, 1, 0, 0, 0, 0],
        &(batch.len() as u32).to_be_bytes(),
        &batch,
    ]
    .concat();
    let mut stream = TcpStream::connect(&servers().kafka_brokers).await.unwrap();
    loop {
        stream.write_u32(request.len() as u32).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut answer = vec![0; stream.read_u32().await.unwrap() as usize];
        stream.read_exact(&mut answer).await.unwrap();
        // Correlation id, one topic, its name, one partition, its number; then the error.
        let at = 4 + 4 + 2 + topic.len() + 4 + 4;
        match answer[at..at + 2] {
            [0, 0] => return,
            // The broker does not know the new topic yet, or not yet that it leads it.
            [0, 3 | 6] => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => panic!("{answer:?}"),
        }
    }
}

/// A signed number in zigzag, seven bits a byte.
fn varint(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push((rest as u8) | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// CRC-32C (Castagnoli), as record batches have it.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
