//! Wallets that the worker leaves out for a while, so that the others do not wait for them.

use std::time::Duration;

use tokio::time::Instant;

use crate::kernel::ids::WalletId;

/// How long a wallet is left out of which nothing could be booked, say because another session holds it.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a wallet is left out of which more is due: its items are the oldest, and would be all that is found.
const ONE_LOOK: Duration = Duration::from_millis(100);

/// The wallets, and until when each is left out.
#[derive(Default)]
pub(super) struct LeftOut(Vec<(WalletId, Instant)>);

impl LeftOut {
    /// Those that are left out now.
    pub(super) fn now(&mut self) -> Vec<WalletId> {
        let now = Instant::now();
        self.0.retain(|(_, until)| *until > now);
        self.0.iter().map(|(wallet, _)| *wallet).collect()
    }

    pub(super) fn failed(&mut self, wallet: WalletId) {
        self.0.push((wallet, Instant::now() + AFTER_FAILURE));
    }

    pub(super) fn one_look(&mut self, wallet: WalletId) {
        self.0.push((wallet, Instant::now() + ONE_LOOK));
    }
}
