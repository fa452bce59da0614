//! The health of the service.

use std::sync::Arc;

use async_trait::async_trait;
use poem::{EndpointExt, IntoResponse, Response, endpoint::make, http::Method};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    registry::{MetaResponses, Registry},
};
use serde::Serialize;

use super::{
    api_error::ApiError,
    catalogue::Code,
    document::{OperationDoc, Tag, sample},
    envelope::Answer,
    router::Paths,
};

/// The source of health reports; implemented in `app`.
#[async_trait]
pub trait HealthSource: Send + Sync {
    /// Everything, as each dependency answered within the last second, and within 2.5 s.
    async fn report(&self) -> HealthReport;

    /// Whether everything runs that has to: the posting loop, and the tasks that follow the books.
    fn is_live(&self) -> bool;

    /// Whether requests may be sent here: Postgres is available with the tables that this version needs, and the process is
    /// not stopping.
    async fn is_ready(&self) -> bool;
}

/// The health of the whole service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Everything is available.
    Ok,
    /// Money moves, but a dependency other than Postgres is unavailable or behind.
    Degraded,
    /// Postgres is unavailable, or its tables are not those that this version needs.
    Down,
}

/// The health of the service, part by part. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "Health")]
pub struct HealthReport {
    pub status: HealthStatus,
    /// Operations that wait for the posting loop.
    pub queue_length: u64,
    /// Maximum number of waiting operations.
    pub queue_max: u64,
    /// Whether Postgres answers.
    pub postgres: bool,
    pub cache: Dependency,
    pub bus: Dependency,
    /// Lag of the topic behind the books.
    pub topic_behind_ms: i64,
    /// Lag of the cache refresher behind the topic.
    pub refresher_behind_ms: i64,
    /// What an operator should know, such as that the in-process bus serves.
    pub notes: Vec<String>,
}

/// A dependency other than Postgres.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct Dependency {
    /// What serves: `redis`, `kafka` or `in-process`.
    pub kind: String,
    /// Whether it answers.
    pub ok: bool,
}

/// The answer of `/health/live` and `/health/ready`.
#[derive(Object, Serialize)]
pub struct Yes {
    pub ok: bool,
}

/// JSend for a service that is down, with the report.
#[derive(Serialize)]
struct Down {
    status: &'static str,
    message: &'static str,
    code: Code,
    data: HealthReport,
}

/// The report: a success, or an error with the report in it.
struct Reported(HealthReport);

impl IntoResponse for Reported {
    fn into_response(self) -> Response {
        if self.0.status != HealthStatus::Down {
            return Answer::<200, _>(self.0).into_response();
        }
        let code = Code::Unavailable;
        let mut response = poem::Error::from(ApiError::from(code)).into_response();
        let down = Down { status: "error", message: code.message(), code, data: self.0 };
        response.set_body(serde_json::to_vec(&down).unwrap_or_default());
        response
    }
}

impl ApiResponse for Reported {
    fn meta() -> MetaResponses {
        Answer::<200, HealthReport>::meta()
    }

    fn register(registry: &mut Registry) {
        Answer::<200, HealthReport>::register(registry);
    }
}

/// The status alone, for a port that the public can reach.
#[derive(Serialize, Object)]
struct StatusOnly {
    status: HealthStatus,
}

/// `/health` without its details.
pub fn status_only(source: Arc<dyn HealthSource>) -> Paths {
    let endpoint = make(move |_| {
        let source = Arc::clone(&source);
        async move {
            match source.report().await.status {
                HealthStatus::Down => Err(poem::Error::from(ApiError::from(Code::Unavailable))),
                status => Ok(Answer::<200, _>(StatusOnly { status }).into_response()),
            }
        }
    });
    [("/health".to_owned(), [(Method::GET, endpoint.boxed())].into())].into()
}

/// The operations.
pub struct HealthApi {
    pub source: Arc<dyn HealthSource>,
}

#[OpenApi(tag = "Tag::Operation")]
impl HealthApi {
    /// Health of the service
    ///
    /// `ok`, or `degraded` when a dependency other than Postgres is unavailable or behind; money moves in both. 503 when
    /// Postgres is unavailable or its tables are not those that this version needs; `data` has the report then, too. Each
    /// dependency is asked at most once a second; one that has not answered within 2.2 s counts as unavailable.
    #[oai(path = "/health", method = "get", operation_id = "get_health")]
    async fn get_health(&self) -> Reported {
        Reported(self.source.report().await)
    }

    /// Whether the process serves
    ///
    /// 503 while the posting loop, or a task that follows the books, has died and does not run again yet, whatever Postgres,
    /// Kafka and Redis do: restart the process when this stays so.
    #[oai(path = "/health/live", method = "get", operation_id = "get_liveness")]
    async fn get_liveness(&self) -> Result<Answer<200, Yes>, ApiError> {
        if self.source.is_live() { Ok(Answer(Yes { ok: true })) } else { Err(Code::Unavailable.into()) }
    }

    /// Whether requests may be sent here
    ///
    /// Postgres is available with the tables that this version needs, and the process is not stopping; 503 otherwise.
    #[oai(path = "/health/ready", method = "get", operation_id = "get_readiness")]
    async fn get_readiness(&self) -> Result<Answer<200, Yes>, ApiError> {
        if self.source.is_ready().await {
            Ok(Answer(Yes { ok: true }))
        } else {
            Err(Code::Unavailable.into())
        }
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let dependency = |kind: &str| Dependency { kind: kind.to_owned(), ok: true };
    let report = HealthReport {
        status: HealthStatus::Ok,
        queue_length: 0,
        queue_max: 4_096,
        postgres: true,
        cache: dependency("redis"),
        bus: dependency("kafka"),
        topic_behind_ms: 0,
        refresher_behind_ms: 0,
        notes: vec![],
    };
    vec![
        OperationDoc {
            id: "get_health",
            codes: &[&[Code::Unavailable]],
            request: None,
            answer: sample(&report),
        },
        OperationDoc {
            id: "get_liveness",
            codes: &[&[Code::Unavailable]],
            request: None,
            answer: sample(&Yes { ok: true }),
        },
        OperationDoc {
            id: "get_readiness",
            codes: &[&[Code::Unavailable]],
            request: None,
            answer: sample(&Yes { ok: true }),
        },
    ]
}
