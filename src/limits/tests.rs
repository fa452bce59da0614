//! Windows that slide, clocks that jump, and sums that come back, without a Redis.

use uuid::Uuid;

use super::{
    shared::{Delta, Sums},
    windows::Windows,
    *,
};
use crate::kernel::{clock::Timestamp, ids::WalletId, quota::Quota};

const HOUR: i64 = 3_600_000;

fn windows(quota: &str) -> Windows {
    let quota: Quota = quota.parse().unwrap();
    Windows::new(Class::Refusals, quota)
}

fn wallet(number: u128) -> Subject {
    WalletId(Uuid::from_u128(number)).into()
}

/// The moment this many milliseconds after an hour began.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(500_000 * HOUR + millis).unwrap()
}

/// Counts until no more is let through.
fn exhaust(windows: &mut Windows, subject: Subject, now: Timestamp) -> u32 {
    let mut counted = 0;
    while windows.wait(subject, now) == 0 {
        windows.count(subject, now);
        counted += 1;
    }
    counted
}

#[test]
fn a_quota_holds_over_any_hour_and_is_free_again_after_two() {
    let mut windows = windows("60/h");
    assert_eq!(exhaust(&mut windows, wallet(1), at(0)), 60);
    assert_eq!(exhaust(&mut windows, wallet(2), at(0)), 60, "each subject has its own");
    assert_eq!(exhaust(&mut windows, wallet(1), at(HOUR)), 0);
    assert_eq!(exhaust(&mut windows, wallet(1), at(HOUR + HOUR / 2 + 1)), 31);
    assert_eq!(exhaust(&mut windows, wallet(2), at(3 * HOUR)), 60);
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_window() {
    let mut windows = windows("60/h");
    exhaust(&mut windows, wallet(1), at(HOUR));
    assert!(windows.wait(wallet(1), at(HOUR - 1)) > 0, "a little: the window goes on");
    exhaust(&mut windows, wallet(1), at(9_000 * HOUR));
    assert_eq!(exhaust(&mut windows, wallet(1), at(0)), 60, "far: it begins again");
}

#[test]
fn what_is_counted_is_sent_once_and_what_others_count_is_added() {
    let (mut here, subject) = (windows("60/h"), wallet(1));
    for _ in 0..5 {
        here.count(subject, at(0));
    }
    let sent = here.take_changed(10, at(0));
    let [delta] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((delta.count, delta.with_previous), (5, true));
    assert_eq!(here.take_changed(10, at(0)), []);
    here.count(subject, at(0));
    here.learn(delta, &Sums { current: 45, previous: Some(30) });
    // 6 of its own, 40 of the others, and all of the 30 before.
    assert_eq!(exhaust(&mut here, subject, at(0)), 0);
    assert_eq!(exhaust(&mut here, subject, at(HOUR - 1)), 14);
    let again = here.take_changed(10, at(HOUR - 1));
    assert_eq!(
        again.iter().map(|delta| (delta.count, delta.with_previous)).collect::<Vec<_>>(),
        [(15, false)]
    );
}

#[test]
fn what_was_not_sent_is_sent_later_and_what_may_have_been_sent_is_not() {
    let (mut here, subject) = (windows("60/h"), wallet(1));
    here.count(subject, at(0));
    let first = here.take_changed(10, at(0));
    here.was_not_sent(&first[0]);
    here.count(subject, at(0));
    let second = here.take_changed(10, at(0));
    assert_eq!(second[0].count, 2);
    here.was_sent(&second[0]);
    assert_eq!(here.take_changed(10, at(0)), []);
    here.count(subject, at(0));
    assert_eq!(here.take_changed(10, at(0))[0].count, 1);
    assert_eq!(exhaust(&mut here, subject, at(0)), 57, "it counts here all the same");
}

#[test]
fn what_is_left_of_a_window_is_sent_in_the_next_one() {
    let (mut here, subject) = (windows("60/h"), wallet(1));
    here.count(subject, at(0));
    here.count(subject, at(HOUR));
    let mut sent = here.take_changed(10, at(HOUR));
    sent.sort_by_key(|delta| delta.window);
    assert_eq!(sent.iter().map(|delta| delta.count).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(sent[0].window + 1, sent[1].window);
}

#[test]
fn who_is_asked_about_is_kept_up_to_date_and_who_is_not_known_costs_nothing() {
    let (mut here, subject) = (windows("60/h"), wallet(1));
    assert_eq!(here.wait(subject, at(0)), 0);
    assert_eq!(here.take_changed(10, at(0)), []);
    here.count(subject, at(0));
    let sent = here.take_changed(10, at(0));
    here.learn(&sent[0], &Sums { current: 1, previous: Some(0) });
    assert_eq!(here.wait(subject, at(1)), 0);
    let asked = here.take_changed(10, at(1));
    assert_eq!(asked.iter().map(|delta| delta.count).collect::<Vec<_>>(), [0]);
    here.learn(&asked[0], &Sums { current: 60, previous: None });
    assert!(here.wait(subject, at(2)) > 0);
    assert_eq!(here.wait(subject, at(HOUR + HOUR / 2)), 0, "also in the next window");
    assert!(here.take_changed(10, at(HOUR + HOUR / 2)).iter().any(|delta: &Delta| delta.with_previous));
}

#[test]
fn no_more_subjects_are_remembered_than_the_maximum_and_the_oldest_go_first() {
    let mut windows = windows("1/h").with_subjects_max(100);
    for number in 0..60 {
        windows.count(wallet(number), at(0));
    }
    for number in 100..180 {
        windows.count(wallet(number), at(HOUR));
    }
    assert_eq!(windows.subjects(), 100);
    assert_eq!(windows.wait(wallet(39), at(HOUR)), 0, "forgotten");
    assert!(windows.wait(wallet(41), at(HOUR)) > 0 && windows.wait(wallet(100), at(HOUR)) > 0);
    for number in 1_000..9_000 {
        windows.count(wallet(number), at(HOUR));
    }
    assert!(windows.listed() <= 300, "{}", windows.listed());
    for number in 200..400 {
        windows.count(wallet(number), at(HOUR));
    }
    assert_eq!(windows.subjects(), 100);
    assert_eq!(windows.wait(wallet(299), at(HOUR)), 0);
    assert!((300..400).all(|number| windows.wait(wallet(number), at(HOUR)) > 0));
    windows.count(wallet(1), at(3 * HOUR));
    assert_eq!(windows.subjects(), 1, "two windows later all of them are gone");
}
