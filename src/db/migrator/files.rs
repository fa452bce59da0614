//! The files of `migrations/`, as they are built into the binary, and what their first lines say
//! (`migrations/README.md`).

use std::borrow::Cow;

use rust_embed::RustEmbed;
use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType},
};

use crate::db::DbError;

#[derive(RustEmbed)]
#[folder = "migrations"]
struct Files;

/// The migration that makes the table `schema_compatibility`; it and every later one must begin with
/// `-- compatible_from: N`.
const FIRST_WITH_COMPATIBILITY: i64 = 4;

/// Files of the folder that are no migration.
const OTHERS: [&str; 2] = ["README.md", "grants.sql"];

/// One migration: both ways, and what its files say of it.
pub(super) struct Step {
    pub version: i64,
    pub description: String,
    /// The oldest schema number that a running binary may have once this migration has run.
    pub compatible_from: i64,
    pub loss: Loss,
    pub up: Migration,
    pub down: Migration,
}

/// What the way down drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Only what follows from other tables.
    Derived,
    /// Rows that exist nowhere else, each as the `from` clause that counts them: a table, perhaps with a `where`.
    Rows(Vec<String>),
}

/// What a file contains.
struct Text {
    version: i64,
    description: String,
    is_up: bool,
    sql: String,
}

/// Every migration of this binary, in the order of their numbers.
pub(super) fn steps() -> Result<Vec<Step>, DbError> {
    let files = Files::iter().filter(|name| !OTHERS.contains(&name.as_ref()));
    assemble(files.map(|name| read(&name)).collect::<Result<_, _>>()?)
}

fn read(name: &str) -> Result<Text, DbError> {
    let misnamed = || DbError::Defect(format!("migrations/{name}: not NNNN_name.up.sql or .down.sql"));
    let (stem, is_up) = match (name.strip_suffix(".up.sql"), name.strip_suffix(".down.sql")) {
        (Some(stem), _) => (stem, true),
        (_, Some(stem)) => (stem, false),
        _ => return Err(misnamed()),
    };
    let (number, description) = stem.split_once('_').ok_or_else(misnamed)?;
    let version = number.parse().map_err(|_| misnamed())?;
    let file = Files::get(name).ok_or_else(misnamed)?;
    let sql = String::from_utf8(file.data.into_owned()).map_err(|_| misnamed())?;
    Ok(Text { version, description: description.replace('_', " "), is_up, sql })
}

fn assemble(mut texts: Vec<Text>) -> Result<Vec<Step>, DbError> {
    texts.sort_by_key(|text| (text.version, !text.is_up));
    let mut steps: Vec<Step> = Vec::new();
    for pair in texts.chunks(2) {
        let [up, down] = pair else { return Err(not_a_pair(pair)) };
        if up.version != down.version || up.description != down.description || !up.is_up || down.is_up {
            return Err(not_a_pair(pair));
        }
        let before = steps.last().map_or(1, |step| step.compatible_from);
        let compatible_from = compatible_from(up, before)?;
        let (loss, has_row_below) = (loss(down)?, up.version > FIRST_WITH_COMPATIBILITY);
        let up_sql = match up.version >= FIRST_WITH_COMPATIBILITY {
            true => format!("{}\n{}", up.sql, set_compatibility(compatible_from)),
            false => up.sql.clone(),
        };
        let down_sql = match has_row_below {
            true => format!("{}\n{}", down.sql, set_compatibility(before)),
            false => down.sql.clone(),
        };
        // The checksum is that of the file alone, whatever the migrator adds to it.
        let checksum = migration(up, up.sql.clone()).checksum;
        steps.push(Step {
            version: up.version,
            description: up.description.clone(),
            compatible_from,
            loss,
            up: Migration { checksum, ..migration(up, up_sql) },
            down: migration(down, down_sql),
        });
    }
    Ok(steps)
}

fn migration(text: &Text, sql: String) -> Migration {
    let kind = if text.is_up { MigrationType::ReversibleUp } else { MigrationType::ReversibleDown };
    // The text is a file of this repository, not input.
    let sql = AssertSqlSafe(sql).into_sql_str();
    Migration::new(text.version, Cow::Owned(text.description.clone()), kind, sql, false)
}

fn set_compatibility(from: i64) -> String {
    format!("update schema_compatibility set compatible_from = {from};\n")
}

fn not_a_pair(texts: &[Text]) -> DbError {
    let version = texts.first().map_or(0, |text| text.version);
    DbError::Defect(format!(
        "migrations/{version:04}: needs one file .up.sql and one .down.sql of the same name"
    ))
}

/// What follows `-- word:` in the first line of a file.
fn first_line<'a>(text: &'a Text, word: &str) -> Option<&'a str> {
    let line = text.sql.lines().next().unwrap_or_default();
    line.strip_prefix("-- ")?.strip_prefix(word)?.strip_prefix(": ").map(str::trim)
}

fn compatible_from(up: &Text, before: i64) -> Result<i64, DbError> {
    if up.version < FIRST_WITH_COMPATIBILITY {
        return Ok(before);
    }
    let wrong = || {
        DbError::Defect(format!(
            "migrations/{:04}, up: the first line must be `-- compatible_from: N`, with N from {before} (what holds \
             before it) to {0}",
            up.version
        ))
    };
    let number =
        first_line(up, "compatible_from").and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    if (before..=up.version).contains(&number) { Ok(number) } else { Err(wrong()) }
}

fn loss(down: &Text) -> Result<Loss, DbError> {
    if first_line(down, "derived").is_some_and(|why| !why.is_empty()) {
        return Ok(Loss::Derived);
    }
    let tables = first_line(down, "loses").map(|list| list.split(',').map(|rows| rows.trim().to_owned()));
    match tables.map(Iterator::collect::<Vec<String>>) {
        Some(rows) if rows.iter().all(|rows| !rows.is_empty()) => Ok(Loss::Rows(rows)),
        _ => Err(DbError::Defect(format!(
            "migrations/{:04}, down: the first line must be `-- loses: table, table where …` for rows that exist \
             nowhere else, or `-- derived: why`",
            down.version
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(version: i64, is_up: bool, sql: &str) -> Text {
        Text { version, description: "a name".to_owned(), is_up, sql: sql.to_owned() }
    }

    fn complaint(texts: Vec<Text>) -> String {
        assemble(texts).err().expect("a complaint").to_string()
    }

    #[test]
    fn every_migration_says_from_where_on_it_is_compatible_and_what_its_way_down_loses() {
        let steps = steps().expect("the migrations of this binary");
        let numbers: Vec<i64> = steps.iter().map(|step| step.version).collect();
        assert_eq!(numbers, (1..=i64::try_from(steps.len()).expect("few")).collect::<Vec<_>>());
        for step in &steps {
            assert!(step.compatible_from <= step.version, "{}", step.version);
            let sets = format!("set compatible_from = {};", step.compatible_from);
            assert_eq!(step.up.sql.as_str().contains(&sets), step.version >= FIRST_WITH_COMPATIBILITY);
        }
        let books = Loss::Rows(
            ["customers", "wallets", "transactions", "entries", "status_changes"].map(str::to_owned).into(),
        );
        assert_eq!((&steps[0].loss, &steps[2].loss), (&books, &Loss::Derived));
    }

    #[test]
    fn a_migration_that_does_not_say_it_is_refused() {
        let down = || text(5, false, "-- derived: x\nselect 1");
        for first in ["select 1", "-- compatible_from: ?", "-- compatible_from: 6", "-- compatible_from: 0"] {
            let said = complaint(vec![text(5, true, first), down()]);
            assert!(said.contains("compatible_from: N"), "{first}: {said}");
        }
        let up = || text(5, true, "-- compatible_from: 5\nselect 1");
        for first in ["drop table x", "-- loses:", "-- loses: ", "-- loses: a,,b", "-- derived: "] {
            let said = complaint(vec![up(), text(5, false, first)]);
            assert!(said.contains("-- loses: table"), "{first}: {said}");
        }
        assert!(complaint(vec![up()]).contains(".down.sql"));
        let said = complaint(vec![
            up(),
            down(),
            text(6, true, "-- compatible_from: 4"),
            text(6, false, "-- derived: x"),
        ]);
        assert!(said.contains("from 5"), "what was incompatible stays so: {said}");
    }

    #[test]
    fn the_way_down_gives_back_what_was_compatible_before() {
        let steps = assemble(vec![
            text(4, true, "-- compatible_from: 3\n"),
            text(4, false, "-- derived: x\n"),
            text(5, true, "-- compatible_from: 5\n"),
            text(5, false, "-- loses: a, b where c > 0\n"),
        ])
        .expect("two migrations");
        assert!(!steps[0].down.sql.as_str().contains("update"));
        assert!(steps[1].down.sql.as_str().contains("set compatible_from = 3;"));
        assert_eq!(steps[1].loss, Loss::Rows(vec!["a".to_owned(), "b where c > 0".to_owned()]));
    }
}
