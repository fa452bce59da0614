//! How a view lies in its hash: text that a person can read, times as microseconds since 1970, nothing where a moment
//! is not at hand. Each part is one field, `currency=USD available=500 held=0 unreleased=0` and
//! `status=enabled frozen=0 enabled_at=1767225600000000 disabled_at=`, beside its version: a field costs Redis and its
//! client more than a word does.

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
const NAMES: [&str; 6] = ["run", "owner", "version", "money", "status_version", "status"];

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
    let [written_in, owner, version, money, status_version, status] = found.each_ref().map(Option::as_deref);
    if written_in != Some(run) {
        return None;
    }
    let [currency, available, held, unreleased] =
        words(money?, ["currency", "available", "held", "unreleased"])?;
    let [status, frozen, enabled_at, disabled_at] =
        words(status?, ["status", "frozen", "enabled_at", "disabled_at"])?;
    let status = StatusView {
        enabled: match status {
            ENABLED => true,
            DISABLED => false,
            _ => return None,
        },
        frozen: frozen == "1",
        enabled_at: moment(enabled_at)?,
        disabled_at: moment(disabled_at)?,
        version: value(status_version?)?,
    };
    if status.enabled && status.enabled_at.is_none() {
        return None;
    }
    Some(WalletView {
        id,
        owner: Xid(value(owner?)?),
        currency: value(currency)?,
        money: MoneyView {
            available: value(available)?,
            held: value(held)?,
            unreleased: value(unreleased)?,
            version: value(version?)?,
        },
        status,
    })
}

/// The values of `name=value name=value …`, if it is these names in this order.
fn words<'t, const N: usize>(text: &'t str, names: [&str; N]) -> Option<[&'t str; N]> {
    let mut words = text.split(' ');
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = words.next()?.strip_prefix(name)?.strip_prefix('=')?;
    }
    words.next().is_none().then_some(values)
}

fn value<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Outer none: not readable. Inner none: not at hand.
fn moment(text: &str) -> Option<Option<Timestamp>> {
    match text {
        "" => Some(None),
        micros => Timestamp::from_timestamp_micros(value(micros)?).map(Some),
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

    /// As `newer_only.lua` counts its arguments.
    fn add_to(&self, command: &mut Cmd) {
        command.arg(self.owner.to_string());
        match self.money {
            Some((currency, MoneyView { available, held, unreleased, version })) => command.arg(version).arg(
                format!("currency={currency} available={available} held={held} unreleased={unreleased}"),
            ),
            None => command.arg(&[""; 2]),
        };
        match self.status {
            Some(StatusView { enabled, frozen, enabled_at, disabled_at, version }) => {
                let status = if enabled { ENABLED } else { DISABLED };
                let (frozen, enabled, disabled) =
                    (i32::from(frozen), micros(enabled_at), micros(disabled_at));
                command.arg(version).arg(format!(
                    "status={status} frozen={frozen} enabled_at={enabled} disabled_at={disabled}"
                ))
            }
            None => command.arg(&[""; 2]),
        };
    }
}

/// One call of the script with this hash for all of these, each with its key.
pub(super) fn write(script: &str, run: &str, seconds_to_live: u64, all: &[(String, Write<'_>)]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script).arg(all.len());
    for (key, _) in all {
        command.arg(key);
    }
    command.arg(run).arg(seconds_to_live);
    for (_, write) in all {
        write.add_to(&mut command);
    }
    command
}

fn micros(moment: Option<Timestamp>) -> String {
    moment.map_or_else(String::new, |moment| moment.timestamp_micros().to_string())
}
