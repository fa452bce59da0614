//! The sums of the limits, which all processes add to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use redis::{Pipeline, RedisResult};

use super::link::{Keeper, is_refusal};
use crate::{
    kernel::quota::Period,
    limits::{Delta, ShareError, SharedCounts, Sums},
};

/// How many periods a sum is remembered: its own, the one that slides over it, and one for clocks that differ.
const REMEMBERED: u64 = 3;

/// Sums in Redis, over the connection of the balance cache.
pub struct RedisCounts {
    /// In front of every key.
    prefix: String,
    keeper: Arc<Keeper>,
    /// That Redis refuses was logged.
    is_refused: AtomicBool,
}

impl RedisCounts {
    pub(super) fn new(prefix: &str, keeper: Arc<Keeper>) -> Self {
        Self { prefix: prefix.to_owned(), keeper, is_refused: AtomicBool::new(false) }
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

    /// Said once, until Redis counts again. Balances do not depend on it.
    fn note(&self, outcome: &RedisResult<Vec<Option<u64>>>) {
        match outcome {
            Ok(_) => {
                if self.is_refused.load(Ordering::Relaxed) && self.is_refused.swap(false, Ordering::Relaxed) {
                    tracing::info!("Redis counts limits again");
                }
            }
            Err(error) if is_refusal(error) && !self.is_refused.swap(true, Ordering::Relaxed) => {
                tracing::error!(%error, "Redis refuses to count limits: each process counts alone until it does not");
            }
            Err(_) => {}
        }
    }
}

fn expires_in(period: Period) -> i64 {
    i64::try_from(REMEMBERED * period.duration().as_secs()).unwrap_or(i64::MAX)
}

#[async_trait]
impl SharedCounts for RedisCounts {
    async fn exchange(&self, deltas: &[Delta]) -> Result<Vec<Sums>, ShareError> {
        let mut link = self.keeper.link().map_err(ShareError::NotSent)?;
        let outcome: RedisResult<Vec<Option<u64>>> =
            self.pipeline(deltas).query_async(&mut link.connection).await;
        self.note(&outcome);
        let answers = outcome.map_err(|error| {
            if !is_refusal(&error) {
                self.keeper.failed(&link, &error);
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
