//! The audit of the cache: each of its rules is broken once, and it names the wallet.

use std::sync::Arc;

use redis::{Commands, Connection};
use wallet::{accounts::CACHE_RULES, kernel::ids::WalletId, ledger::posting::PostingLoop};

use super::support::{
    app::{Settings, TestApp},
    operations::{self, Expecting},
    process::run,
    servers::servers,
};

/// Changes a field of a wallet's hash, as nothing of ours would, and answers with what the audit then says.
fn break_it(redis: &mut Connection, settings: &Settings, key: &str, field: &str, value: &str) -> String {
    let before: String = redis.hget(key, field).expect("a field");
    let () = redis.hset(key, field, value).expect("Redis");
    let (code, printed) = run(settings, &["audit", "--cache"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("the cache and the books do not agree"), "{printed}");
    let () = redis.hset(key, field, before).expect("Redis");
    printed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_of_the_cache_finds_what_breaks_it_and_names_the_wallet() {
    let mut app = TestApp::start().await;
    let customers = [app.customer().await, app.customer().await, app.customer().await];
    for (customer, amount) in customers.iter().zip([100, 200, 300]) {
        assert_eq!(customer.deposit(amount).await.status, 201);
    }
    app.stop().await;
    let settings = &app.settings;
    assert_eq!(run(settings, &["cache", "rebuild"]).0, Some(0));
    let (code, printed) = run(settings, &["audit", "--cache"]);
    assert_eq!(code, Some(0), "{printed}");
    let agree = "the cache and the books agree: it has the views of 3 wallets, 0 of them older than the books; 0 wallets have none";
    assert!(printed.contains(agree), "{printed}");

    let mut redis =
        redis::Client::open(servers().redis_url.as_str()).expect("a URL").get_connection().expect("Redis");
    let keys: Vec<String> = redis.keys(format!("{}*", settings["REDIS_PREFIX"])).expect("the keys");
    let key_of = |name: &str| keys.iter().find(|key| key.ends_with(name)).expect("a key").clone();
    let [first, second, third] = customers.each_ref().map(|customer| customer.wallet.to_string());
    let [of_the_books, is_not_ahead, is_equal] = CACHE_RULES;

    let key = key_of(&first);
    let money: String = redis.hget(&key, "money").expect("its money");
    let printed =
        break_it(&mut redis, settings, &key, "money", &money.replace("available=100", "available=101"));
    assert!(
        printed.contains(is_equal) && printed.contains(&format!("wallet {first}, version 1")),
        "{printed}"
    );
    let status: String = redis.hget(&key, "status").expect("its status");
    let printed = break_it(&mut redis, settings, &key, "status", &status.replace("enabled ", "disabled "));
    assert!(printed.contains(is_equal) && printed.contains(&format!("wallet {first}, status version 1")));
    let printed = break_it(&mut redis, settings, &key_of(&second), "version", "7");
    assert!(printed.contains(is_not_ahead) && printed.contains(&format!("wallet {second}, version 7")));
    let mark =
        keys.iter().find(|key| redis.hexists(*key, "epoch").expect("Redis")).expect("the mark").clone();
    let printed = break_it(&mut redis, settings, &mark, "generation", "9999999999");
    assert!(printed.contains(of_the_books), "{printed}");

    // What is older or not there is no finding.
    let () = redis.del(key_of(&third)).expect("Redis");
    let posting_loop = PostingLoop::start(operations::settings(&settings["DATABASE_URL"]), Arc::default());
    posting_loop.book(operations::deposit(WalletId(customers[1].wallet), 1)).await.expect("a deposit");
    let (code, printed) = run(settings, &["audit", "--cache"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("2 wallets, 1 of them older than the books; 1 wallets have none"), "{printed}");

    let mut alone = settings.clone();
    alone.insert("REDIS_URL".to_owned(), String::new());
    let (code, printed) = run(&alone, &["audit", "--cache"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("REDIS_URL is empty"), "{printed}");
}
