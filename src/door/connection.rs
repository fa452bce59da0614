//! One connection, from its first byte to its end.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{
    Response,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use metrics::counter;
use tokio::{net::TcpStream, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Answering, Limits,
    activity::{Activity, Phase},
    registry::Known,
    watched::Watched,
};

/// How long the rest of a head may take when the door has closed.
const LAST_HEAD: Duration = Duration::from_millis(500);

/// Serves requests until the peer or a limit ends the connection.
pub(super) async fn serve<A: Answering>(
    socket: TcpStream,
    peer: SocketAddr,
    known: Known,
    answering: A,
    limits: Limits,
    announced: CancellationToken,
) {
    let Known { activity, closed, ended } = known;
    let service = service_fn(|request| {
        activity.is_asked();
        let (activity, answering, announced) = (&activity, &answering, &announced);
        async move {
            let mut response = answering.answer(request, peer).await;
            if announced.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            activity.is_answered(is_last(&response));
            Ok::<_, Infallible>(response)
        }
    });
    let io = TokioIo::new(Watched::new(socket, Arc::clone(&activity)));
    let mut builder = http1::Builder::new();
    let max = limits.head_bytes_max;
    builder.max_header_size(max).max_buf_size(max).header_read_timeout(None);
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let mut is_closing = false;
    loop {
        let deadline = deadline(&activity, &limits, is_closing);
        tokio::select! {
            biased;
            // What it ended with says nothing that the peer does not know.
            _ = connection.as_mut() => return,
            () = ended.cancelled() => return if !closed.is_cancelled() { ended_by("evicted") },
            () = closed.cancelled(), if !is_closing => {
                is_closing = true;
                // A request that is on its way is still answered.
                if activity.phase() != Phase::New {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = sleep_until(deadline.into()) => {
                let now = Instant::now();
                let is_over = |end| end <= now;
                if is_closing && activity.phase().is_spare() {
                    return;
                }
                if activity.deadline(&limits).is_some_and(is_over) {
                    return ended_by(match activity.phase() {
                        Phase::New | Phase::Head => "head",
                        Phase::Idle => "idle",
                        Phase::Busy | Phase::Answering => "write",
                        Phase::Lingering => return,
                    });
                }
            }
        }
    }
}

/// When the connection is to be looked at again. A phase that begins meanwhile sets no timer, so none is longer than a part of
/// the shortest limit: a limit is kept to a quarter of it, and a request costs no timer.
fn deadline(activity: &Activity, limits: &Limits, is_closing: bool) -> Instant {
    let latest = Instant::now() + limits.shortest() / 4;
    let own = activity.deadline(limits).map_or(latest, |own| own.min(latest));
    if is_closing && activity.phase().is_spare() { own.min(Instant::now() + LAST_HEAD) } else { own }
}

/// Notes that a limit has ended the connection.
fn ended_by(reason: &'static str) {
    counter!("wallet_http_connections_closed_total", "reason" => reason).increment(1);
}

fn is_last<B>(response: &Response<B>) -> bool {
    let value = response.headers().get(CONNECTION);
    value.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}
