//! Batches share no claim and keep the order, whatever comes, goes and comes back.

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
    TakeBlocked(usize),
    /// Which batch, and which of its operations met another session's lock.
    End(usize, Vec<u8>),
    GiveUp(usize),
}

/// The operations of a batch that go back when some wallets are held by another session: those that need one, and
/// those after them that share a wallet with one that goes back.
fn put_back(batch: Vec<Numbered<Asked>>, held: &[u8]) -> (Vec<Asked>, Vec<PutBack<Asked>>) {
    let (mut done, mut back, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for operation in batch {
        let wallets = &operation.1.1;
        let is_held = wallets.iter().find(|wallet| held.contains(wallet));
        let reason = match is_held {
            Some(wallet) if wallet % 2 == 0 => Reason::Held(Claim::from(*wallet)),
            Some(_) => Reason::Stuck,
            None if wallets.iter().any(|wallet| kept.contains(wallet)) => Reason::Behind,
            None => {
                done.push(operation.1);
                continue;
            }
        };
        kept.extend(wallets);
        back.push(PutBack { operation, reason });
    }
    (done, back)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec(0..12u8, 1..=2).prop_map(Step::Push),
        1 => (1..6usize).prop_map(Step::Take),
        1 => (1..6usize).prop_map(Step::TakeBlocked),
        2 => (any::<usize>(), vec(0..12u8, 0..3)).prop_map(|(which, held)| Step::End(which, held)),
        1 => (0..4usize).prop_map(Step::GiveUp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_share_no_claim_and_operations_that_do_keep_their_order(steps in vec(step(), 1..120)) {
        let mut backlog = Backlog::new();
        let mut asked = 0;
        let mut under_way: Vec<(u64, Vec<Numbered<Asked>>)> = Vec::new();
        let mut gone: Vec<Asked> = Vec::new();
        let mut never_went: Vec<Asked> = Vec::new();
        let check = |under_way: &[(u64, Vec<Numbered<Asked>>)], batch: &[Numbered<Asked>], gone: &[Asked]| {
            let others: Vec<&Asked> =
                under_way.iter().flat_map(|(_, batch)| batch).map(|(_, one)| one).collect();
            for (_, one) in batch {
                assert!(!others.iter().any(|other| share_a_claim(one, other)), "{one:?} beside {others:?}");
                assert!(!gone.iter().any(|g| g.0 > one.0 && share_a_claim(one, g)), "{one:?} came too late");
            }
            assert!(batch.is_sorted_by_key(|(_, one)| one.0));
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
                    under_way.push((number, batch));
                }
                Step::TakeBlocked(max) => {
                    let (number, batch) = backlog.take_blocked(max);
                    check(&under_way, &batch, &gone);
                    under_way.push((number, batch));
                }
                Step::End(which, held) if !under_way.is_empty() => {
                    let (number, batch) = under_way.remove(which % under_way.len());
                    let (done, back) = put_back(batch, &held);
                    gone.extend(done);
                    backlog.ended(number, back);
                }
                Step::End(..) => {}
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
        for (number, batch) in under_way.drain(..) {
            gone.extend(batch.into_iter().map(|(_, one)| one));
            backlog.ended(number, Vec::new());
        }
        while backlog.ready() + backlog.blocked() > 0 {
            for take in [Backlog::take, Backlog::take_blocked] {
                let (number, batch) = take(&mut backlog, 3);
                check(&[], &batch, &gone);
                gone.extend(batch.into_iter().map(|(_, one)| one));
                backlog.ended(number, Vec::new());
            }
        }
        prop_assert!(backlog.is_idle());
        gone.extend(never_went);
        gone.sort_by_key(|one| one.0);
        prop_assert!(gone.iter().map(|one| one.0).eq(0..asked));
    }
}

fn taken<T>((_, batch): (u64, Vec<Numbered<T>>)) -> Vec<T> {
    batch.into_iter().map(|(_, waiting)| waiting).collect()
}

#[test]
fn what_is_put_back_keeps_its_place_and_nobody_else_waits_for_it() {
    let mut backlog = Backlog::new();
    backlog.push(Asked(0, vec![1]));
    backlog.push(Asked(1, vec![1, 2]));
    backlog.push(Asked(2, vec![3]));
    let (first, batch) = backlog.take(9);
    backlog.push(Asked(3, vec![2]));
    let (done, back) = put_back(batch, &[2]);
    assert_eq!(done, [Asked(0, vec![1]), Asked(2, vec![3])]);
    backlog.ended(first, back);
    backlog.push(Asked(4, vec![1]));
    backlog.push(Asked(5, vec![3]));
    assert_eq!(taken(backlog.take(9)), [Asked(5, vec![3])], "1 waits for 2");
    let (second, batch) = backlog.take_blocked(9);
    assert_eq!(batch.len(), 3);
    // Wallet 2 is free again: what comes now is as ordinary as before.
    backlog.ended(second, Vec::new());
    backlog.push(Asked(6, vec![2]));
    assert_eq!(taken(backlog.take(9)), [Asked(6, vec![2])]);
}

#[test]
fn what_is_stuck_at_an_insertion_is_tried_alone() {
    let mut backlog = Backlog::new();
    (0..3).for_each(|n| backlog.push(Asked(n, vec![u8::try_from(n).unwrap()])));
    let (first, batch) = backlog.take(9);
    let (_, back) = put_back(batch, &[0, 1, 2]);
    backlog.ended(first, back);
    let mut batches = Vec::new();
    while backlog.blocked() > 0 {
        batches.push(taken(backlog.take_blocked(9)));
    }
    assert_eq!(batches, [[Asked(0, vec![0])], [Asked(1, vec![1])], [Asked(2, vec![2])]]);
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
    assert_eq!(taken((second, batch)), [Asked(3, vec![5])], "3 waits for 2, and 4 for 3");
    backlog.ended(first, Vec::new());
    assert_eq!(taken(backlog.take(9)), [Asked(1, vec![2, 3]), Asked(2, vec![3, 4])]);
    backlog.ended(second, Vec::new());
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
    assert_eq!(taken(backlog.take(9)), [Asked(2, vec![2])]);
    backlog.ended(first, Vec::new());
}
