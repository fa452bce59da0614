//! `wallet serve`: everything in one process.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use poem::{Server, listener::TcpAcceptor};
use shaku::HasComponent;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    background::{self, Faces},
    bootstrap, greeting,
    health::{Health, Probes},
    module,
    supervisor::DeadTasks,
};
use crate::{
    api::{self, Parts, Renderer, ServiceKey},
    config::Config,
    db::{self, migrator::SchemaCheck},
    ledger::posting_loop::PostingLoop,
    telemetry::Telemetry,
};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<io::Result<()>>,
    posting_loop: PostingLoop,
}

/// Serves until SIGTERM or Ctrl-C. An error when the posting loop has died: another process has to take its place.
pub(super) async fn run(config: Config, telemetry: Telemetry) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(telemetry.clone().run_upkeep());
    #[cfg(debug_assertions)]
    if let Some(place) = config.fail_point.clone() {
        tracing::warn!(?place, "a fail point is armed: this process, or a task of it, will die there");
        crate::kernel::fail_point::arm(place);
    }
    let told_to_stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(told_to_stop);
    let running = tokio::select! {
        running = start(config.clone(), Arc::new(move || telemetry.render())) => running?,
        // It waits for Postgres: nothing was begun that would have to be finished.
        () = &mut told_to_stop => return Ok(()),
    };
    greeting::print(&config, running.address);
    let has_died = tokio::select! {
        () = told_to_stop => false,
        () = running.died() => true,
    };
    info!("stopping; what was accepted is finished first");
    running.stop().await?;
    if has_died {
        bail!("the posting loop died: its log line says why");
    }
    Ok(())
}

/// Starts everything; answers when requests are served.
pub async fn start(config: Config, metrics: Renderer) -> anyhow::Result<Running> {
    let listener = listen(&config)?;
    let address = listener.local_addr()?;
    let acceptor = TcpAcceptor::from_std(listener)?;
    bootstrap::wait_for_postgres(&config).await?;
    bootstrap::advance_sequences(&config).await?;
    bootstrap::check_redis(&config).await?;
    let infra = bootstrap::connect(&config)?;
    let shared = infra.shared.clone();
    // Before the relays and the others connect, too.
    db::warm_up(&shared.db, &shared.internal_db).await;
    bootstrap::warn_of_entry_ahead(&shared.db).await;
    let module = module::build(&config, infra);
    let stop = CancellationToken::new();
    let dead_tasks = DeadTasks::default();
    let health = Health {
        db: shared.internal_db.clone(),
        posting_loop: shared.posting_loop.clone(),
        cache: module.resolve(),
        bus: module.resolve(),
        freshness: Arc::clone(&shared.freshness),
        relays: Arc::clone(&shared.relays),
        schema: Arc::new(SchemaCheck::new(shared.internal_db.clone())),
        stopping: stop.clone(),
        dead_tasks: dead_tasks.clone(),
        probes: Probes::default(),
    };
    let endpoint = api::build(Parts {
        wallets: module.resolve(),
        identity: module.resolve(),
        health: Arc::new(health),
        metrics,
        service_key: config.service_api_key.as_ref().map(|key| ServiceKey::new(key.expose())),
    });
    // What follows the books outlives the last request: what that one has booked is published as well.
    let last = CancellationToken::new();
    let faces = Faces {
        bus: module.resolve(),
        cache: module.resolve(),
        fill: module.resolve(),
        clock: module.resolve(),
    };
    let followers = background::start(&config, &shared, faces, dead_tasks, &last);
    let grace = Duration::from_secs(config.shutdown_timeout_seconds);
    let signal = stop.clone().cancelled_owned();
    let served = tokio::spawn(async move {
        let server = Server::new_with_acceptor(acceptor);
        let served = server.run_with_graceful_shutdown(endpoint, signal, Some(grace)).await;
        last.cancel();
        followers.join().await;
        served
    });
    Ok(Running { address, stop, served, posting_loop: shared.posting_loop })
}

impl Running {
    /// Waits until the service can go on no more, because its posting loop has died.
    async fn died(&self) {
        self.posting_loop.died().await;
    }

    /// Accepts nothing more, answers every request that was read, publishes what is booked, and ends.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.served.await??)
    }
}

/// Binds the port. Small answers leave at once (`TCP_NODELAY`, which accepted sockets take over from the listener).
fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let place = (config.host.as_str(), config.port);
    let address = place.to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = address.ok_or_else(|| anyhow!("HOST={} is no address of this machine", config.host))?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    match socket.bind(&address.into()).and_then(|()| socket.listen(BACKLOG)) {
        Ok(()) => Ok(socket.into()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(anyhow!(
            "port {port} is taken by another program; choose a free one, such as PORT={}",
            config.port.checked_add(1).unwrap_or(8089),
            port = config.port
        )),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}
