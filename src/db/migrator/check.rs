//! Whether the database still is the one that this binary can run on, for those who ask often.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};
use tracing::{error, info};

use super::{SchemaFault, files, state};
use crate::db::{DbError, Pool, ask};

/// How long an answer is remembered.
const REMEMBERED: Duration = Duration::from_secs(2);

/// Looks at the schema's state, at most once in two seconds, however many ask.
#[derive(Debug)]
pub struct SchemaCheck {
    db: Pool,
    last: Mutex<Option<Look>>,
}

#[derive(Debug)]
struct Look {
    at: Instant,
    fault: Option<SchemaFault>,
}

impl SchemaCheck {
    /// A check over this pool; nothing is asked yet.
    #[must_use]
    pub fn new(db: Pool) -> Self {
        Self { db, last: Mutex::new(None) }
    }

    /// Why the books cannot be used by this binary, as it was two seconds ago at most; none: they can. The reason is
    /// logged once. While Postgres is unavailable, the answer is the last one.
    pub async fn fault(&self) -> Option<SchemaFault> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < REMEMBERED) {
            return look.fault.clone();
        }
        let before = last.as_ref().and_then(|look| look.fault.clone());
        let fault = match self.look().await {
            Ok(fault) => fault,
            Err(error) if error.is_transient() => before.clone(),
            Err(error) => Some(SchemaFault::Unreadable(error.to_string())),
        };
        match &fault {
            Some(reason) if before.as_ref() != Some(reason) => {
                error!(%reason, "the books cannot be used by this process");
            }
            None if before.is_some() => info!("the books can be used again"),
            _ => {}
        }
        *last = Some(Look { at: Instant::now(), fault: fault.clone() });
        fault
    }

    async fn look(&self) -> Result<Option<SchemaFault>, DbError> {
        let steps = files::steps()?;
        ask(&self.db, |db| async move {
            let mut conn = db.get_postgres_connection_pool().acquire().await?;
            Ok(state::read(&mut conn, &steps).await?.fault())
        })
        .await
    }
}
