//! The connection cut in the middle of a commit: before the commit reached Postgres, and after it took place unanswered.

use std::time::Duration;

use super::support::{
    books::Books,
    load::{Load, Manner, Told},
    service::Service,
    topic::tell_the_books,
};

/// Postgres is there and can be asked, so nobody may hear that the outcome is not known, or a second decision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_lost_commit_is_found_out_before_anybody_is_answered() {
    let (service, proxy) = Service::behind_a_proxy().await;
    let once = Manner { insists: false, pause: Duration::ZERO, ..Manner::default() };
    let load = Load::start(&service.servers[0].base, 6, once).await;
    proxy.cut_commits(3);
    load.goes_on(300).await;
    let cut = proxy.cut_commits(0);
    assert!(cut >= 8, "only {cut} commits were cut");
    let all = load.stop().await;
    let undecided = all.iter().find(|asked| {
        !matches!(asked.attempts[..], [ref only] if matches!(only.told, Told::Booked(..) | Told::InsufficientFunds))
    });
    assert!(undecided.is_none(), "{undecided:?}");
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}
