//! Fail points: named places between the steps of the posting loop, of the relay and of the payouts, at which a test makes the process
//! die as in a power failure, or the task panic, to show that no work is lost and none is done twice.
//!
//! They exist only where debug assertions do: in a release build [`fail_point`] is an empty function, and a
//! configuration that arms one is refused.

/// Every fail point, in the order in which work passes them.
#[cfg(debug_assertions)]
pub const ALL: [&str; 23] = [
    "loop.arrived",
    "loop.taken",
    "batch.begun",
    "batch.locked",
    "batch.read",
    "batch.decided",
    "write.money",
    "write.status",
    "write.waiting",
    "write.payouts",
    "batch.before_commit",
    "batch.committed",
    "loop.committed",
    "loop.one_answered",
    "relay.gated",
    "relay.read",
    "relay.one_confirmed",
    "relay.published",
    "relay.cursor_moved",
    "payout.claimed",
    "payout.answered",
    "payout.booked",
    "payout.finished",
];

/// Does nothing: a release build has no fail points.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn fail_point(_name: &'static str) {}

#[cfg(debug_assertions)]
pub use armed::{Armed, arm, fail_point};

#[cfg(debug_assertions)]
mod armed {
    use std::{
        str::FromStr,
        sync::{
            OnceLock,
            atomic::{AtomicU32, Ordering},
        },
    };

    use super::ALL;

    static ARMED: OnceLock<Armed> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    /// A fail point, and at which pass of it the process dies: `batch.locked` or `batch.locked:17`. With
    /// `batch.locked:17:panic` only the task panics, and once.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Armed {
        name: &'static str,
        time: u32,
        panics: bool,
    }

    impl FromStr for Armed {
        type Err = ();

        fn from_str(text: &str) -> Result<Self, ()> {
            let (name, time) = text.split_once(':').unwrap_or((text, "1"));
            let name = ALL.into_iter().find(|known| *known == name).ok_or(())?;
            let (time, panics) = time.strip_suffix(":panic").map_or((time, false), |time| (time, true));
            let time = time.parse().ok().filter(|time| *time > 0).ok_or(())?;
            Ok(Self { name, time, panics })
        }
    }

    /// Arms a fail point, once for the life of the process.
    pub fn arm(armed: Armed) {
        let _ = ARMED.set(armed);
    }

    /// Dies or panics, if this fail point is armed and this is the pass that it is armed for.
    pub fn fail_point(name: &'static str) {
        debug_assert!(ALL.contains(&name), "the fail point {name} is not in the list");
        let Some(armed) = ARMED.get().filter(|armed| armed.name == name) else { return };
        if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == armed.time {
            if armed.panics {
                panic!("the fail point {name} is armed");
            }
            // No destructor runs and no buffer is flushed; the system closes the connections.
            std::process::abort();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_fail_point_has_a_name_and_perhaps_a_number_and_a_kind_of_death() {
            let armed = |name, time, panics| Ok(Armed { name, time, panics });
            assert_eq!("batch.locked".parse(), armed("batch.locked", 1, false));
            assert_eq!("relay.read:17".parse(), armed("relay.read", 17, false));
            assert_eq!("relay.read:17:panic".parse(), armed("relay.read", 17, true));
            for text in [
                "",
                "batch",
                "batch.locked:",
                "batch.locked:0",
                "batch.locked:x",
                ":1",
                "batch.locked:panic",
                "batch.locked:1:panics",
                "batch.locked:1:",
            ] {
                assert_eq!(text.parse::<Armed>(), Err(()), "{text}");
            }
        }
    }
}

#[cfg(all(test, not(debug_assertions)))]
mod tests {
    /// The release's function can be evaluated by the compiler, which an effect could not be.
    const _: () = super::fail_point("batch.locked");

    #[test]
    fn a_release_build_passes_every_fail_point() {
        super::fail_point("batch.locked");
    }
}
