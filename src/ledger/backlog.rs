//! What waits for a lane, pure: which operations may go into the next batch beside those under way.
//!
//! Batches that are under way at the same time have no claim in common, so they never wait for each other's locks.
//! Operations with a common claim keep the order in which they came: one that has to wait holds back whatever comes
//! after it with any of its claims.

use std::collections::{HashMap, HashSet, VecDeque};

/// What only one batch at a time may deal with: a wallet, or a key.
pub(super) type Claim = u128;

/// What has claims.
pub(super) trait Claims {
    fn claims(&self) -> impl Iterator<Item = Claim>;
}

/// The operations that wait, each with its number in the order in which they came.
#[derive(Debug)]
pub(super) struct Backlog<T> {
    /// May go at once.
    ready: VecDeque<(u64, T)>,
    /// Wait for a batch under way, or for another one before them.
    held_back: VecDeque<(u64, T)>,
    /// The claims of each batch under way, by its number.
    under_way: HashMap<u64, Vec<Claim>>,
    /// The claims of the batches under way and of what is held back.
    taken: HashSet<Claim>,
    /// The number of the next operation or batch.
    next: u64,
}

impl<T: Claims> Backlog<T> {
    pub(super) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            held_back: VecDeque::new(),
            under_way: HashMap::new(),
            taken: HashSet::new(),
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

    /// What waits longest.
    pub(super) fn oldest(&self) -> Option<&T> {
        let fronts = [self.ready.front(), self.held_back.front()];
        fronts.into_iter().flatten().min_by_key(|(number, _)| number).map(|(_, waiting)| waiting)
    }

    /// Takes out, from the oldest on, what shall wait no longer.
    pub(super) fn give_up(&mut self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        let mut given_up = Vec::new();
        for queue in [&mut self.ready, &mut self.held_back] {
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
        self.ready.is_empty() && self.held_back.is_empty() && self.under_way.is_empty()
    }

    /// The next batch and its number, at most `max` operations; it is under way until [`Backlog::ended`].
    pub(super) fn take(&mut self, max: usize) -> (u64, Vec<T>) {
        let batch: Vec<T> =
            self.ready.drain(..max.min(self.ready.len())).map(|(_, waiting)| waiting).collect();
        let claims: Vec<Claim> = batch.iter().flat_map(Claims::claims).collect();
        self.taken.extend(claims.iter().copied());
        let number = self.number();
        self.under_way.insert(number, claims);
        if !self.ready.is_empty() {
            self.sort_anew();
        }
        (number, batch)
    }

    /// A batch has ended: its claims are free.
    pub(super) fn ended(&mut self, number: u64) {
        self.under_way.remove(&number);
        self.sort_anew();
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn sort_in(&mut self, number: u64, waiting: T) {
        if waiting.claims().any(|claim| self.taken.contains(&claim)) {
            self.taken.extend(waiting.claims());
            self.held_back.push_back((number, waiting));
        } else {
            self.ready.push_back((number, waiting));
        }
    }

    /// Decides again, for everything that waits, in the order in which it came, whether it may go.
    fn sort_anew(&mut self) {
        self.taken.clear();
        self.taken.extend(self.under_way.values().flatten().copied());
        let mut held_back = std::mem::take(&mut self.held_back);
        let mut ready = std::mem::take(&mut self.ready);
        loop {
            let is_held_back = match (held_back.front(), ready.front()) {
                (Some((held_back, _)), Some((ready, _))) => held_back < ready,
                (held_back, _) => held_back.is_some(),
            };
            let first = if is_held_back { &mut held_back } else { &mut ready };
            let Some((number, waiting)) = first.pop_front() else { return };
            self.sort_in(number, waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// An operation of a test: its number, and its claims.
    #[derive(Clone, Debug, PartialEq)]
    struct Asked(usize, Vec<u8>);

    impl Claims for Asked {
        fn claims(&self) -> impl Iterator<Item = Claim> {
            self.1.iter().map(|wallet| u128::from(*wallet))
        }
    }

    fn share_a_claim(one: &Asked, other: &Asked) -> bool {
        one.1.iter().any(|wallet| other.1.contains(wallet))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(Vec<u8>),
        Take(usize),
        End(usize),
        GiveUp(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => vec(0..12u8, 1..=2).prop_map(Step::Push),
            1 => (1..6usize).prop_map(Step::Take),
            1 => any::<usize>().prop_map(Step::End),
            1 => (0..4usize).prop_map(Step::GiveUp),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn batches_share_no_claim_and_operations_that_do_keep_their_order(steps in vec(step(), 1..120)) {
            let mut backlog = Backlog::new();
            let mut asked = 0;
            let mut under_way: Vec<(u64, Vec<Asked>)> = Vec::new();
            let mut gone: Vec<Asked> = Vec::new();
            let mut never_went: Vec<Asked> = Vec::new();
            let check = |under_way: &[(u64, Vec<Asked>)], batch: &[Asked], gone: &[Asked]| {
                let others: Vec<&Asked> = under_way.iter().flat_map(|(_, batch)| batch).collect();
                for one in batch {
                    assert!(!others.iter().any(|other| share_a_claim(one, other)), "{one:?} beside {others:?}");
                    assert!(!gone.iter().any(|g| g.0 > one.0 && share_a_claim(one, g)), "{one:?} came too late");
                }
                assert!(batch.is_sorted_by_key(|one| one.0));
            };
            for step in steps {
                match step {
                    Step::Push(wallets) => {
                        backlog.push(Asked(asked, wallets));
                        asked += 1;
                    }
                    Step::Take(max) => {
                        let (number, batch) = backlog.take(max);
                        check(&under_way, &batch, &gone);
                        gone.extend(batch.clone());
                        under_way.push((number, batch));
                    }
                    Step::End(which) if !under_way.is_empty() => {
                        let (number, _) = under_way.remove(which % under_way.len());
                        backlog.ended(number);
                    }
                    Step::End(_) => {}
                    Step::GiveUp(count) => {
                        let before = backlog.oldest().map_or(asked, |oldest| oldest.0 + count);
                        let given_up = backlog.give_up(|one| one.0 < before);
                        assert!(given_up.iter().all(|one| one.0 < before));
                        assert!(backlog.oldest().is_none_or(|one| one.0 >= before));
                        never_went.extend(given_up);
                    }
                }
            }
            // In the end everything has gone or was given up, and nothing twice.
            for (number, _) in under_way.drain(..) {
                backlog.ended(number);
            }
            while backlog.ready() > 0 {
                let (number, batch) = backlog.take(3);
                check(&[], &batch, &gone);
                gone.extend(batch);
                backlog.ended(number);
            }
            prop_assert!(backlog.is_idle());
            gone.extend(never_went);
            gone.sort_by_key(|one| one.0);
            prop_assert!(gone.iter().map(|one| one.0).eq(0..asked));
        }
    }

    #[test]
    fn what_waits_holds_back_whatever_comes_after_it_with_a_claim_of_its_own() {
        let mut backlog = Backlog::new();
        backlog.push(Asked(0, vec![1, 2]));
        let (first, _) = backlog.take(9);
        backlog.push(Asked(1, vec![2, 3]));
        backlog.push(Asked(2, vec![3, 4]));
        backlog.push(Asked(3, vec![5]));
        let (second, batch) = backlog.take(9);
        assert_eq!(batch, [Asked(3, vec![5])], "3 waits for 2, and 4 for 3");
        backlog.ended(first);
        assert_eq!(backlog.take(9).1, [Asked(1, vec![2, 3]), Asked(2, vec![3, 4])]);
        backlog.ended(second);
    }

    #[test]
    fn what_is_given_up_holds_nothing_back() {
        let mut backlog = Backlog::new();
        backlog.push(Asked(0, vec![1]));
        let (first, _) = backlog.take(9);
        backlog.push(Asked(1, vec![1, 2]));
        backlog.push(Asked(2, vec![2]));
        assert_eq!((backlog.ready(), backlog.oldest()), (0, Some(&Asked(1, vec![1, 2]))));
        assert_eq!(backlog.give_up(|one| one.0 < 2), [Asked(1, vec![1, 2])]);
        assert_eq!(backlog.take(9).1, [Asked(2, vec![2])]);
        backlog.ended(first);
    }
}
