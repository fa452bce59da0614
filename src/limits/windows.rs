//! The counts of one class, in two windows: the present one and the one before it.

use std::collections::{HashMap, VecDeque};

use super::{
    class::Class,
    estimate::Estimate,
    shared::{Delta, Sums},
    subject::Subject,
};
use crate::kernel::{clock::Timestamp, quota::Quota};

/// Maximum number of subjects of a class, in both windows together.
pub(super) const SUBJECTS_MAX: usize = 100_000;

/// The windows of a class. A subject without a count in two windows is removed with them.
#[derive(Debug)]
pub(super) struct Windows {
    class: Class,
    quota: Quota,
    subjects_max: usize,
    current: Window,
    previous: Window,
}

/// One window of time, numbered since 1970, the same in every process.
#[derive(Debug, Default)]
struct Window {
    number: i64,
    counts: HashMap<Subject, Count>,
    /// The subjects in the order of their first count.
    order: VecDeque<Subject>,
    /// The subjects whose counts are to be exchanged with the other processes; some may have been removed since.
    changed: Vec<Subject>,
}

/// The counts of one subject in one window.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// By this process.
    own: u32,
    /// The part of it that the other processes may have.
    sent: u32,
    /// By the other processes, as far as this one knows.
    others: u32,
    /// Whether it is in the window's list of changed subjects.
    is_listed: bool,
    /// Whether the sum of the window before was read.
    knows_previous: bool,
}

impl Windows {
    pub(super) fn new(class: Class, quota: Quota) -> Self {
        let (current, previous) = Default::default();
        Self { class, quota, subjects_max: SUBJECTS_MAX, current, previous }
    }

    #[cfg(test)]
    pub(super) fn with_subjects_max(self, subjects_max: usize) -> Self {
        Self { subjects_max, ..self }
    }

    #[cfg(test)]
    pub(super) fn subjects(&self) -> usize {
        self.current.counts.len() + self.previous.counts.len()
    }

    #[cfg(test)]
    pub(super) fn listed(&self) -> usize {
        self.current.changed.len() + self.previous.changed.len()
    }

    /// The time until one more is allowed, in milliseconds; 0: it is allowed now.
    pub(super) fn wait(&mut self, subject: Subject, now: Timestamp) -> u64 {
        let elapsed = self.advance(now);
        let current = self.current.counts.get(&subject).copied();
        let previous = self.previous.counts.get(&subject).copied();
        if current.is_none() && previous.is_none() {
            return 0;
        }
        // Listed for the next exchange: the other processes may have counted since.
        self.list(subject);
        let total =
            |count: Option<Count>| count.map_or(0, |count| u64::from(count.own) + u64::from(count.others));
        let (previous, current) = (total(previous), total(current));
        Estimate { period: self.period(), elapsed, previous, current }.wait(self.quota.count.get().into())
    }

    /// Counts one.
    pub(super) fn count(&mut self, subject: Subject, now: Timestamp) {
        self.advance(now);
        self.list(subject);
        if let Some(count) = self.current.counts.get_mut(&subject) {
            count.own = count.own.saturating_add(1);
        }
    }

    /// Takes at most `max` of the changed counts.
    pub(super) fn take_changed(&mut self, max: usize, now: Timestamp) -> Vec<Delta> {
        self.advance(now);
        let (class, period) = (self.class, self.quota.period);
        let mut deltas = Vec::new();
        for is_current in [false, true] {
            let window = if is_current { &mut self.current } else { &mut self.previous };
            while deltas.len() < max
                && let Some(subject) = window.changed.pop()
            {
                let Some(count) = window.counts.get_mut(&subject) else { continue };
                count.is_listed = false;
                let with_previous = is_current && !count.knows_previous;
                let count = count.own - count.sent;
                deltas.push(Delta { class, subject, window: window.number, period, count, with_previous });
            }
        }
        deltas
    }

    /// Takes over the sums of all processes, this one's delta included.
    pub(super) fn learn(&mut self, delta: &Delta, sums: &Sums) {
        self.was_sent(delta);
        let Some(window) = self.window(delta.window) else { return };
        if let Some(count) = window.counts.get_mut(&delta.subject) {
            count.learn(sums.current);
            count.knows_previous |= delta.with_previous;
        }
        let previous = sums.previous.filter(|sum| *sum > 0 && delta.window == self.current.number);
        if let Some(sum) = previous {
            self.make_room();
            self.previous.entry(delta.subject).learn(sum);
        }
    }

    /// Notes a delta that may have been added to the sums: it is not sent again, so that it is not counted twice.
    pub(super) fn was_sent(&mut self, delta: &Delta) {
        let count = self.window(delta.window).and_then(|window| window.counts.get_mut(&delta.subject));
        if let Some(count) = count {
            count.sent = count.sent.saturating_add(delta.count).min(count.own);
        }
    }

    /// Notes a delta that was not sent: it is sent later.
    pub(super) fn was_not_sent(&mut self, delta: &Delta) {
        if let Some(window) = self.window(delta.window) {
            window.list(delta.subject);
        }
    }

    fn period(&self) -> u64 {
        self.quota.period.duration().as_secs() * 1_000
    }

    fn window(&mut self, number: i64) -> Option<&mut Window> {
        [&mut self.current, &mut self.previous].into_iter().find(|window| window.number == number)
    }

    /// Advances to the window of this moment; returns its elapsed part, in milliseconds. A clock that was set back a little
    /// stays at the present window's beginning; one that was set back further, or far ahead, begins with empty windows.
    fn advance(&mut self, now: Timestamp) -> u64 {
        let (now, period) = (now.timestamp_millis(), i64::try_from(self.period()).unwrap_or(i64::MAX));
        let number = now.div_euclid(period);
        match number - self.current.number {
            0 => return u64::try_from(now.rem_euclid(period)).unwrap_or_default(),
            -1 => return 0,
            1 => self.previous = std::mem::replace(&mut self.current, Window::numbered(number)),
            _ => (self.current, self.previous) = (Window::numbered(number), Window::numbered(number - 1)),
        }
        u64::try_from(now.rem_euclid(period)).unwrap_or_default()
    }

    /// Adds a subject to the present window's list.
    fn list(&mut self, subject: Subject) {
        if !self.current.counts.contains_key(&subject) {
            self.make_room();
            self.current.entry(subject);
        }
        self.current.list(subject);
    }

    /// Removes a subject if there are too many: the first one of the oldest window.
    fn make_room(&mut self) {
        if self.current.counts.len() + self.previous.counts.len() < self.subjects_max {
            return;
        }
        if !self.previous.remove_first() {
            self.current.remove_first();
        }
    }
}

impl Window {
    fn numbered(number: i64) -> Self {
        Self { number, ..Self::default() }
    }

    fn entry(&mut self, subject: Subject) -> &mut Count {
        self.counts.entry(subject).or_insert_with(|| {
            self.order.push_back(subject);
            Count::default()
        })
    }

    fn list(&mut self, subject: Subject) {
        if let Some(count) = self.counts.get_mut(&subject)
            && !std::mem::replace(&mut count.is_listed, true)
        {
            self.changed.push(subject);
        }
        // Bounds the list while exchanges fail and subjects are added and removed.
        if self.changed.len() > 2 * self.counts.len() {
            let listed = self.counts.iter().filter(|(_, count)| count.is_listed);
            self.changed = listed.map(|(subject, _)| *subject).collect();
        }
    }

    fn remove_first(&mut self) -> bool {
        let first = self.order.pop_front();
        first.is_some_and(|first| self.counts.remove(&first).is_some())
    }
}

impl Count {
    fn learn(&mut self, sum: u64) {
        self.others = u32::try_from(sum.saturating_sub(self.sent.into())).unwrap_or(u32::MAX);
    }
}
