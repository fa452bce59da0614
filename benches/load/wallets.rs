//! The wallets of the load, opened over HTTP.

use std::{cell::Cell, cell::RefCell, net::SocketAddr, rc::Rc};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    connection::Connection,
    request::{Request, RequestIds, Wallet},
};

/// The maximum number of wallets that are opened over HTTP; more are written into the books, which takes seconds.
pub const OPENED_MAX: u32 = 20_000;
/// The number of connections over which they are opened.
const CONNECTIONS: usize = 64;
/// The first deposit of each, in cents: more than it can send in hours.
pub const FUNDS_CENTS: u64 = 1_000_000_000_000;

/// Opens and enables this number of wallets, and pays [`FUNDS_CENTS`] into each if they are `funded`. Must run within a `LocalSet`.
pub async fn open(host: SocketAddr, count: u32, funded: bool) -> Result<Vec<Wallet>> {
    let left = Rc::new(Cell::new(count));
    let wallets = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (left, wallets) = (left.clone(), wallets.clone());
        tasks.spawn_local(async move {
            let mut connection = Connection::open(host).await?;
            while left.get() > 0 {
                left.set(left.get() - 1);
                let wallet = open_one(&mut connection, host, funded).await?;
                wallets.borrow_mut().push(wallet);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(wallets.take())
}

/// Writes this number of enabled, empty wallets. The service must not be running.
pub async fn insert(url: &str, count: u32) -> Result<()> {
    let mut conn = PgConnection::connect(url).await?;
    for sql in [
        "insert into customers (id, xid) select lpad(n::text, 32, '0')::uuid, lpad(n::text, 32, '0')::uuid
         from generate_series(1, $1::int) n",
        "insert into wallets (id, customer_id, currency, status, status_version, enabled_at)
         select id, id, 'USD', 1, 1, date_trunc('day', now()) from customers where $1::int > 0",
        "insert into status_changes (id, wallet_id, status_version, status, frozen, actor, occurred_at)
         select id, id, 1, 1, false, 'bench', date_trunc('day', now()) from wallets where $1::int > 0",
    ] {
        sqlx::query(sql).bind(i32::try_from(count)?).execute(&mut conn).await?;
    }
    Ok(())
}

/// The tokens of the wallets that [`insert`] has written. Must run within a `LocalSet`.
pub async fn signed_in(host: SocketAddr, count: u32) -> Result<Vec<Wallet>> {
    let next = Rc::new(Cell::new(1));
    let wallets = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (next, wallets) = (next.clone(), wallets.clone());
        tasks.spawn_local(async move {
            let mut connection = Connection::open(host).await?;
            while next.get() <= count {
                let id: Uuid = format!("{:0>32}", next.replace(next.get() + 1)).parse()?;
                let token = token(&mut connection, host, id).await?;
                wallets.borrow_mut().push(Wallet { id, token });
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(wallets.take())
}

/// Deposits a cent into each of these wallets, to be spent from `release_at` (RFC 3339) on. Must run within a `LocalSet`.
pub async fn deposit_until(
    host: SocketAddr,
    wallets: impl Iterator<Item = &Wallet>,
    release_at: &str,
) -> Result<()> {
    let requests: Vec<Request> =
        wallets.map(|wallet| Request::deposit_until(host, &wallet.token, 1, release_at)).collect();
    let requests = Rc::new(RefCell::new(requests));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let requests = requests.clone();
        tasks.spawn_local(async move {
            let mut connection = Connection::open(host).await?;
            loop {
                let Some(request) = requests.borrow_mut().pop() else { return anyhow::Ok(()) };
                created(&mut connection, &request).await?;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn open_one(connection: &mut Connection, host: SocketAddr, funded: bool) -> Result<Wallet> {
    let token = token(connection, host, Uuid::new_v4()).await?;
    let enabled = created(connection, &Request::enable(host, &token)).await?;
    let id = enabled["data"]["wallet"]["id"].as_str().context("POST /wallet gave no id")?;
    if funded {
        created(connection, &Request::deposit(host, &token, FUNDS_CENTS)).await?;
    }
    Ok(Wallet { id: id.parse()?, token })
}

/// The token of a customer, as in `Authorization`.
async fn token(connection: &mut Connection, host: SocketAddr, xid: Uuid) -> Result<String> {
    let opened = created(connection, &Request::init(host, xid)).await?;
    let token = opened["data"]["token"].as_str().context("POST /init gave no token")?;
    Ok(format!("Token {token}"))
}

/// Sends a request whose reference may be anything, and expects 201.
async fn created(connection: &mut Connection, request: &Request) -> Result<Value> {
    let mut bytes = Vec::new();
    request.write(&RequestIds { reference: Uuid::new_v4(), ..RequestIds::default() }, &mut bytes);
    let answer = connection.exchange(&bytes).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(serde_json::from_slice(answer.body)?)
}
