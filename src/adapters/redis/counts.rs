//! The counts of the limits, which all processes add to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use redis::{Pipeline, RedisResult};

use super::{connection::is_refusal, reconnector::Reconnector};
use crate::{
    kernel::quota::Period,
    limits::{Delta, ShareError, SharedCounts, Sums},
};

/// How many periods a count is stored: its own, the one that slides over it, and one for clocks that differ.
const STORED_PERIODS: u64 = 3;

/// Counts in Redis, over the connection of the balance cache.
pub struct RedisCounts {
    /// In front of every key.
    prefix: String,
    reconnector: Arc<Reconnector>,
    /// The present refusal was logged.
    has_logged_refusal: AtomicBool,
}

impl RedisCounts {
    pub(super) fn new(prefix: &str, reconnector: Arc<Reconnector>) -> Self {
        Self { prefix: prefix.to_owned(), reconnector, has_logged_refusal: AtomicBool::new(false) }
    }

    fn key(&self, delta: &Delta, window: i64) -> String {
        format!("{}rl:{}:{}:{window}", self.prefix, delta.class.as_str(), delta.subject)
    }

    fn pipeline(&self, deltas: &[Delta]) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(3 * deltas.len());
        for delta in deltas {
            let key = self.key(delta, delta.window);
            pipeline.incr(&key, delta.count);
            pipeline.expire(&key, expires_in(delta.period)).ignore();
            if delta.with_previous {
                pipeline.get(self.key(delta, delta.window - 1));
            }
        }
        pipeline
    }

    /// Logs a refusal, once until Redis counts again. Balances do not depend on it.
    fn log(&self, outcome: &RedisResult<Vec<Option<u64>>>) {
        match outcome {
            Ok(_) => {
                if self.has_logged_refusal.load(Ordering::Relaxed)
                    && self.has_logged_refusal.swap(false, Ordering::Relaxed)
                {
                    tracing::info!("Redis counts limits again");
                }
            }
            Err(error) if is_refusal(error) && !self.has_logged_refusal.swap(true, Ordering::Relaxed) => {
                tracing::error!(%error, "Redis refuses to count limits: each process counts alone until it does not");
            }
            Err(_) => {}
        }
    }
}

fn expires_in(period: Period) -> i64 {
    i64::try_from(STORED_PERIODS * period.duration().as_secs()).unwrap_or(i64::MAX)
}

#[async_trait]
impl SharedCounts for RedisCounts {
    async fn exchange(&self, deltas: &[Delta]) -> Result<Vec<Sums>, ShareError> {
        let mut connection = self.reconnector.connection().map_err(ShareError::NotSent)?;
        let outcome: RedisResult<Vec<Option<u64>>> =
            self.pipeline(deltas).query_async(&mut connection.multiplexed).await;
        self.log(&outcome);
        let answers = outcome.map_err(|error| {
            if !is_refusal(&error) {
                self.reconnector.failed(&connection, &error);
            }
            ShareError::OutcomeUnknown(error.to_string())
        })?;
        let mut answers = answers.into_iter().map(Option::unwrap_or_default);
        let sums = deltas.iter().map(|delta| {
            let current = answers.next().unwrap_or_default();
            Sums { current, previous: delta.with_previous.then(|| answers.next().unwrap_or_default()) }
        });
        Ok(sums.collect())
    }
}
