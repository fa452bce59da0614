//! What waits for a batch writer, pure: which operations may go into the next batch beside those under way.
//!
//! Batches that are under way at the same time have no claim in common, so they never wait for each other's locks.
//! Operations with a common claim keep the order in which they came: one that has to wait holds back whatever comes
//! after it with any of its claims.
//!
//! An operation that met another session's lock is put back, and its claim is suspect from then on: operations with a
//! suspect claim go into batches of their own, until one of those has got through.

use std::collections::{HashMap, HashSet, VecDeque};

/// What only one batch at a time may deal with: a wallet, or a key.
pub(super) type Claim = u128;

/// What has claims.
pub(super) trait Claims {
    fn claims(&self) -> impl Iterator<Item = Claim>;
}

/// An operation with its number in the order in which they came.
pub(super) type Numbered<T> = (u64, T);

/// An operation of a batch that could not be tried, and why.
#[derive(Debug)]
pub(super) struct PutBack<T> {
    pub(super) operation: Numbered<T>,
    pub(super) reason: Reason,
}

/// Why an operation was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Another session holds what this claim stands for.
    Held(Claim),
    /// Another session holds something that it would insert; which one is not known, so it is tried alone.
    Stuck,
    /// It shares a claim with an operation before it that was put back.
    Behind,
}

/// The operations that wait.
#[derive(Debug)]
pub(super) struct Backlog<T> {
    /// May go at once.
    ready: VecDeque<Numbered<T>>,
    /// May go at once, but not with those that are ready: they have suspect claims, or come after such ones.
    blocked: VecDeque<Numbered<T>>,
    /// Wait for a batch under way, or for another one before them.
    held_back: VecDeque<Numbered<T>>,
    /// The claims of each batch under way, by its number.
    under_way: HashMap<u64, Vec<Claim>>,
    /// The claims of the batches under way and of what is held back.
    taken: HashSet<Claim>,
    /// The claims that another session was seen to hold, and whether their operations are tried one at a time.
    suspects: HashMap<Claim, bool>,
    /// The claims of what is ready and of what is blocked; kept only while there are suspects.
    of_ready: HashSet<Claim>,
    of_blocked: HashSet<Claim>,
    /// The number of the next operation or batch.
    next: u64,
}

impl<T: Claims> Backlog<T> {
    pub(super) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            blocked: VecDeque::new(),
            held_back: VecDeque::new(),
            under_way: HashMap::new(),
            taken: HashSet::new(),
            suspects: HashMap::new(),
            of_ready: HashSet::new(),
            of_blocked: HashSet::new(),
            next: 0,
        }
    }

    /// One more waits.
    pub(super) fn push(&mut self, waiting: T) {
        let number = self.number();
        self.sort_in(number, waiting);
    }

    /// How many may go at once.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How many may be tried apart from those.
    pub(super) fn blocked(&self) -> usize {
        self.blocked.len()
    }

    /// What waits longest.
    pub(super) fn oldest(&self) -> Option<&T> {
        let fronts = [self.ready.front(), self.blocked.front(), self.held_back.front()];
        fronts.into_iter().flatten().min_by_key(|(number, _)| number).map(|(_, waiting)| waiting)
    }

    /// Takes out, from the oldest on, what shall wait no longer.
    pub(super) fn give_up(&mut self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        let mut given_up = Vec::new();
        for queue in [&mut self.ready, &mut self.blocked, &mut self.held_back] {
            while let Some((_, waiting)) = queue.pop_front_if(|(_, waiting)| is_over(waiting)) {
                given_up.push(waiting);
            }
        }
        // What was held back by one of them may go now.
        self.sort_anew();
        given_up
    }

    /// Nothing waits, nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        let queues = [&self.ready, &self.blocked, &self.held_back];
        queues.into_iter().all(VecDeque::is_empty) && self.under_way.is_empty()
    }

    /// The next batch and its number, at most `max` operations; it is under way until [`Backlog::ended`].
    pub(super) fn take(&mut self, max: usize) -> (u64, Vec<Numbered<T>>) {
        let batch: Vec<_> = self.ready.drain(..max.min(self.ready.len())).collect();
        self.of_ready.clear();
        let is_rest = !self.ready.is_empty();
        (self.begin(&batch, is_rest), batch)
    }

    /// The next batch of blocked operations; it, too, is under way until [`Backlog::ended`].
    pub(super) fn take_blocked(&mut self, max: usize) -> (u64, Vec<Numbered<T>>) {
        let is_alone = |(_, waiting): &Numbered<T>| {
            waiting.claims().any(|claim| self.suspects.get(&claim).is_some_and(|is_alone| *is_alone))
        };
        let count = match self.blocked.iter().position(is_alone) {
            Some(0) => 1,
            Some(first) => first.min(max),
            None => max.min(self.blocked.len()),
        };
        let batch: Vec<_> = self.blocked.drain(..count).collect();
        self.of_blocked.clear();
        let is_rest = !self.blocked.is_empty();
        (self.begin(&batch, is_rest), batch)
    }

    fn begin(&mut self, batch: &[Numbered<T>], is_rest: bool) -> u64 {
        let claims: Vec<Claim> = batch.iter().flat_map(|(_, waiting)| waiting.claims()).collect();
        self.taken.extend(claims.iter().copied());
        let number = self.number();
        self.under_way.insert(number, claims);
        if is_rest {
            self.sort_anew();
        }
        number
    }

    /// A batch has ended: its claims are free, and those of its operations that were put back wait again, where they
    /// waited before.
    pub(super) fn ended(&mut self, number: u64, put_back: Vec<PutBack<T>>) {
        let claims = self.under_way.remove(&number).unwrap_or_default();
        if !self.suspects.is_empty() {
            for claim in &claims {
                self.suspects.remove(claim);
            }
        }
        if !put_back.is_empty() {
            for PutBack { operation, reason } in put_back {
                match reason {
                    Reason::Held(claim) => self.suspects.extend([(claim, false)]),
                    Reason::Stuck => self.suspects.extend(operation.1.claims().map(|claim| (claim, true))),
                    Reason::Behind => {}
                }
                self.held_back.push_back(operation);
            }
            self.held_back.make_contiguous().sort_unstable_by_key(|(number, _)| *number);
        }
        self.sort_anew();
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn sort_in(&mut self, number: u64, waiting: T) {
        let meets = |claims: &HashSet<Claim>| waiting.claims().any(|claim| claims.contains(&claim));
        let is_held_back = if meets(&self.taken) {
            true
        } else if self.suspects.is_empty() {
            return self.ready.push_back((number, waiting));
        } else {
            let is_suspect = waiting.claims().any(|claim| self.suspects.contains_key(&claim));
            if !is_suspect && !meets(&self.of_blocked) {
                self.of_ready.extend(waiting.claims());
                return self.ready.push_back((number, waiting));
            }
            // After one that is ready it has to wait for that one's batch.
            meets(&self.of_ready)
        };
        if is_held_back {
            self.taken.extend(waiting.claims());
            self.held_back.push_back((number, waiting));
        } else {
            self.of_blocked.extend(waiting.claims());
            self.blocked.push_back((number, waiting));
        }
    }

    /// Decides again, for everything that waits, in the order in which it came, whether it may go.
    fn sort_anew(&mut self) {
        self.taken.clear();
        self.taken.extend(self.under_way.values().flatten().copied());
        self.of_ready.clear();
        self.of_blocked.clear();
        let mut queues = [&mut self.held_back, &mut self.ready, &mut self.blocked].map(std::mem::take);
        loop {
            let first = queues.iter_mut().filter(|queue| !queue.is_empty());
            let first = first.min_by_key(|queue| queue.front().map(|(number, _)| *number));
            let Some((number, waiting)) = first.and_then(VecDeque::pop_front) else { return };
            self.sort_in(number, waiting);
        }
    }
}

#[cfg(test)]
mod tests;
