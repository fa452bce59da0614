//! The wallets that the load is spread over, made through the front door.

use std::{cell::Cell, cell::RefCell, net::SocketAddr, rc::Rc};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{connection::Connection, request::Request};

/// Over how many connections they are made.
const CONNECTIONS: usize = 32;

/// A wallet that may be used, and the token that opens it.
#[derive(Clone, Debug)]
pub struct Wallet {
    pub id: Uuid,
    pub token: String,
}

/// Opens and enables so many wallets. Must run within a `LocalSet`.
pub async fn open(host: SocketAddr, count: u32) -> Result<Vec<Wallet>> {
    let left = Rc::new(Cell::new(count));
    let wallets = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (left, wallets) = (left.clone(), wallets.clone());
        tasks.spawn_local(async move {
            let mut connection = Connection::open(host).await?;
            while left.get() > 0 {
                left.set(left.get() - 1);
                let wallet = open_one(&mut connection, host).await?;
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

async fn open_one(connection: &mut Connection, host: SocketAddr) -> Result<Wallet> {
    let opened = created(connection, &Request::init(host, Uuid::new_v4())).await?;
    let token = opened["data"]["token"].as_str().context("POST /init gave no token")?.to_owned();
    let enabled = created(connection, &Request::enable(host, &token)).await?;
    let id = enabled["data"]["wallet"]["id"].as_str().context("POST /wallet gave no id")?;
    Ok(Wallet { id: id.parse()?, token })
}

async fn created(connection: &mut Connection, request: &Request) -> Result<Value> {
    let mut bytes = Vec::new();
    request.write(Uuid::nil(), &mut bytes);
    let answer = connection.exchange(&bytes).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(serde_json::from_slice(answer.body)?)
}
