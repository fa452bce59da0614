//! The README's examples are run as they stand, in one shell and in their order: a ```sh block beneath the line
//! `<!-- tested -->`, and the ```json block after it, which is what it prints but for ids, tokens and times.

use std::process::{Command, Output};

use tokio::task::spawn_blocking;

use crate::support::app::TestApp;

const README: &str = include_str!("../../README.md");
/// Where the README's service listens.
const ADDRESS: &str = "http://127.0.0.1:8089";
/// Stands between what two examples print.
const BETWEEN: &str = "-- next example --";

/// A shell block and what it prints.
#[derive(Debug)]
struct Example {
    shell: String,
    prints: String,
}

/// The text of the fenced block of this kind that comes first, and what follows it.
fn block<'t>(text: &'t str, kind: &str) -> (&'t str, &'t str) {
    let (between, rest) = text.split_once(&format!("```{kind}\n")).expect("a block");
    assert!(!between.contains("```"), "no other block stands in between: {between}");
    rest.split_once("\n```").expect("the block's end")
}

fn examples() -> Vec<Example> {
    let pieces = README.split("<!-- tested -->\n").skip(1);
    let examples = pieces.map(|piece| {
        let (shell, rest) = block(piece, "sh");
        let (prints, _) = block(rest, "json");
        Example { shell: shell.to_owned(), prints: prints.to_owned() }
    });
    examples.collect()
}

/// The text with everything that differs from run to run named by its kind.
fn general(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split('"') {
        let is_time = word.len() == 24 && chrono::DateTime::parse_from_rfc3339(word).is_ok();
        words.push(match word {
            _ if uuid::Uuid::try_parse(word).is_ok() => "<id>",
            _ if is_time => "<time>",
            _ if word.starts_with("eyJ") => "<token>",
            _ => word,
        });
    }
    words.join("\"").trim().to_owned()
}

#[test]
fn there_is_an_example_of_each_step() {
    let all: String = examples().iter().map(|example| example.shell.clone() + "\n").collect();
    for step in ["/init", "/wallet/deposits", "/wallet/withdrawals", "/wallet/transactions", "-X PATCH"] {
        assert!(all.contains(step), "{step}");
    }
    assert!(examples().iter().all(|example| !example.shell.contains("localhost")), "one address only");
}

#[tokio::test]
async fn the_examples_print_what_the_readme_says() {
    let app = TestApp::start().await;
    let (examples, address) = (examples(), app.base.clone());
    let script: Vec<String> =
        examples.iter().map(|example| example.shell.replace(ADDRESS, &address)).collect();
    let script = format!("set -euo pipefail\n{}", script.join(&format!("\necho '{BETWEEN}'\n")));
    let output: Output =
        spawn_blocking(move || Command::new("bash").args(["-c", &script]).env_remove("BASH_ENV").output())
            .await
            .expect("the thread")
            .expect("bash");
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let told: Vec<&str> = told.split(BETWEEN).collect();
    assert_eq!(told.len(), examples.len());
    for (example, told) in examples.iter().zip(told) {
        assert_eq!(general(told), general(&example.prints), "{}", example.shell);
    }
}
