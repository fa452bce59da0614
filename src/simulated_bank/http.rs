//! The bank's HTTP: `POST /payouts`, `GET /payouts/{id}`, and `GET /book` for tests.

use std::{sync::Arc, time::Duration};

use poem::{
    Body, Endpoint, EndpointExt, Request, Response, Route, get, handler,
    http::{StatusCode, header::AUTHORIZATION},
    post,
    web::{Data, Path},
};
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;
use tracing::warn;
use uuid::Uuid;

use super::{
    behaviour::Behaviour,
    connections::OpenConnections,
    payment::{Answer, Instruction, Status},
    service::{PaymentService, Submitted},
};

/// How late a stalled answer is: later than any client waits.
const STALL: Duration = Duration::from_secs(30);
/// Maximum length of a request in bytes.
const BODY_MAX: usize = 64 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub struct Shared {
    pub service: Arc<PaymentService>,
    pub open: Arc<OpenConnections>,
    /// The value of `Authorization`.
    pub authorization: Arc<str>,
}

/// The routes, behind the token.
pub fn endpoint(shared: Shared) -> impl Endpoint {
    Route::new()
        .at("/payouts", post(submit))
        .at("/payouts/:id", get(find))
        .at("/book", get(book))
        .around(|endpoint, request| async move {
            let known = request.data::<Shared>().is_some_and(|shared| is_known(&request, shared));
            if !known {
                return Ok(refusal(StatusCode::UNAUTHORIZED, "unauthorized"));
            }
            Ok(endpoint.get_response(request).await)
        })
        .data(shared)
}

fn is_known(request: &Request, shared: &Shared) -> bool {
    request.header(AUTHORIZATION).is_some_and(|value| *value == *shared.authorization)
}

#[handler]
async fn submit(request: &Request, body: Body, shared: Data<&Shared>) -> Response {
    let Shared { service, open, .. } = *shared;
    let Some(instruction) = instruction(request, body).await else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request");
    };
    service.lag().await;
    let (answer, behaviour) = match service.submit(&instruction) {
        Ok(Submitted::Taken(answer, behaviour)) => (answer, behaviour),
        Ok(Submitted::Repeated(answer)) => return reply(StatusCode::OK, &answer),
        Ok(Submitted::Differs) => return refusal(StatusCode::CONFLICT, "payout_differs"),
        Ok(Submitted::Failed) => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        Err(error) => {
            warn!(%error, "the book cannot be written");
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal_error");
        }
    };
    match behaviour {
        Behaviour::Stall => sleep(STALL).await,
        Behaviour::AnswerTwice => service.call_back_twice(&answer).await,
        Behaviour::LoseAnswer => {
            if let Some(peer) = request.remote_addr().as_socket_addr() {
                open.cut(*peer);
            }
        }
        _ => {}
    }
    taken(&answer)
}

#[handler]
async fn find(Path(id): Path<String>, shared: Data<&Shared>) -> Response {
    shared.service.lag().await;
    match Uuid::try_parse(&id).ok().and_then(|id| shared.service.find(id)) {
        Some(answer) => reply(StatusCode::OK, &answer),
        None => refusal(StatusCode::NOT_FOUND, "payout_not_found"),
    }
}

#[handler]
fn book(shared: Data<&Shared>) -> Response {
    reply(StatusCode::OK, &shared.service.entries())
}

/// The instruction of a request; none if a field is missing or wrong, or the key is not the id.
async fn instruction(request: &Request, body: Body) -> Option<Instruction> {
    let body = body.into_bytes_limit(BODY_MAX).await.ok()?;
    let instruction: Instruction = serde_json::from_slice(&body).ok()?;
    let is_keyed = request.header("Idempotency-Key") == Some(instruction.id.to_string().as_str());
    (is_keyed && instruction.is_valid()).then_some(instruction)
}

fn taken(answer: &Answer) -> Response {
    let status = if answer.status == Status::Pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    reply(status, answer)
}

fn reply(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(json) => Response::builder().status(status).content_type("application/json").body(json),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into(),
    }
}

fn refusal(status: StatusCode, code: &str) -> Response {
    reply(status, &json!({ "code": code }))
}
