//! Rows as arrays, one for each column, under the columns' names.
//!
//! A column's name, type and value are on one line, and a statement uses the name: no statement counts parameters, and no
//! two arrays can change places.

use sqlx::{Postgres, postgres::PgArguments, query::Query};

/// A statement whose parameters are being bound.
pub(super) type Bound<'q> = Query<'q, Postgres, PgArguments>;

/// The columns of a list of rows.
pub(super) trait Columns {
    type Row;

    /// Name and SQL type, in the order in which they are bound.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// Binds an array for each column.
    fn bind<'q>(query: Bound<'q>, rows: &'q [Self::Row]) -> Bound<'q>;

    /// The rows as a table `alias`, which has their number `ordinal` as well; its parameters begin behind the first `bound` ones.
    fn table(alias: &str, bound: usize) -> String {
        let arrays: Vec<String> = Self::COLUMNS
            .iter()
            .zip(bound + 1..)
            .map(|((_, sql_type), number)| format!("${number}::{sql_type}[]"))
            .collect();
        format!("unnest({}) with ordinality {alias}({}, ordinal)", arrays.join(", "), Self::names(""))
    }

    /// The columns' names, each with this prefix.
    fn names(prefix: &str) -> String {
        let names: Vec<String> = Self::COLUMNS.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
        names.join(", ")
    }
}

/// `columns! { Name of Row { column: type = |row| value, … } }`
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident of $row:ty { $($column:ident: $sql_type:ident = $value:expr,)* }) => {
        $(#[$doc])*
        pub(super) struct $name;

        impl $crate::ledger::posting::store::columns::Columns for $name {
            type Row = $row;

            const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($column), stringify!($sql_type))),*];

            fn bind<'q>(
                query: $crate::ledger::posting::store::columns::Bound<'q>,
                rows: &'q [$row],
            ) -> $crate::ledger::posting::store::columns::Bound<'q> {
                query$(.bind(rows.iter().map($value).collect::<Vec<_>>()))*
            }
        }
    };
}
pub(super) use columns;
