//! The server killed under load: what was answered is in the books, once, and in the topic, in order.

use std::time::Duration;

use tokio::time::sleep;

use super::support::{
    books::Books,
    load::{Load, Manner, Reply},
    process::Server,
    service::Service,
    topic::tell_the_books,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_and_doubles_nothing() {
    let mut service = Service::of(1, &[]).await;
    let load = Load::start(&service.servers[0].base, 10, Manner::default()).await;
    for moment in [300, 410, 230, 370] {
        load.goes_on(50).await;
        sleep(Duration::from_millis(moment)).await;
        service.servers[0].signal("KILL");
        service.servers[0] = Server::start(&service.settings);
        load.move_to(&service.servers[0].base);
    }
    load.goes_on(50).await;
    let all = load.stop().await;
    let unanswered =
        all.iter().flat_map(|asked| &asked.attempts).filter(|a| matches!(a.reply, Reply::Nothing(_)));
    assert!(unanswered.count() > 10, "the clients were at work when the server died");
    let books = Books::read(&service.db.url).await;
    books.explain(&all);
    tell_the_books(&service.settings).await;
}
