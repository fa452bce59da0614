//! The grants of the role that serves: `migrations/grants.sql`.

const GRANTS: &str = include_str!("../../../migrations/grants.sql");
/// Stands for the role in the file, as psql writes a variable that is quoted as a name.
const ROLE: &str = ":\"role\"";

/// The statements that give this role what the service needs, for the owner of the tables; none if the name is empty,
/// or one that Postgres takes for every role.
#[must_use]
pub fn grants(role: &str) -> Option<String> {
    // Also in quotes, Postgres takes `public` for every role (src/backend/parser/gram.y, RoleSpec).
    if role.is_empty() || role == "public" || role.contains('\0') {
        return None;
    }
    let name = format!("\"{}\"", role.replace('"', "\"\""));
    Some(GRANTS.replace(ROLE, &name))
}

/// Every table and view that the service needs (and sequences, should it need some).
pub(super) fn relations() -> Vec<&'static str> {
    let lines = GRANTS.lines().filter(|line| line.starts_with("grant ") && !line.contains(" on schema "));
    lines.filter_map(|line| line.split_once(" on ")?.1.split_once(" to ")).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_name_is_quoted_whatever_it_is() {
        let sql = grants("o\"; drop table wallets; --").expect("a name");
        assert!(sql.contains("on customers to \"o\"\"; drop table wallets; --\";"), "{sql}");
        assert!(!sql.contains(":\"role\""), "{sql}");
        for everyone in ["", "public", "a\0b"] {
            assert_eq!(grants(everyone), None);
        }
    }

    #[test]
    fn each_line_that_grants_names_one_relation() {
        let names = relations();
        assert!(names.contains(&"wallets") && names.contains(&"journal"), "{names:?}");
        assert!(
            names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')),
            "{names:?}"
        );
        let granting = GRANTS.lines().filter(|line| line.starts_with("grant ")).count();
        assert_eq!(names.len() + 1, granting, "and one line is for the schema");
    }
}
