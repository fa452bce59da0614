//! Tokens that `wallet token` prints.

use super::{app::Settings, customer::Customer, process::command};

/// The token of this scope, of the back end or the person with this name.
pub fn token(settings: &Settings, scope: &str, name: &str) -> String {
    let printed = command(settings, &["token", "--scope", scope, "--name", name]).output().expect("a token");
    assert!(printed.status.success(), "{printed:?}");
    String::from_utf8(printed.stdout).expect("text").trim().to_owned()
}

/// A back end, at the address of this customer and about the customer's wallet.
pub fn shop(settings: &Settings, of: &Customer) -> Customer {
    Customer { token: token(settings, "service", "shop"), ..of.clone() }
}
