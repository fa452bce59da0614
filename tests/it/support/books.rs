//! The books, compared with the replies to clients.

use std::collections::HashMap;

use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;
use wallet::ledger::audit::audit;

use super::load::{MoneyRequest, Reply};

/// The fee of a transfer at the services under test: 1.5 %.
const FEE_BPS: i64 = 150;

/// A transaction in the books.
#[derive(Clone, Debug)]
pub struct Booked {
    pub id: Uuid,
    pub wallet: Uuid,
    pub kind: &'static str,
    pub to: Option<Uuid>,
    pub is_refused: bool,
    pub amount: i64,
    pub fee: i64,
    pub version: i64,
}

/// Every deposit, withdrawal and transfer, by its reference.
pub struct Books(HashMap<Uuid, Vec<Booked>>);

impl Books {
    /// Reads the books, and audits them.
    pub async fn read(database_url: &str) -> Self {
        let findings = audit(database_url).await.expect("the audit");
        assert!(findings.is_empty(), "the books are broken: {findings:#?}");
        let mut conn = PgConnection::connect(database_url).await.expect("Postgres");
        let sql = "select reference_id, id, wallet_id, kind, status, amount, version, other_wallet_id, fee
                   from transactions where kind <= 3";
        let mut books: HashMap<Uuid, Vec<Booked>> = HashMap::new();
        for row in sqlx::query(sql).fetch_all(&mut conn).await.expect("the transactions") {
            books.entry(row.get(0)).or_default().push(Booked {
                id: row.get(1),
                wallet: row.get(2),
                kind: ["deposit", "withdrawal", "transfer"][row.get::<i16, _>(3) as usize - 1],
                to: row.get(7),
                is_refused: row.get::<i16, _>(4) == 2,
                amount: row.get(5),
                fee: row.get(8),
                version: row.get(6),
            });
        }
        Self(books)
    }

    /// But for those of this wallet.
    pub fn without(mut self, wallet: Uuid) -> Self {
        self.0.retain(|_, booked| booked.iter().all(|booked| booked.wallet != wallet));
        self
    }

    /// Every transaction with a reference: one at most that is not refused.
    pub fn of(&self, reference: Uuid) -> impl Iterator<Item = &Booked> {
        self.0.get(&reference).into_iter().flatten()
    }

    /// Compares the replies with the books: every booked request is there once, as it was requested; refused requests are
    /// not; and nothing else is there.
    pub fn explain(&self, all: &[MoneyRequest]) {
        let mut explained = 0;
        for asked in all {
            let booked: Vec<&Booked> = self.of(asked.reference).filter(|booked| !booked.is_refused).collect();
            assert!(booked.len() <= 1, "booked twice: {asked:?} {booked:?}");
            explained += self.of(asked.reference).count();
            for found in self.of(asked.reference) {
                let is_as_asked = (found.wallet, found.kind, found.to, found.amount);
                let wanted = (asked.wallet, asked.kind, asked.to, asked.amount);
                assert_eq!(is_as_asked, wanted, "{asked:?} {found:?}");
                let fee = asked.to.map_or(0, |_| (asked.amount * FEE_BPS + 5_000) / 10_000);
                assert_eq!(found.fee, fee, "{found:?}");
            }
            let refused = self.of(asked.reference).filter(|booked| booked.is_refused).count();
            let at_most = if asked.key.is_some() { 1 - booked.len() } else { asked.attempts.len() };
            assert!(refused <= at_most, "decided more often than asked: {asked:?}");
            assert!(refused == 0 || asked.kind == "withdrawal", "only withdrawals are kept: {asked:?}");
            self.explain_answers(asked, booked.first().copied(), refused);
        }
        let total: usize = self.0.values().map(Vec::len).sum();
        assert_eq!(explained, total, "the books have transactions that no client requested");
    }

    fn explain_answers(&self, asked: &MoneyRequest, booked: Option<&Booked>, refused: usize) {
        // A replay does not count: it was decided once.
        let count = |wanted: fn(&Reply) -> bool| {
            asked.attempts.iter().filter(move |a| wanted(&a.reply) && !a.replayed).count()
        };
        let is_open = |reply: &Reply| match reply {
            Reply::Nothing(_) => true,
            Reply::Other(503, code) => code == "outcome_unknown",
            _ => false,
        };
        let is_unavailable =
            |reply: &Reply| matches!(reply, Reply::Other(503, code) if code == "unavailable");
        for (n, attempt) in asked.attempts.iter().enumerate() {
            let may_be_known = asked.attempts[..n].iter().any(|earlier| is_open(&earlier.reply));
            // The look-up after a refused transfer may fail where the decision did not: nothing was booked, and the
            // refusal is stored under its key.
            let may_be_refused = asked.kind == "transfer"
                && attempt.reply == Reply::InsufficientFunds
                && asked.attempts[..n].iter().any(|earlier| is_unavailable(&earlier.reply));
            if attempt.replayed {
                assert!(
                    asked.key.is_some() && (may_be_known || may_be_refused),
                    "replayed before it was answered: {asked:?}"
                );
            }
            match &attempt.reply {
                Reply::Booked(id, version) => {
                    let found = booked.unwrap_or_else(|| panic!("answered, not booked: {asked:?}"));
                    assert_eq!((found.id, found.version), (*id, *version), "{asked:?}");
                }
                Reply::Known(id) => {
                    assert_eq!(Some(*id), booked.map(|booked| booked.id), "{asked:?}");
                    assert!(asked.key.is_none(), "its key goes before its reference: {asked:?}");
                    assert!(may_be_known, "known before it was booked: {asked:?}");
                }
                _ => {}
            }
        }
        assert!(
            count(|reply| matches!(reply, Reply::Booked(..))) <= 1,
            "two bookings were answered: {asked:?}"
        );
        // A transfer without sufficient funds leaves no row in the books.
        let is_kept = asked.kind == "withdrawal";
        let short = if is_kept { count(|reply| *reply == Reply::InsufficientFunds) } else { 0 };
        assert!(short <= refused, "a refusal was not kept: {asked:?}");
        let open = count(is_open);
        let is_answered = count(|reply| matches!(reply, Reply::Booked(..) | Reply::Known(_)));
        if asked.attempts.iter().any(|attempt| attempt.replayed && attempt.reply == Reply::InsufficientFunds)
        {
            assert_eq!((booked.is_none(), refused), (true, usize::from(is_kept)), "{asked:?}");
        }
        if open == 0 && is_answered == 0 {
            assert!(
                booked.is_none(),
                "booked, though every answer said that it was not: {asked:?} {booked:?}"
            );
        }
        if open == 0 {
            assert_eq!(short, refused, "stored as refused, though no client was answered so: {asked:?}");
        }
        let is_strange = asked.attempts.iter().find(|attempt| match &attempt.reply {
            Reply::Other(503, code) => {
                !["unavailable", "outcome_unknown", "overloaded"].contains(&code.as_str())
            }
            Reply::Other(..) => true,
            _ => false,
        });
        assert!(is_strange.is_none(), "no such answer was expected: {asked:?}");
    }
}
