//! The way of an operation through the posting loop, as the log shows it at debug.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tracing::{Instrument, Level, info_span};
use wallet::ledger::posting::PostingLoop;

use super::support::{
    database::TestDatabase,
    operations::{Expecting, deposit, settings},
};

/// Log lines, each a JSON object.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn with_message(&self, message: &str) -> Vec<Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines = String::from_utf8(bytes).expect("text");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["fields"]["message"] == message).collect()
    }
}

#[tokio::test]
async fn a_slow_deposit_can_be_followed_from_its_request_into_its_batch() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(Level::DEBUG);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    // For this thread alone; the loop's tasks run on it.
    let _guard = tracing::subscriber::set_default(subscriber);
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());

    let mut other = db.connect().await;
    sqlx::raw_sql("begin").execute(&mut other).await.expect("a transaction");
    let lock = sqlx::query("select 1 from wallets where id = $1 for update").bind(wallet.0);
    lock.execute(&mut other).await.expect("the lock");
    let posting = posting_loop.book(deposit(wallet, 100)).instrument(info_span!("request", id = "r-1"));
    let releasing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sqlx::raw_sql("rollback").execute(&mut other).await.expect("a release");
    };
    let (posted, ()) = tokio::join!(posting, releasing);
    posted.expect("a deposit");

    let [decided] = &lines.with_message("the operation was decided")[..] else {
        panic!("one operation was decided");
    };
    let names: Vec<&str> =
        decided["spans"].as_array().expect("spans").iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, ["request", "operation"], "{decided}");
    assert_eq!(decided["spans"][0]["id"], "r-1", "{decided}");
    assert_eq!(decided["spans"][1]["wallet"], wallet.to_string(), "{decided}");
    let batches = lines.with_message("the batch has ended");
    let its_batch = |line: &&Value| line["span"]["batch"] == decided["fields"]["batch"];
    let batch = batches.iter().find(its_batch).expect("its batch is in the log");
    assert_eq!(batch["span"]["operations"], 1, "{batch}");
    let millis = |value: &Value| value.as_f64().expect("milliseconds");
    let (locked, committed) = (millis(&batch["span"]["lock_ms"]), millis(&batch["span"]["commit_ms"]));
    assert!(locked > 0.0 && committed > 0.0, "{batch}");
    assert!(millis(&decided["fields"]["waited_ms"]) >= locked + committed, "{decided} {batch}");
}
