//! A broken rule with the rows that break it, as every audit reports it.

use std::fmt;

/// Maximum number of rows that a finding names.
pub const ROWS_PER_FINDING: usize = 20;

/// A broken rule and some of the rows that break it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, as a sentence.
    pub sentence: &'static str,
    /// At most [`ROWS_PER_FINDING`].
    pub rows: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not so: {}", self.sentence)?;
        self.rows.iter().try_for_each(|row| write!(f, "\n  {row}"))
    }
}

/// Findings while they are collected.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a row that breaks this rule. Rows beyond [`ROWS_PER_FINDING`] are not named.
    pub fn add(&mut self, sentence: &'static str, row: impl FnOnce() -> String) {
        let at = self.0.iter().position(|finding| finding.sentence == sentence).unwrap_or_else(|| {
            self.0.push(Finding { sentence, rows: Vec::new() });
            self.0.len() - 1
        });
        let rows = &mut self.0[at].rows;
        if rows.len() < ROWS_PER_FINDING {
            rows.push(row());
        }
    }

    /// Every broken rule, in the order in which they were found.
    #[must_use]
    pub fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_twenty_rows_at_most() {
        let mut findings = Findings::default();
        for n in 0..50 {
            findings.add("none is odd", || n.to_string());
        }
        findings.add("none is even", || "2".to_owned());
        let all = findings.into_vec();
        assert_eq!((all[0].rows.len(), all[1].rows.len()), (ROWS_PER_FINDING, 1));
        assert!(all[0].to_string().starts_with("not so: none is odd\n  0\n  1\n"));
    }
}
