//! Many clients at once, over HTTP: the same rules with one server process and with two on one database.

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use uuid::Uuid;

use super::support::{
    books::Books,
    customer::{Answer, Customer},
    load::{Load, Manner, Reply},
    service::Service,
};

/// The in-process bus and cache: what is tested is the ledger's.
const ALONE: [(&str, &str); 2] = [("KAFKA_BROKERS", ""), ("REDIS_URL", "")];

macro_rules! with_one_server_and_with_two {
    ($($rule:ident($changes:expr)),+ $(,)?) => {
        mod with_one_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::Service::of(1, $changes).await).await;
            })+
        }
        mod with_two_servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::Service::of(2, $changes).await).await;
            })+
        }
    };
}

with_one_server_and_with_two!(
    fifty_clients_deposit_one_each(&super::ALONE),
    of_a_hundred_withdrawals_of_the_whole_balance_one_wins(&super::ALONE),
    a_reference_that_comes_twenty_times_is_booked_once(&super::ALONE),
    nothing_is_withdrawn_and_nothing_is_shown_after_a_disabling(&[]),
    who_hangs_up_and_asks_again_is_served_once(&super::ALONE),
);

/// How many answers there are of this status and code.
fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    answers.iter().filter(|answer| answer.status == status && answer.code() == code).count()
}

async fn fifty_clients_deposit_one_each(service: Service) {
    let customer = service.customer().await;
    let answers = join_all((0..50).map(|n| customer[n % customer.len()].deposit(1))).await;
    assert_eq!(count(&answers, 201, ""), 50, "{answers:?}");
    let mut versions: Vec<i64> = answers.iter().filter_map(|answer| answer.version).collect();
    versions.sort_unstable();
    assert!(versions.iter().copied().eq(1..=50), "each has a version of its own: {versions:?}");
    for customer in customer {
        assert_eq!(customer.balance(50).await, 50);
    }
}

async fn of_a_hundred_withdrawals_of_the_whole_balance_one_wins(service: Service) {
    let customer = service.customer().await;
    assert_eq!(customer[0].deposit(1_000).await.status, 201);
    let answers = join_all((0..100).map(|n| customer[n % customer.len()].withdraw(1_000))).await;
    assert_eq!(count(&answers, 201, ""), 1, "{answers:?}");
    assert_eq!(count(&answers, 400, "insufficient_funds"), 99, "{answers:?}");
    for customer in customer {
        assert_eq!(customer.balance(101).await, 0, "the refusals have versions too");
    }
}

async fn a_reference_that_comes_twenty_times_is_booked_once(service: Service) {
    let customer = service.customer().await;
    let reference = Uuid::new_v4();
    for (path, balance, version) in [("/wallet/deposits", 7, 1), ("/wallet/withdrawals", 0, 2)] {
        let body = json!({"amount": 7, "reference_id": reference});
        let answers = join_all((0..20).map(|n| customer[n % customer.len()].post(path, body.clone()))).await;
        assert_eq!(count(&answers, 201, ""), 1, "{answers:?}");
        assert_eq!(count(&answers, 400, "duplicate_reference"), 19, "{answers:?}");
        let booked = answers.iter().find(|answer| answer.status == 201).unwrap();
        let kind = if path.ends_with("deposits") { "deposit" } else { "withdrawal" };
        let id = &booked.body["data"][kind]["id"];
        let named = answers.iter().filter(|answer| answer.body["data"]["transaction_id"] == *id);
        assert_eq!(named.count(), 19, "each names the first, {id}: {answers:?}");
        assert_eq!(customer[0].balance(version).await, balance);
    }
}

async fn nothing_is_withdrawn_and_nothing_is_shown_after_a_disabling(service: Service) {
    let customer = service.customer().await;
    assert_eq!(customer[0].deposit(1_000_000).await.status, 201);
    for round in 0..5 {
        let withdrawals = join_all((0..20).map(|n| customer[n % customer.len()].withdraw(1)));
        let readers = try_join_all(customer.iter().cloned().flat_map(|customer| {
            (0..3).map(move |_| tokio::spawn(read_for(customer.clone(), Duration::from_millis(400))))
        }));
        let disabling = async {
            tokio::time::sleep(Duration::from_millis(10 * round)).await;
            let disabled = customer[round as usize % customer.len()].disable().await;
            (disabled, Instant::now())
        };
        let (withdrawals, reads, (disabled, since)) = tokio::join!(withdrawals, readers, disabling);
        assert_eq!(disabled.status, 200, "{disabled:?}");
        for answer in withdrawals {
            match answer.status {
                // The disabled wallet has seen it already.
                201 => assert!(answer.version <= disabled.version, "{answer:?} after {disabled:?}"),
                _ => assert_eq!((answer.status, answer.code()), (404, "wallet_disabled"), "{answer:?}"),
            }
        }
        let shown_later =
            reads.expect("readers").into_iter().flatten().find(|(at, status)| *at > since && *status != 404);
        assert_eq!(shown_later, None, "a disabled wallet was shown; it was disabled at {since:?}");
        for customer in &customer {
            assert_eq!(customer.get("/wallet").await.code(), "wallet_disabled");
            assert_eq!(customer.withdraw(1).await.code(), "wallet_disabled");
            assert_eq!(customer.get("/wallet/transactions").await.code(), "wallet_disabled");
        }
        assert_eq!(customer[0].post("/wallet", json!({})).await.status, 201);
        for customer in &customer {
            assert_eq!(customer.get("/wallet").await.status, 200, "an enabling does not lag either");
        }
    }
}

/// Reads the wallet again and again; answers when each read began, and its status.
async fn read_for(customer: Customer, long: Duration) -> Vec<(Instant, u16)> {
    let began = Instant::now();
    let mut reads = Vec::new();
    while began.elapsed() < long {
        let at = Instant::now();
        reads.push((at, customer.get("/wallet").await.status));
    }
    reads
}

/// Clients that hang up before the answer, while they wait in the queue or while their batch is written, and ask again.
async fn who_hangs_up_and_asks_again_is_served_once(service: Service) {
    let base = |n: usize| &service.servers[n % service.servers.len()].base;
    let impatient = |millis| Manner { timeout: Duration::from_millis(millis), ..Manner::default() };
    let first = Load::start(base(0), 4, impatient(15)).await;
    let second = first.beside(base(1), impatient(30));
    let patient = first.beside(base(1), Manner::default());
    patient.goes_on(300).await;
    let mut all = patient.stop().await;
    for load in [first, second] {
        all.extend(load.stop().await);
    }
    let hung_up =
        all.iter().flat_map(|asked| &asked.attempts).filter(|a| matches!(a.reply, Reply::Nothing(_)));
    println!("{} requests, of which {} were hung up", all.len(), hung_up.count());
    let books = Books::read(&service.db.url).await;
    books.explain(&all);
}
