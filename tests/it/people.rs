//! People over HTTP: signing up, in and out, refreshing, and what a change of the password ends. Two servers where it matters.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::support::{
    app::TestApp,
    client::builder,
    customer::{Answer, Customer},
    process::Server,
    service::Service,
    wait::until,
};

const PASSWORD: &str = "twelve gulls at noon";
const NEXT_PASSWORD: &str = "eleven herons by dusk";

/// Somebody at a server, with a token or without one.
#[derive(Clone)]
struct Person {
    http: Client,
    base: String,
    token: String,
    refresh_token: String,
}

impl Person {
    fn at(base: &str) -> Self {
        let http = builder().user_agent("Gull/1.0").build().expect("a client");
        Self { http, base: base.to_owned(), token: String::new(), refresh_token: String::new() }
    }

    async fn signed_up(base: &str, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada Obi", "language": "en"});
        let person = Self::at(base);
        let answer = person.send(Method::POST, "/users", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        person.with(&answer)
    }

    /// The same person with the tokens of this answer.
    fn with(&self, answer: &Answer) -> Self {
        let text = |name: &str| answer.body["data"][name].as_str().expect("a token").to_owned();
        Self { token: text("token"), refresh_token: text("refresh_token"), ..self.clone() }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Value::Null).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let anybody = Self { token: String::new(), ..self.clone() };
        anybody.send(Method::POST, "/sessions", json!({"email": email, "password": password})).await
    }

    async fn refresh(&self) -> Answer {
        let anybody = Self { token: String::new(), ..self.clone() };
        anybody.send(Method::POST, "/sessions/refresh", json!({"refresh_token": self.refresh_token})).await
    }

    async fn me(&self) -> u16 {
        self.get("/me").await.status
    }

    /// Waits until the token is refused here; answers how long that took.
    async fn is_refused(&self) -> Duration {
        let since = Instant::now();
        until("the token is refused", Duration::from_secs(20), async || {
            (self.me().await == 401).then_some(())
        })
        .await;
        since.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_signs_up_moves_money_and_is_found_by_every_spelling_of_the_address() {
    let mut app = TestApp::start().await;
    let ada = Person::signed_up(&app.base, "Ada.Obi@Example.com").await;
    let me = ada.get("/me").await.body["data"]["me"].clone();
    assert_eq!(
        (&me["email"], &me["email_verified"], &me["name"], &me["language"]),
        (&json!("Ada.Obi@Example.com"), &json!(true), &json!("Ada Obi"), &json!("en"))
    );
    let deposit = json!({"amount": 500, "reference_id": Uuid::new_v4()});
    assert_eq!(ada.send(Method::POST, "/wallet/deposits", deposit).await.status, 201);
    assert_eq!(ada.get("/wallet").await.body["data"]["wallet"]["owned_by"], me["customer_xid"]);
    let again = ada.sign_in("ada.obi@EXAMPLE.com", PASSWORD).await;
    assert_eq!(again.status, 201);
    assert_eq!(ada.with(&again).get("/me").await.body["data"]["me"], me);
    let body = json!({"email": "ADA.OBI@example.com", "password": PASSWORD});
    assert_eq!(Person::at(&app.base).send(Method::POST, "/users", body).await.code(), "email_taken");
    for (email, password) in
        [("ada.obi@example.com", NEXT_PASSWORD), ("eva@example.com", PASSWORD), ("ada", "")]
    {
        let refused = ada.sign_in(email, password).await;
        assert_eq!((refused.status, refused.code()), (401, "unauthorized"), "{email}");
    }
    let sessions = ada.get("/sessions").await.body["data"]["sessions"].clone();
    let shown: Vec<_> =
        sessions.as_array().unwrap().iter().map(|s| (&s["is_current"], &s["user_agent"])).collect();
    assert_eq!(shown, [(&json!(false), &json!("Gull/1.0")), (&json!(true), &json!("Gull/1.0"))]);
    let renamed = ada.send(Method::PATCH, "/me", json!({"name": "Ada O."})).await;
    assert_eq!(
        (&renamed.body["data"]["me"]["name"], &renamed.body["data"]["me"]["language"]),
        (&json!("Ada O."), &json!("en"))
    );
    app.stop().await;
}

/// Of twenty who sign up with one address at once, one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_one_users_also_when_many_ask_at_once() {
    let service = Service::of(2, &[]).await;
    let all = (0..20).map(async |n: usize| {
        let body = json!({"email": "ada@example.com", "password": PASSWORD});
        Person::at(&service.servers[n % 2].base).send(Method::POST, "/users", body).await
    });
    let statuses: Vec<u16> =
        futures_util::future::join_all(all).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409, 503].contains(status)), "{statuses:?}");
    assert_eq!(service.db.number("select count(*) from users").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_comes_back_late_ends_its_session_everywhere() {
    let service = Service::of(2, &[]).await;
    let first = Person::signed_up(&service.servers[0].base, "ada@example.com").await;
    let there = |person: &Person| Person { base: service.servers[1].base.clone(), ..person.clone() };
    let second = first.with(&first.refresh().await);
    // Two tabs at once, or an answer that was lost: the one before is accepted for a while, by either process.
    let other_tab = there(&first).with(&there(&first).refresh().await);
    let third = second.with(&second.refresh().await);
    assert_eq!((third.me().await, other_tab.me().await, first.me().await), (200, 200, 200));
    // The first one's successor was used, so the first one is replayed.
    let (here, elsewhere) = (first.clone(), there(&first));
    let (one, other) = tokio::join!(here.refresh(), elsewhere.refresh());
    assert_eq!((one.status, other.status), (401, 401));
    for person in [&first, &third, &other_tab] {
        assert!(person.is_refused().await < Duration::from_secs(1));
        assert!(there(person).is_refused().await < Duration::from_secs(2));
        assert_eq!(person.refresh().await.status, 401);
    }
    assert_eq!(service.db.number("select count(*) from sessions where ended_at is null").await, 0);
    assert_eq!(first.sign_in("ada@example.com", PASSWORD).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_token_is_accepted_for_ten_seconds_and_no_longer() {
    let app = TestApp::start_alone().await;
    let ada = Person::signed_up(&app.base, "ada@example.com").await;
    assert_eq!(ada.refresh().await.status, 201);
    assert_eq!(ada.refresh().await.status, 201);
    app.db
        .run("update refresh_tokens set used_at = used_at - interval '11 seconds' where used_at is not null")
        .await;
    assert_eq!(ada.refresh().await.status, 401);
    assert_eq!(ada.me().await, 401);

    let eva = Person::signed_up(&app.base, "eva@example.com").await;
    app.db.run("update refresh_tokens set expires_at = now() where used_at is null").await;
    assert_eq!((eva.refresh().await.status, eva.me().await), (401, 200), "that it has expired ends nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_is_out_at_once_here_and_within_a_second_elsewhere() {
    let mut service = Service::of(2, &[]).await;
    let ada = Person::signed_up(&service.servers[0].base, "ada@example.com").await;
    let phone = ada.with(&ada.sign_in("ada@example.com", PASSWORD).await);
    let there = Person { base: service.servers[1].base.clone(), ..ada.clone() };
    assert_eq!((ada.me().await, there.me().await), (200, 200));
    assert_eq!(ada.send(Method::DELETE, "/sessions", Value::Null).await.status, 200);
    assert_eq!(ada.me().await, 401, "at once");
    assert!(there.is_refused().await < Duration::from_secs(2));
    assert_eq!((phone.me().await, ada.refresh().await.status), (200, 401), "one session of two");

    // A process that starts later knows it from the beginning.
    service.servers[1] = Server::start(&service.settings);
    let late = Person { base: service.servers[1].base.clone(), ..ada.clone() };
    assert_eq!(late.me().await, 401);

    // From another place, by its id; another's session is not found.
    let eva = Person::signed_up(&service.servers[0].base, "eva@example.com").await;
    let id = phone.get("/sessions").await.body["data"]["sessions"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{id}");
    assert_eq!(eva.send(Method::DELETE, &path, Value::Null).await.code(), "not_found");
    assert_eq!(phone.send(Method::DELETE, &path, Value::Null).await.status, 200);
    assert_eq!((phone.me().await, eva.me().await), (401, 200));

    // A token of no session.
    let exercise = Customer::enabled(&service.servers[0].base).await;
    let other = Customer::init(&service.servers[0].base, exercise.xid).await;
    let signed_out = exercise.try_send(Method::DELETE, "/sessions", json!({})).await.expect("an answer");
    assert_eq!(signed_out.status, 200);
    assert_eq!((exercise.get("/wallet").await.status, other.get("/wallet").await.status), (401, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_ends_every_session_and_every_token() {
    let service = Service::of(2, &[]).await;
    let ada = Person::signed_up(&service.servers[0].base, "ada@example.com").await;
    let phone = ada.with(&ada.sign_in("ada@example.com", PASSWORD).await);
    let xid = ada.get("/me").await.body["data"]["me"]["customer_xid"].as_str().unwrap().parse().unwrap();
    let by_init = Customer::init(&service.servers[0].base, xid).await;
    assert_eq!(by_init.get("/wallet").await.status, 200);
    let change = |old: &str| json!({"password": NEXT_PASSWORD, "old_password": old});
    assert_eq!(ada.send(Method::PATCH, "/me", change("wrong")).await.status, 401);
    assert_eq!(ada.me().await, 200);
    assert_eq!(ada.send(Method::PATCH, "/me", change(PASSWORD)).await.status, 200);
    for person in [&ada, &phone] {
        assert_eq!((person.me().await, person.refresh().await.status), (401, 401));
        let there = Person { base: service.servers[1].base.clone(), ..person.clone() };
        assert!(there.is_refused().await < Duration::from_secs(2));
    }
    assert_eq!(by_init.get("/wallet").await.status, 401);
    assert_eq!(ada.sign_in("ada@example.com", PASSWORD).await.status, 401);
    // Right after it, and nothing is revoked that came later.
    let again = ada.with(&ada.sign_in("ada@example.com", NEXT_PASSWORD).await);
    assert_eq!(again.me().await, 200);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(Person { base: service.servers[1].base.clone(), ..again }.me().await, 200);
}

/// No session is left of a password that was changed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_beside_a_change_of_the_password_does_not_outlive_it() {
    let service = Service::of(2, &[]).await;
    let ada = Person::signed_up(&service.servers[0].base, "ada@example.com").await;
    let (mut ada, mut passwords) = (ada, [PASSWORD, NEXT_PASSWORD]);
    for _ in 0..6 {
        let change = json!({"password": passwords[1], "old_password": passwords[0]});
        let there = Person { base: service.servers[1].base.clone(), ..ada.clone() };
        let sign_ins = (0..8).map(|_| there.sign_in("ada@example.com", passwords[0]));
        let (changed, signed_in) =
            tokio::join!(ada.send(Method::PATCH, "/me", change), futures_util::future::join_all(sign_ins));
        assert_eq!(changed.status, 200);
        for answer in signed_in.iter().filter(|answer| answer.status == 201) {
            let stray = there.with(answer);
            stray.is_refused().await;
            assert_eq!(stray.refresh().await.status, 401);
        }
        passwords.reverse();
        ada = ada.with(&ada.sign_in("ada@example.com", passwords[0]).await);
    }
    assert_eq!(service.db.number("select count(*) from sessions where ended_at is null").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_hashed_again_when_the_cost_has_changed() {
    let mut service = Service::of(1, &[]).await;
    let ada = Person::signed_up(&service.servers[0].base, "ada@example.com").await;
    let of_cost = |memory: u32| {
        format!("select count(*) from users where password_hash like '$argon2id$v=19$m={memory},t=1,p=1$%'")
    };
    assert_eq!(service.db.number(&of_cost(64)).await, 1);
    service.settings.insert("PASSWORD_MEMORY_KIB".to_owned(), "128".to_owned());
    service.servers[0] = Server::start(&service.settings);
    let ada = Person { base: service.servers[0].base.clone(), ..ada };
    assert_eq!(ada.sign_in("ada@example.com", NEXT_PASSWORD).await.status, 401);
    assert_eq!(service.db.number(&of_cost(64)).await, 1);
    let signed_in = ada.sign_in("ada@example.com", PASSWORD).await;
    assert_eq!((signed_in.status, ada.with(&signed_in).me().await), (201, 200));
    assert_eq!(service.db.number(&of_cost(128)).await, 1);
    assert_eq!(ada.sign_in("ada@example.com", PASSWORD).await.status, 201);
}

/// A source that has failed too often is answered 429, before anything is compared; users elsewhere are not concerned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_guesses_is_slowed_down() {
    let app = TestApp::start_with(&[("RATE_LIMIT_FAILURES", "5/m")]).await;
    let ada = Person::signed_up(&app.base, "ada@example.com").await;
    for n in 0..5 {
        assert_eq!(ada.sign_in("ada@example.com", "wrong").await.status, 401, "{n}");
    }
    assert_eq!(ada.sign_in("ada@example.com", "wrong").await.status, 429);
    assert_eq!(ada.sign_in("ada@example.com", PASSWORD).await.status, 429);
    let change = json!({"password": NEXT_PASSWORD, "old_password": PASSWORD});
    assert_eq!(ada.send(Method::PATCH, "/me", change).await.status, 429);
    assert_eq!(ada.send(Method::PATCH, "/me", json!({"name": "Ada O."})).await.status, 200);
    assert_eq!((ada.me().await, ada.refresh().await.status), (200, 201), "a session goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_shows_a_password_a_token_or_an_address() {
    let service = Service::of(1, &[("RUST_LOG", "trace")]).await;
    let ada = Person::signed_up(&service.servers[0].base, "ada.lovelace@example.com").await;
    let next = ada.with(&ada.refresh().await);
    next.sign_in("ada.lovelace@example.com", "a wrong password 17").await;
    let change = json!({"password": NEXT_PASSWORD, "old_password": PASSWORD});
    assert_eq!(next.send(Method::PATCH, "/me", change).await.status, 200);
    let secrets = [
        PASSWORD,
        NEXT_PASSWORD,
        "a wrong password 17",
        &ada.token,
        &ada.refresh_token,
        &next.token,
        &next.refresh_token,
        "lovelace",
        "argon2id",
    ];
    for line in service.servers[0].log() {
        for secret in secrets {
            assert!(!line.contains(secret), "{line}");
        }
    }
    assert!(service.servers[0].log().len() > 50, "the log says everything");
}

/// What has expired is deleted a day later, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_have_ended_are_swept_and_open_ones_stay() {
    let app = TestApp::start_alone().await;
    let ada = Person::signed_up(&app.base, "ada@example.com").await;
    let phone = ada.with(&ada.sign_in("ada@example.com", PASSWORD).await);
    assert_eq!(phone.send(Method::DELETE, "/sessions", Value::Null).await.status, 200);
    let sweep = wallet::identity::store::SWEEPS.join(";");
    let left = "select (select count(*) from sessions) * 100 + (select count(*) from refresh_tokens) * 10
                       + (select count(*) from revocations)";
    app.db.run(&sweep).await;
    assert_eq!(app.db.number(left).await, 221);
    app.db
        .run("update sessions set expires_at = expires_at - interval '1 day' where ended_at is not null")
        .await;
    app.db.run(&sweep).await;
    assert_eq!(app.db.number(left).await, 221, "it has a token that could be replayed");
    app.db
        .run(
            "update refresh_tokens t set expires_at = now() - interval '25 hours' from sessions s
              where s.id = t.session_id and s.ended_at is not null;
              update revocations set expires_at = now() - interval '1 second'",
        )
        .await;
    app.db.run(&sweep).await;
    assert_eq!(app.db.number(left).await, 110);
    assert_eq!((ada.me().await, ada.refresh().await.status), (200, 201));
}

/// A thief who knows the password too cannot take a change back that was made while the own one was being hashed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_changes_of_one_password_at_once_one_is_made() {
    let service = Service::of(2, &[]).await;
    let ada = Person::signed_up(&service.servers[0].base, "ada@example.com").await;
    let there = Person { base: service.servers[1].base.clone(), ..ada.clone() };
    let passwords =
        ["eleven herons by dusk", "nine cranes after rain", "seven storks in march", "six egrets and a crab"];
    let changes = passwords.iter().enumerate().map(|(n, password)| {
        let person = if n % 2 == 0 { &ada } else { &there };
        person.send(Method::PATCH, "/me", json!({"password": password, "old_password": PASSWORD}))
    });
    let statuses: Vec<u16> =
        futures_util::future::join_all(changes).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    for (password, status) in passwords.iter().zip(statuses) {
        let signed_in = ada.sign_in("ada@example.com", password).await.status;
        assert_eq!(signed_in == 201, status == 200, "{password}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_gets_thirty_tokens_in_a_minute_at_most() {
    let app = TestApp::start_alone().await;
    let mut ada = Person::signed_up(&app.base, "ada@example.com").await;
    for n in 1..30 {
        let refreshed = ada.refresh().await;
        assert_eq!(refreshed.status, 201, "{n}");
        ada = ada.with(&refreshed);
    }
    assert_eq!((ada.refresh().await.code(), ada.me().await), ("rate_limited", 200));
    app.db.run("update refresh_tokens set created_at = created_at - interval '1 minute'").await;
    assert_eq!(ada.refresh().await.status, 201);
}
