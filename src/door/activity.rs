//! The phase of a connection, and its deadline.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::Limits;

/// A connection's phase. [`Activity`]'s methods change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No byte was read yet.
    New,
    /// Between two requests.
    Idle,
    /// A part of a head was read.
    Head,
    /// A request is being answered.
    Busy,
    /// The answer is being written.
    Answering,
    /// The answer was written, and further bytes of the peer are discarded: closing a socket with unread bytes may destroy
    /// the answer (RFC 9112, section 9.6).
    Lingering,
}

impl Phase {
    const ALL: [Self; 6] = [Self::New, Self::Idle, Self::Head, Self::Busy, Self::Answering, Self::Lingering];

    /// Whether the connection may be closed without losing an answer.
    pub(super) const fn is_spare(self) -> bool {
        matches!(self, Self::New | Self::Idle | Self::Head)
    }
}

/// Maximum time for which further bytes of a peer are discarded.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection's phase and its beginning; read by the connection's task and by the door.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    phase: AtomicU8,
    /// Milliseconds from `began` to the phase's beginning, or to the last progress within it.
    since: AtomicU64,
    is_lingering_wanted: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            phase: AtomicU8::new(Phase::New as u8),
            since: AtomicU64::new(0),
            is_lingering_wanted: AtomicBool::new(false),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Relaxed))]
    }

    /// The beginning of the phase.
    pub(super) fn since(&self) -> Instant {
        self.began + Duration::from_millis(self.since.load(Relaxed))
    }

    fn enter(&self, phase: Phase) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(now, Relaxed);
        self.phase.store(phase as u8, Relaxed);
    }

    /// Notes that bytes were read.
    pub(super) fn note_read(&self) {
        match self.phase() {
            // The limit of a new connection's head runs from the connection's beginning.
            Phase::New => self.phase.store(Phase::Head as u8, Relaxed),
            Phase::Idle => self.enter(Phase::Head),
            _ => {}
        }
    }

    /// Notes that a whole head was read.
    pub(super) fn note_request(&self) {
        self.enter(Phase::Busy);
    }

    /// Notes that there is an answer; `is_last`: the connection ends after it.
    pub(super) fn note_answer(&self, is_last: bool) {
        if is_last {
            self.is_lingering_wanted.store(true, Relaxed);
        }
        self.enter(Phase::Answering);
    }

    /// Notes that bytes were written.
    pub(super) fn note_written(&self) {
        if self.phase() == Phase::Answering {
            self.enter(Phase::Answering);
        }
    }

    /// Notes that the whole answer was written.
    pub(super) fn note_flushed(&self) {
        if self.phase() == Phase::Answering {
            self.enter(Phase::Idle);
        }
    }

    /// Whether further bytes of the peer are discarded before the socket is closed.
    pub(super) fn lingers(&self) -> bool {
        if self.phase() != Phase::Lingering && self.is_lingering_wanted.load(Relaxed) {
            self.enter(Phase::Lingering);
        }
        self.phase() == Phase::Lingering
    }

    /// The deadline of the phase; none: it has no limit here.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let limit = match self.phase() {
            Phase::New | Phase::Head => limits.head,
            Phase::Idle => limits.idle,
            Phase::Busy => return None,
            Phase::Answering => limits.write,
            Phase::Lingering => LINGER_TIMEOUT,
        };
        Some(self.since() + limit)
    }
}
