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

/// Timeout for the rest of a head after the door has closed.
const CLOSING_HEAD_TIMEOUT: Duration = Duration::from_millis(500);

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
        activity.note_request();
        let (activity, answering, announced) = (&activity, &answering, &announced);
        async move {
            let mut response = answering.answer(request, peer).await;
            if announced.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            activity.note_answer(is_last(&response));
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
            // Its error is not logged: the peer has caused it or knows it.
            _ = connection.as_mut() => return,
            () = ended.cancelled() => return if !closed.is_cancelled() { ended_by("evicted") },
            () = closed.cancelled(), if !is_closing => {
                is_closing = true;
                // A request that is being received is still answered.
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

/// When the connection's deadline is checked next. A new phase sets no timer, so the interval is a quarter of the shortest
/// limit: limits are exact to that, and a request costs no timer.
fn deadline(activity: &Activity, limits: &Limits, is_closing: bool) -> Instant {
    let latest = Instant::now() + limits.shortest() / 4;
    let own = activity.deadline(limits).map_or(latest, |own| own.min(latest));
    if is_closing && activity.phase().is_spare() {
        own.min(Instant::now() + CLOSING_HEAD_TIMEOUT)
    } else {
        own
    }
}

/// Counts a connection that a limit has ended.
fn ended_by(reason: &'static str) {
    counter!("wallet_http_connections_closed_total", "reason" => reason).increment(1);
}

fn is_last<B>(response: &Response<B>) -> bool {
    let value = response.headers().get(CONNECTION);
    value.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}
