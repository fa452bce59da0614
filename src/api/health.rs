//! How the service is.

use std::sync::Arc;

use async_trait::async_trait;
use poem::{EndpointExt, IntoResponse, Response, endpoint::make, http::Method};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    registry::{MetaResponses, Registry},
};
use serde::Serialize;

use super::{
    catalogue::Code,
    document::{Notes, Tag, sample},
    envelope::Answer,
    failure::ApiError,
    router::Paths,
};

/// Tells how the service is. The composition knows.
#[async_trait]
pub trait HealthSource: Send + Sync {
    /// Everything, as each dependency answered within the last second, and within 2.5 s.
    async fn report(&self) -> HealthReport;

    /// Whether everything runs that has to: the posting loop, and the tasks that follow the books.
    fn is_live(&self) -> bool;

    /// Whether requests may be sent here: Postgres is there with the tables that this version needs, and the process is
    /// not on its way out.
    async fn is_ready(&self) -> bool;
}

/// How the service is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Everything is there.
    Ok,
    /// Money moves, but something beside it is away or behind.
    Degraded,
    /// Postgres is away, or its tables are not those that this version needs.
    Down,
}

/// How the service is, part by part. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "Health")]
pub struct HealthReport {
    pub status: HealthStatus,
    /// How many operations wait for the posting loop.
    pub queue_length: u64,
    /// How many may wait.
    pub queue_max: u64,
    /// Whether Postgres answers.
    pub postgres: bool,
    pub cache: Dependency,
    pub bus: Dependency,
    /// How far the topic is behind the books.
    pub topic_behind_ms: i64,
    /// How far the cache refresher is behind the topic.
    pub refresher_behind_ms: i64,
    /// What an operator should know, such as that the in-process bus serves.
    pub notes: Vec<String>,
}

/// Something beside Postgres.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct Dependency {
    /// What serves: `redis`, `kafka` or `in-process`.
    pub kind: String,
    /// Whether it answers.
    pub ok: bool,
}

/// The one word of `/health/live` and `/health/ready`.
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

/// The status alone, for a port that everybody reaches.
#[derive(Serialize, Object)]
struct Word {
    status: HealthStatus,
}

/// `/health` without its details.
pub fn in_one_word(source: Arc<dyn HealthSource>) -> Paths {
    let endpoint = make(move |_| {
        let source = Arc::clone(&source);
        async move {
            match source.report().await.status {
                HealthStatus::Down => Err(poem::Error::from(ApiError::from(Code::Unavailable))),
                status => Ok(Answer::<200, _>(Word { status }).into_response()),
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
    /// How the service is
    ///
    /// `ok`, or `degraded` when something other than Postgres is away or behind; money moves in both. 503 when
    /// Postgres is away or its tables are not those that this version needs; the report is in `data` then, too. What the
    /// dependencies answer is asked for once a second at most, however many want to know; one that has not answered
    /// within 2.2 s counts as away.
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
    /// Postgres is there with the tables that this version needs, and the process is not on its way out; 503 otherwise.
    #[oai(path = "/health/ready", method = "get", operation_id = "get_readiness")]
    async fn get_readiness(&self) -> Result<Answer<200, Yes>, ApiError> {
        if self.source.is_ready().await {
            Ok(Answer(Yes { ok: true }))
        } else {
            Err(Code::Unavailable.into())
        }
    }
}

/// What the document says beside the types.
pub fn notes() -> Vec<Notes> {
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
        Notes { id: "get_health", codes: &[&[Code::Unavailable]], request: None, answer: sample(&report) },
        Notes {
            id: "get_liveness",
            codes: &[&[Code::Unavailable]],
            request: None,
            answer: sample(&Yes { ok: true }),
        },
        Notes {
            id: "get_readiness",
            codes: &[&[Code::Unavailable]],
            request: None,
            answer: sample(&Yes { ok: true }),
        },
    ]
}
