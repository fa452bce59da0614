//! `wallet serve`: everything in one process.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::bail;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use poem::{
    Endpoint, Response,
    endpoint::BoxEndpoint,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use shaku::HasComponent;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    background::{self, Faces},
    bootstrap, greeting,
    health::{Health, Probes},
    listen, module,
    supervisor::DeadTasks,
};
use crate::{
    api::{self, Parts, Renderer, ServiceKey},
    config::Config,
    db::{self, migrator::SchemaCheck},
    door::{self, Answering, Closing, Door, Limits},
    ledger::posting::PostingLoop,
    limits::TrustedProxies,
    telemetry::Telemetry,
};

/// How many connections the port for those who run the service takes at once.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens for those who run the service; none: there is no second port.
    pub admin_address: Option<SocketAddr>,
    /// Cancelled when the end begins.
    stopping: CancellationToken,
    closing: Closing,
    /// From the announcement of the end to the end of accepting.
    delay: Duration,
    /// From the end of accepting to the end of the last connection.
    timeout: Duration,
    served: JoinHandle<()>,
    posting_loop: PostingLoop,
}

/// Serves until SIGTERM, SIGHUP or Ctrl-C. An error when the posting loop has died: another process has to take its place.
pub(super) async fn run(config: Config, telemetry: Telemetry) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(telemetry.clone().run_upkeep());
    door::raise_limit();
    #[cfg(debug_assertions)]
    if let Some(place) = config.fail_point.clone() {
        tracing::warn!(?place, "a fail point is armed: this process, or a task of it, will die there");
        crate::kernel::fail_point::arm(place);
    }
    let told_to_stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(told_to_stop);
    let running = tokio::select! {
        running = start(config.clone(), Arc::new(move || telemetry.render())) => running?,
        // It waits for Postgres: nothing was begun that would have to be finished.
        () = &mut told_to_stop => return Ok(()),
    };
    greeting::print(&config, running.address, running.admin_address);
    let has_died = tokio::select! {
        () = told_to_stop => false,
        () = running.died() => true,
    };
    info!("stopping; what was accepted is finished first");
    // A dead loop answers nobody; the next process must not wait for it.
    let delay = if has_died { Duration::ZERO } else { running.delay };
    Running { delay, ..running }.stop().await?;
    if has_died {
        bail!("the posting loop died: its log line says why");
    }
    Ok(())
}

/// Starts everything; answers when requests are served.
pub async fn start(config: Config, metrics: Renderer) -> anyhow::Result<Running> {
    let listener = listen::listen(&config.host, config.port)?;
    let admin_listener = config.admin_port.map(|port| listen::listen(&config.host, port)).transpose()?;
    let address = listener.local_addr()?;
    let admin_address = admin_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    bootstrap::wait_for_postgres(&config).await?;
    bootstrap::advance_sequences(&config).await?;
    bootstrap::check_redis(&config).await?;
    let infra = bootstrap::connect(&config)?;
    let shared = infra.shared.clone();
    // Before the relays and the others connect, too.
    db::warm_up(&shared.db, &shared.internal_db).await;
    bootstrap::warn_of_entry_ahead(&shared.db).await;
    let module = module::build(&config, infra);
    let (stopping, closing) = (CancellationToken::new(), Closing::default());
    let dead_tasks = DeadTasks::default();
    let health = Health {
        db: shared.internal_db.clone(),
        posting_loop: shared.posting_loop.clone(),
        cache: module.resolve(),
        bus: module.resolve(),
        freshness: Arc::clone(&shared.freshness),
        relays: Arc::clone(&shared.relays),
        schema: Arc::new(SchemaCheck::new(shared.internal_db.clone())),
        stopping: stopping.clone(),
        dead_tasks: dead_tasks.clone(),
        probes: Probes::default(),
    };
    let parts = Parts {
        accounts: module.resolve(),
        payments: module.resolve(),
        identity: module.resolve(),
        health: Arc::new(health),
        metrics,
        service_key: config.service_api_key.as_ref().map(|key| ServiceKey::new(key.expose())),
        limits: Arc::clone(&shared.limits),
        proxies: TrustedProxies::new(config.trusted_proxies.clone()),
        stopping: closing.closed.clone(),
    };
    let endpoints = api::build(parts, admin_listener.is_some());
    let connections_max = door::connections_max(config.connections_max, config.database_pool_max as usize);
    let public = door(listener, endpoints.public, connections_max, &closing)?;
    let admin = match (admin_listener, endpoints.admin) {
        (Some(listener), Some(endpoint)) => {
            Some(door(listener, endpoint, ADMIN_CONNECTIONS_MAX.min(connections_max), &closing)?)
        }
        _ => None,
    };
    // What follows the books outlives the last request: what that one has booked is published as well.
    let last = CancellationToken::new();
    let faces = Faces {
        bus: module.resolve(),
        cache: module.resolve(),
        fill: module.resolve(),
        clock: module.resolve(),
        counts: module.resolve(),
    };
    let followers = background::start(&config, &shared, faces, dead_tasks, &last);
    let served = tokio::spawn(async move {
        tokio::join!(public.run(), async {
            if let Some(admin) = admin {
                admin.run().await;
            }
        });
        last.cancel();
        followers.join().await;
    });
    Ok(Running {
        address,
        admin_address,
        stopping,
        closing,
        delay: Duration::from_secs(config.shutdown_delay_seconds),
        timeout: Duration::from_secs(config.shutdown_timeout_seconds),
        served,
        posting_loop: shared.posting_loop,
    })
}

impl Running {
    /// Waits until the service can go on no more, because its posting loop has died.
    async fn died(&self) {
        self.posting_loop.died().await;
    }

    /// Is not ready any more, and after the delay accepts nothing more; answers every request that was read, publishes what is
    /// booked, and ends.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stopping.cancel();
        self.closing.announced.cancel();
        sleep(self.delay).await;
        self.closing.closed.cancel();
        let mut served = self.served;
        if timeout(self.timeout, &mut served).await.is_err() {
            warn!("SHUTDOWN_TIMEOUT is over: connections are closed, whatever they wait for");
            self.closing.abandoned.cancel();
            served.await?;
        }
        Ok(())
    }
}

/// The API behind a door.
#[derive(Clone)]
struct Served {
    endpoint: Arc<BoxEndpoint<'static, Response>>,
    local: SocketAddr,
}

impl Answering for Served {
    type Body = BoxBody<Bytes, std::io::Error>;

    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
    ) -> hyper::Response<Self::Body> {
        let (local, peer) = (LocalAddr(self.local.into()), RemoteAddr(peer.into()));
        self.endpoint.get_response((request, local, peer, Scheme::HTTP).into()).await.into()
    }
}

fn door(
    listener: TcpListener,
    endpoint: BoxEndpoint<'static, Response>,
    connections_max: usize,
    closing: &Closing,
) -> anyhow::Result<Door<Served>> {
    let served = Served { endpoint: Arc::new(endpoint), local: listener.local_addr()? };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(Door::new(listener, served, Limits::with_connections(connections_max), closing.clone()))
}
