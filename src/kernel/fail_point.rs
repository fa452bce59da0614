//! Named places between the steps of the posting loop and of the relay, at which a process can be made to die as if its
//! machine had lost its power, or the task that comes there to panic. Tests arm one, and show that nothing is lost and
//! nothing doubled.
//!
//! They exist only where debug assertions do: in a release build [`fail_point`] is an empty function, and a
//! configuration that arms one is refused.

/// Every place, in the order in which work passes it.
#[cfg(debug_assertions)]
pub const ALL: [&str; 17] = [
    "loop.arrived",
    "loop.taken",
    "lane.begun",
    "lane.locked",
    "lane.recalled",
    "lane.decided",
    "write.money",
    "write.status",
    "lane.before_commit",
    "lane.committed",
    "loop.committed",
    "loop.one_answered",
    "relay.gated",
    "relay.read",
    "relay.one_confirmed",
    "relay.published",
    "relay.cursor_moved",
];

/// Dies here, if this is the place that is armed and it was passed often enough.
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

    /// Where the process dies, and at which time that it comes there: `lane.locked` or `lane.locked:17`. With
    /// `lane.locked:17:panic` only the task dies, and once.
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

    /// Arms a place, once for the life of the process.
    pub fn arm(place: Armed) {
        let _ = ARMED.set(place);
    }

    /// Dies or panics here, if this is the place that is armed and it was passed often enough.
    pub fn fail_point(name: &'static str) {
        debug_assert!(ALL.contains(&name), "the place {name} is not in the list");
        let Some(armed) = ARMED.get().filter(|armed| armed.name == name) else { return };
        if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == armed.time {
            if armed.panics {
                panic!("the fail point {name} is armed");
            }
            // No destructor runs, no buffer is flushed, and nobody is told: the system closes the connections.
            std::process::abort();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_place_has_a_name_and_perhaps_a_number_and_a_kind_of_death() {
            let armed = |name, time, panics| Ok(Armed { name, time, panics });
            assert_eq!("lane.locked".parse(), armed("lane.locked", 1, false));
            assert_eq!("relay.read:17".parse(), armed("relay.read", 17, false));
            assert_eq!("relay.read:17:panic".parse(), armed("relay.read", 17, true));
            for text in [
                "",
                "lane",
                "lane.locked:",
                "lane.locked:0",
                "lane.locked:x",
                ":1",
                "lane.locked:panic",
                "lane.locked:1:panics",
                "lane.locked:1:",
            ] {
                assert_eq!(text.parse::<Armed>(), Err(()), "{text}");
            }
        }
    }
}

#[cfg(all(test, not(debug_assertions)))]
mod tests {
    /// The release's function can be evaluated by the compiler, which an effect could not be.
    const _: () = super::fail_point("lane.locked");

    #[test]
    fn a_release_build_passes_every_place() {
        super::fail_point("lane.locked");
    }
}
