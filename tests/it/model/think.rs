//! What a client asks next.

use std::ops::Range;

use chrono::Utc;
use uuid::Uuid;

use super::{
    asked::Asked,
    bank::ACCOUNTS,
    clients::{Asker, Placed},
    operation::{Kind, Operation},
};

/// When money that waits for a moment of the run may be spent, in milliseconds from when the client thinks of it.
const SOON: Range<usize> = 20..1_500;
/// The same for a moment after the run.
const LATE: Range<usize> = 3_600_000..86_400_000;
/// Clients end one of the last holds that were placed, so that several end the same one.
const RECENT: usize = 10;

impl Asker {
    /// Small balances, so that refusals are frequent.
    pub fn think(&mut self, before: &[Asked]) -> Asked {
        let (kind, most) = match self.random.below(100) {
            0..23 => (Kind::Deposit, 120),
            23..37 => (Kind::Withdrawal, 110),
            37..52 => (Kind::Transfer, 130),
            52..60 => (Kind::Payout, 100),
            60..73 => (Kind::Hold, 100),
            73..83 => (Kind::Capture, 0),
            83..88 => (Kind::Void, 0),
            88..91 => (Kind::Disable, 0),
            _ => (Kind::Enable, 0),
        };
        let mut asked = Asked {
            operation: Operation {
                kind,
                wallet: self.customer.wallet,
                amount: (most > 0).then(|| self.amount(most)),
                reference: kind.has_a_reference().then(|| self.random.uuid()),
                to: None,
                ends: None,
                until: None,
            },
            recipient: None,
            account: None,
            key: self.random.percent(50).then(|| format!("{}-{}", self.number, before.len())),
            reuses_a_key: false,
            repeats_a_reference: false,
            attempts: Vec::new(),
        };
        match kind {
            Kind::Deposit if self.random.percent(40) => asked.operation.until = Some(self.moment()),
            Kind::Hold if self.random.percent(70) => asked.operation.until = Some(self.moment()),
            Kind::Transfer => self.name_somebody(&mut asked),
            Kind::Payout => asked.account = Some(ACCOUNTS[self.random.below(ACCOUNTS.len())].0),
            Kind::Capture => {
                self.name_a_hold(&mut asked);
                if self.random.percent(60) {
                    self.name_somebody(&mut asked);
                }
            }
            Kind::Void => self.name_a_hold(&mut asked),
            _ => {}
        }
        if !before.is_empty() {
            let earlier = &before[self.random.below(before.len())];
            self.repeat(&mut asked, earlier, before);
        }
        asked
    }

    fn amount(&mut self, most: usize) -> i64 {
        i64::try_from(1 + self.random.below(most)).expect("small")
    }

    /// A moment, in microseconds since 1970; the service knows only whole milliseconds. Rarely it has come already.
    fn moment(&mut self) -> i64 {
        let range = match self.random.below(100) {
            0..5 => 0..1,
            5..80 => SOON,
            _ => LATE,
        };
        let ahead = range.start + self.random.below(range.end - range.start);
        (Utc::now().timestamp_millis() + i64::try_from(ahead).expect("small")) * 1_000
    }

    fn name_somebody(&mut self, asked: &mut Asked) {
        if self.random.percent(3) {
            let nobody = self.random.uuid();
            (asked.recipient, asked.operation.to) = (Some(nobody), Some(nobody));
            return;
        }
        let number = self.random.below(self.shared.everybody.len());
        let other = &self.shared.everybody[number];
        asked.recipient = Some(if self.random.percent(50) { other.wallet } else { other.xid });
        asked.operation.to = Some(other.wallet);
    }

    /// A hold that was placed lately, perhaps by another client; rarely one that does not exist, for which no key is kept.
    fn name_a_hold(&mut self, asked: &mut Asked) {
        let (known, unknown) = (self.recent_hold(), self.random.percent(3));
        let Some(Placed { hold, wallet, amount }) = known.filter(|_| !unknown) else {
            (asked.operation.ends, asked.key) = (Some(self.random.uuid()), None);
            return;
        };
        (asked.operation.wallet, asked.operation.ends) = (wallet, Some(hold));
        if asked.operation.kind == Kind::Capture && self.random.percent(65) {
            let most = usize::try_from(amount + amount / 2 + 1).expect("small");
            asked.operation.amount = Some(self.amount(most));
        }
    }

    fn recent_hold(&mut self) -> Option<Placed> {
        let holds = self.shared.holds.lock().unwrap();
        let recent = &holds[holds.len().saturating_sub(RECENT)..];
        (!recent.is_empty()).then(|| recent[self.random.below(recent.len())])
    }

    /// Sometimes takes the reference of an earlier request, or its key.
    fn repeat(&mut self, asked: &mut Asked, earlier: &Asked, before: &[Asked]) {
        let (kind, was) = (asked.operation.kind, &earlier.operation);
        let is_first = was.kind == kind && kind.has_a_reference() && !earlier.repeats_a_reference;
        let has = |operation: &Operation, reference: Option<Uuid>, hold: Option<Uuid>| {
            operation.reference == reference && operation.ends == hold
        };
        let ends = asked.operation.ends;
        let is_new = ends.is_none() || !before.iter().any(|other| has(&other.operation, was.reference, ends));
        if is_first && is_new && self.random.percent(20) {
            let more = i64::try_from(before.len()).expect("small");
            asked.operation.reference = was.reference;
            if kind != Kind::Capture {
                asked.operation.amount = was.amount.map(|amount| amount + more);
            }
            asked.repeats_a_reference = true;
            return;
        }
        // A status and a void have no fields: only method and path tell them from another request.
        let is_another = kind.has_a_reference() || (was.kind, was.ends) != (kind, ends);
        let is_the_same_caller = was.kind.is_of_service() == kind.is_of_service();
        let has_a_key = earlier.key.is_some() && earlier.answered().is_some() && !earlier.reuses_a_key;
        if is_another && is_the_same_caller && has_a_key && asked.key.is_some() && self.random.percent(10) {
            asked.key.clone_from(&earlier.key);
            asked.reuses_a_key = true;
        }
    }
}
