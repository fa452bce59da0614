//! How a view lies in its hash: text that a person can read, times as microseconds since 1970, nothing where a moment
//! is not at hand.

use std::str::FromStr;

use redis::Cmd;

use crate::{
    cache::{MoneyView, StatusView, ViewPart, WalletView},
    kernel::{
        clock::Timestamp,
        ids::{WalletId, Xid},
    },
};

/// What is read, in this order. `run` names the run of Redis in which the hash was written.
const NAMES: [&str; 12] = [
    "run",
    "owner",
    "currency",
    "available",
    "held",
    "unreleased",
    "version",
    "status",
    "frozen",
    "enabled_at",
    "disabled_at",
    "status_version",
];

/// The values of [`NAMES`], as they were found.
pub(super) type Found = [Option<String>; NAMES.len()];

const ENABLED: &str = "enabled";
const DISABLED: &str = "disabled";

/// Reads a hash.
pub(super) fn read(key: &str) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(&NAMES);
    command
}

/// The view, if the hash was written in this run of Redis and both of its parts are there and whole. A wallet that is
/// enabled without the moment of its enabling is not whole: whoever shows it needs the moment.
pub(super) fn view(id: WalletId, run: &str, found: &Found) -> Option<WalletView> {
    let [
        written_in,
        owner,
        currency,
        available,
        held,
        unreleased,
        version,
        status,
        frozen,
        enabled,
        disabled,
        status_version,
    ] = found;
    if written_in.as_deref() != Some(run) {
        return None;
    }
    let status = StatusView {
        enabled: match status.as_deref()? {
            ENABLED => true,
            DISABLED => false,
            _ => return None,
        },
        frozen: frozen.as_deref()? == "1",
        enabled_at: moment(enabled)?,
        disabled_at: moment(disabled)?,
        version: number(status_version)?,
    };
    if status.enabled && status.enabled_at.is_none() {
        return None;
    }
    Some(WalletView {
        id,
        owner: Xid(owner.as_deref()?.parse().ok()?),
        currency: currency.as_deref()?.parse().ok()?,
        money: MoneyView {
            available: number(available)?,
            held: number(held)?,
            unreleased: number(unreleased)?,
            version: number(version)?,
        },
        status,
    })
}

fn number<T: FromStr>(text: &Option<String>) -> Option<T> {
    text.as_deref()?.parse().ok()
}

/// Outer none: not there or not readable. Inner none: not at hand.
fn moment(text: &Option<String>) -> Option<Option<Timestamp>> {
    match text.as_deref()? {
        "" => Some(None),
        micros => Timestamp::from_timestamp_micros(micros.parse().ok()?).map(Some),
    }
}

/// The parts of a view that are to be written, each if it is newer.
pub(super) struct Write<'v> {
    pub(super) owner: Xid,
    pub(super) money: Option<(&'v str, MoneyView)>,
    pub(super) status: Option<StatusView>,
}

impl<'v> Write<'v> {
    pub(super) fn both(view: &'v WalletView) -> Self {
        Self {
            owner: view.owner,
            money: Some((view.currency.as_str(), view.money)),
            status: Some(view.status),
        }
    }

    pub(super) fn part(part: &'v ViewPart) -> Self {
        match part {
            ViewPart::Money { owner, currency, money } => {
                Self { owner: *owner, money: Some((currency.as_str(), *money)), status: None }
            }
            ViewPart::Status { owner, status } => Self { owner: *owner, money: None, status: Some(*status) },
        }
    }

    /// The call of the script with this hash, as `newer_only.lua` numbers its arguments.
    pub(super) fn command(&self, script: &str, key: &str, run: &str, seconds_to_live: u64) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script).arg(1).arg(key).arg(run).arg(seconds_to_live).arg(self.owner.to_string());
        match self.money {
            Some((currency, money)) => command
                .arg(money.version)
                .arg(currency)
                .arg(money.available)
                .arg(money.held)
                .arg(money.unreleased),
            None => command.arg(&[""; 5]),
        };
        match self.status {
            Some(status) => command
                .arg(status.version)
                .arg(if status.enabled { ENABLED } else { DISABLED })
                .arg(i32::from(status.frozen))
                .arg(micros(status.enabled_at))
                .arg(micros(status.disabled_at)),
            None => command.arg(&[""; 5]),
        };
        command
    }
}

fn micros(moment: Option<Timestamp>) -> String {
    moment.map_or_else(String::new, |moment| moment.timestamp_micros().to_string())
}
