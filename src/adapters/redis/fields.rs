//! How a view is stored in its hash: readable text, times as microseconds since 1970, empty where a time is not
//! known. Each part is one field, `currency=USD available=500 held=0 unreleased=0` and
//! `status=enabled frozen=0 enabled_at=1767225600000000 disabled_at=`, beside its version: a field costs Redis and its
//! client more than a word in it. Where something is unreleased, money has one more word: `next_release_at=1767225600000000`, or
//! `next_release_at=` where the moment is not known.

use std::{str::FromStr, time::Duration};

use redis::{Cmd, ErrorKind, RedisError};

use crate::{
    cache::{MoneyView, NextRelease, StatusView, ViewPart, WalletView},
    kernel::{
        clock::Timestamp,
        ids::{CustomerXid, WalletId},
    },
};

/// The fields that are read, in this order. `life` is the run of Redis in which the hash was made and, behind a colon, a token
/// that is unique among the hashes of this key.
const NAMES: [&str; 6] = ["life", "owner", "version", "money", "status_version", "status"];

/// The values of [`NAMES`], as they were found.
pub(super) type Found = [Option<String>; NAMES.len()];

/// The start of the last word about money that waits.
const NEXT_RELEASE: &str = " next_release_at=";

const ENABLED: &str = "enabled";
const DISABLED: &str = "disabled";

/// Reads a hash.
pub(super) fn read(key: &str) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(&NAMES);
    command
}

/// The content of a hash.
pub(super) enum Reading<'f> {
    View(WalletView),
    /// A part is missing, or the time of enabling of an enabled wallet, or that of the next release. Holds the life of the hash.
    Incomplete(&'f str),
    /// No hash, or one of another run of Redis.
    Nothing,
    /// Not written by this service.
    Unreadable,
}

/// Whether the key holds another type than a hash of texts.
pub(super) fn is_of_another_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE") || error.kind() == ErrorKind::UnexpectedReturnType
}

/// The view, if the hash was made in this run of Redis and both of its parts are there and whole.
pub(super) fn view<'f>(id: WalletId, run: &str, found: &'f Found) -> Reading<'f> {
    let [life, owner, version, money, status_version, status] = found.each_ref().map(Option::as_deref);
    let Some(life) = life else {
        let is_empty = found.iter().all(Option::is_none);
        return if is_empty { Reading::Nothing } else { Reading::Unreadable };
    };
    if !life.strip_prefix(run).is_some_and(|token| token.starts_with(':')) {
        return Reading::Nothing;
    }
    if version.is_none() || status_version.is_none() {
        return Reading::Incomplete(life);
    }
    match parse(id, [owner, version, money, status_version, status]) {
        Some(view) if view.status.enabled && view.status.enabled_at.is_none() => Reading::Incomplete(life),
        Some(view) if view.money.next_release == NextRelease::Unknown => Reading::Incomplete(life),
        Some(view) => Reading::View(view),
        None => Reading::Unreadable,
    }
}

fn parse(id: WalletId, found: [Option<&str>; 5]) -> Option<WalletView> {
    let [owner, version, money, status_version, status] = found;
    const MONEY: [&str; 4] = ["currency", "available", "held", "unreleased"];
    let ([currency, available, held, unreleased], next_release) = match words(money?, MONEY) {
        Some(found) => (found, NextRelease::Never),
        None => {
            let (money, at) = money?.split_once(NEXT_RELEASE)?;
            (words(money, MONEY)?, moment(at)?.map_or(NextRelease::Unknown, NextRelease::At))
        }
    };
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
    Some(WalletView {
        id,
        owner: CustomerXid(value(owner?)?),
        currency: value(currency)?,
        money: MoneyView {
            available: value(available)?,
            held: value(held)?,
            unreleased: value(unreleased)?,
            next_release,
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

/// Outer none: not readable. Inner none: not known.
fn moment(text: &str) -> Option<Option<Timestamp>> {
    match text {
        "" => Some(None),
        micros => Timestamp::from_timestamp_micros(value(micros)?).map(Some),
    }
}

/// The parts of a view to write, each if it is newer.
pub(super) struct Write<'v> {
    pub(super) owner: CustomerXid,
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

    /// As `write_if_newer.lua` counts its arguments.
    fn add_to(&self, command: &mut Cmd) {
        command.arg(self.owner.to_string());
        match self.money {
            Some((currency, MoneyView { available, held, unreleased, next_release, version })) => {
                let next_release = match next_release {
                    NextRelease::Never => String::new(),
                    NextRelease::At(at) => format!("{NEXT_RELEASE}{}", micros(Some(at))),
                    NextRelease::Unknown => NEXT_RELEASE.to_owned(),
                };
                command.arg(version).arg(format!(
                    "currency={currency} available={available} held={held} unreleased={unreleased}{next_release}"
                ))
            }
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

/// The first arguments of every call of a script.
pub(super) struct Head<'h> {
    /// The script's hash.
    pub(super) script: &'h str,
    pub(super) run: &'h str,
    /// Unique among all calls.
    pub(super) token: &'h str,
}

/// One call of `write_if_newer.lua` for all of these, each with its key. `states`: none, or the life of each ticket.
pub(super) fn write(
    head: &Head<'_>,
    seconds_to_live: u64,
    all: &[(String, Write<'_>)],
    states: &[&str],
) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(head.script).arg(all.len());
    for (key, _) in all {
        command.arg(key);
    }
    command.arg(head.run).arg(seconds_to_live).arg(head.token);
    for (_, write) in all {
        write.add_to(&mut command);
    }
    command.arg(states);
    command
}

/// One call of `tickets.lua` for these keys.
pub(super) fn tickets(head: &Head<'_>, to_live: Duration, replace: bool, keys: &[String]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(head.script).arg(keys.len()).arg(keys);
    let millis = u64::try_from(to_live.as_millis()).unwrap_or(u64::MAX);
    command.arg(head.run).arg(head.token).arg(millis).arg(i32::from(replace));
    command
}

fn micros(moment: Option<Timestamp>) -> String {
    moment.map_or_else(String::new, |moment| moment.timestamp_micros().to_string())
}
