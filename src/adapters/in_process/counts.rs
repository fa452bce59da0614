//! Limits without Redis: each process counts alone.

use async_trait::async_trait;
use shaku::Component;

use crate::limits::{Delta, ShareError, SharedCounts, Sums};

/// Counts of this process alone.
#[derive(Component, Default)]
#[shaku(interface = SharedCounts)]
pub struct InProcessCounts;

#[async_trait]
impl SharedCounts for InProcessCounts {
    async fn exchange(&self, deltas: &[Delta]) -> Result<Vec<Sums>, ShareError> {
        let of = |delta: &Delta| Sums { current: 0, previous: delta.with_previous.then_some(0) };
        Ok(deltas.iter().map(of).collect())
    }
}
