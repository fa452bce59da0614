//! The rules of the books, each a query that names the rows that break it. Hashes are computed by Postgres, so that the check
//! shares no code with what wrote them.

/// A rule of the books.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What must hold, in a sentence.
    pub sentence: &'static str,
    /// Answers with one text for each row that breaks it.
    pub(super) sql: &'static str,
}

/// Every rule.
pub const RULES: [Rule; 26] = [
    Rule {
        sentence: "every wallet's buckets are the sum of its entries",
        sql: "select format('wallet %s: has %s/%s/%s, entries give %s/%s/%s', coalesce(w.id, e.wallet_id),
                     w.available, w.held, w.unreleased, e.a, e.h, e.u)
              from wallets w
              full join (select wallet_id, sum(delta_available) a, sum(delta_held) h, sum(delta_unreleased) u
                         from entries group by wallet_id) e on e.wallet_id = w.id
              where (w.available, w.held, w.unreleased)
                    is distinct from (coalesce(e.a, 0), coalesce(e.h, 0), coalesce(e.u, 0))",
    },
    Rule {
        sentence: "a wallet's entries are numbered 1, 2, 3 … without a gap, up to the wallet's version",
        sql: "select format('wallet %s: version %s, %s entries from %s to %s', coalesce(w.id, e.wallet_id),
                     w.version, e.n, e.low, e.high)
              from wallets w
              full join (select wallet_id, count(*) n, min(version) low, max(version) high
                         from entries group by wallet_id) e on e.wallet_id = w.id
              where (w.version, w.version, 1)
                    is distinct from (coalesce(e.n, 0), coalesce(e.high, 0), coalesce(e.low, 1))",
    },
    Rule {
        sentence: "an entry's values are the values before it plus its change",
        sql: "select format('wallet %s, entry %s', wallet_id, version)
              from (select *, lag(available, 1, 0::int8) over w pa, lag(held, 1, 0::int8) over w ph,
                           lag(unreleased, 1, 0::int8) over w pu
                    from entries window w as (partition by wallet_id order by version)) e
              where (available, held, unreleased)
                    <> (pa + delta_available, ph + delta_held, pu + delta_unreleased)",
    },
    Rule {
        sentence: "an entry's hash covers the hash before it and its own fields",
        sql: "select format('wallet %s, entry %s', wallet_id, version)
              from (select *, lag(hash, 1, decode(repeat('00', 32), 'hex'))
                                  over (partition by wallet_id order by version) previous from entries) e
              where hash <> sha256(previous || uuid_send(wallet_id) || int8send(version) || uuid_send(transaction_id)
                        || int2send(kind) || int8send(delta_available) || int8send(delta_held)
                        || int8send(delta_unreleased) || int8send(available) || int8send(held) || int8send(unreleased)
                        || int8send((extract(epoch from occurred_at) * 1000000)::int8))",
    },
    Rule {
        sentence: "a wallet's head is the hash and the time of its last entry",
        sql: "select format('wallet %s', w.id)
              from wallets w
              left join entries e on e.wallet_id = w.id and e.version = w.version
              where (w.head_hash, w.last_entry_at)
                    is distinct from (coalesce(e.hash, decode(repeat('00', 32), 'hex')), e.occurred_at)",
    },
    Rule {
        sentence: "no entry is dated in the future",
        sql: "select format('wallet %s, entry %s: %s', wallet_id, version, occurred_at)
              from entries where occurred_at > clock_timestamp() + interval '1 minute'",
    },
    Rule {
        sentence: "a transaction has one entry in the wallet that asked, of its kind, amount and time",
        sql: "select format('transaction %s', t.id)
              from transactions t
              left join entries e on e.wallet_id = t.wallet_id and e.version = t.version and e.transaction_id = t.id
              where (e.kind, e.occurred_at, e.delta_available + e.delta_held + e.delta_unreleased)
                    is distinct from (t.kind, t.created_at,
                        case when t.status = 2 then 0 when t.kind = 1 then t.amount when t.kind = 2 then -t.amount
                             when t.kind in (6, 12) then 0 when t.kind = 16 then t.amount
                             when t.kind = 3 then -(t.amount + t.fee)
                             when t.kind = 19 and e.delta_available > 0 then t.amount
                             when t.kind = 19 then -t.amount end)",
    },
    Rule {
        sentence: "a transfer, and nothing else, has an entry in the receiver's wallet, of its amount",
        sql: "select format('transaction %s', t.id)
              from transactions t
              left join entries e
                  on e.wallet_id = t.other_wallet_id and e.version = t.other_version and e.transaction_id = t.id
              where (t.kind = 3) <> (t.other_wallet_id is not null) or t.other_wallet_id = t.wallet_id
                 or t.kind = 3 and (e.kind, e.delta_available + e.delta_held + e.delta_unreleased)
                                   is distinct from (4, t.amount)",
    },
    Rule {
        sentence: "an entry is one of its transaction's first, or one of a later step's",
        sql: "select format('wallet %s, entry %s', e.wallet_id, e.version)
              from entries e
              left join transactions t
                  on t.id = e.transaction_id
                 and ((t.wallet_id, t.version) = (e.wallet_id, e.version)
                      or (t.other_wallet_id, t.other_version) = (e.wallet_id, e.version))
              left join steps s
                  on s.transaction_id = e.transaction_id
                 and ((s.wallet_id, s.version) = (e.wallet_id, e.version)
                      or (s.other_wallet_id, s.other_version) = (e.wallet_id, e.version))
              where (t.id is null) = (s.id is null)",
    },
    Rule {
        sentence: "a step belongs to a transaction, is numbered 2, 3 … there, and has its entries",
        sql: "select format('step %s of transaction %s', s.n, s.transaction_id)
              from (select *, row_number() over (partition by transaction_id order by n) + 1 as expected from steps) s
              left join transactions t on t.id = s.transaction_id
              left join entries e on (e.wallet_id, e.version, e.transaction_id) = (s.wallet_id, s.version, s.transaction_id)
              left join entries o
                  on (o.wallet_id, o.version, o.transaction_id) = (s.other_wallet_id, s.other_version, s.transaction_id)
              where t.id is null or s.n <> s.expected or (e.kind, e.occurred_at) is distinct from (s.kind, s.created_at)
                 or (o.transaction_id is null) <> (s.other_wallet_id is null)",
    },
    Rule {
        sentence: "a wallet's unreleased money is that of its open releases",
        sql: "select format('wallet %s: %s unreleased, open releases give %s', coalesce(w.id, r.wallet_id), w.unreleased, r.open)
              from wallets w
              full join (select wallet_id, sum(amount) as open from releases where closed_by is null group by wallet_id) r
                  on r.wallet_id = w.id
              where w.unreleased is distinct from coalesce(r.open, 0)",
    },
    Rule {
        sentence: "a release is of a deposit of its wallet, and is closed by the step that released it",
        sql: "select format('release of transaction %s', coalesce(r.transaction_id, s.transaction_id))
              from releases r
              left join transactions t on t.id = r.transaction_id and t.kind = 1 and t.wallet_id = r.wallet_id
              left join entries e on e.wallet_id = t.wallet_id and e.version = t.version
              full join (select * from steps where kind = 5) s on s.transaction_id = r.transaction_id
              left join entries m on m.wallet_id = s.wallet_id and m.version = s.version
              where t.id is null
                 or (m.delta_available, m.delta_held, m.delta_unreleased) <> (r.amount, 0, -r.amount) or (e.delta_available, e.delta_unreleased) <> (0, t.amount) or r.amount > t.amount
                 or r.closed_by is distinct from s.id or s.amount <> r.amount or s.created_at < r.due_at",
    },
    Rule {
        sentence: "a wallet's next due moment is not later than that of an open release or hold",
        sql: "select format('wallet %s: next due at %s, transaction %s at %s', w.id, w.next_due_at, d.transaction_id, d.due_at)
              from (select wallet_id, transaction_id, due_at from releases where closed_by is null
                    union all
                    select wallet_id, transaction_id, expires_at from holds where closed_by is null) d
              join wallets w on w.id = d.wallet_id
              where w.next_due_at is null or w.next_due_at > d.due_at",
    },
    Rule {
        sentence: "a wallet's held money is that of its open holds and payouts",
        sql: "select format('wallet %s: %s held, open holds and payouts give %s', coalesce(w.id, h.wallet_id), w.held, h.open)
              from wallets w
              full join (select wallet_id, sum(amount) as open
                         from (select wallet_id, amount from holds where closed_by is null
                               union all select wallet_id, amount from payouts where closed_by is null) o
                         group by wallet_id) h
                  on h.wallet_id = w.id
              where w.held is distinct from coalesce(h.open, 0)",
    },
    Rule {
        sentence: "a hold is of a transaction of its wallet, and is closed by one step that takes no more than is held",
        sql: "select format('hold %s', coalesce(h.transaction_id, t.id, s.transaction_id))
              from holds h
              full join (select * from transactions where kind = 6) t
                  on t.id = h.transaction_id and t.wallet_id = h.wallet_id and t.amount = h.amount
              full join (select * from steps where kind between 7 and 11) s
                  on s.transaction_id = h.transaction_id and s.wallet_id = h.wallet_id
              left join entries f on f.wallet_id = t.wallet_id and f.version = t.version
              left join entries e on e.wallet_id = s.wallet_id and e.version = s.version
              left join entries o on o.wallet_id = s.other_wallet_id and o.version = s.other_version
              where h.transaction_id is null or t.id is null or h.closed_by is distinct from s.id
                 or s.kind in (10, 11) and s.amount <> h.amount or s.amount + s.fee > h.amount
                 or s.kind = 11 and s.created_at < h.expires_at or (s.kind = 8) <> (s.other_wallet_id is not null)
                 or (e.delta_held, e.delta_unreleased) <> (-h.amount, 0)
                 or (f.delta_available, f.delta_held, f.delta_unreleased) is distinct from (-h.amount, h.amount, 0::int8)
                 or e.delta_available <> h.amount - case when s.kind in (7, 8) then s.amount + s.fee else 0 end
                 or s.kind = 8 and (o.kind, o.delta_available) is distinct from (9, s.amount)",
    },
    Rule {
        sentence: "a payout is of a transaction of its wallet, and is closed by one step that settled or returned it",
        sql: "select format('payout %s', coalesce(p.transaction_id, t.id, s.transaction_id))
              from payouts p
              full join (select * from transactions where kind = 12) t
                  on (t.id, t.wallet_id, t.version, t.amount) = (p.transaction_id, p.wallet_id, p.version, p.amount)
              full join (select * from steps where kind in (13, 14)) s
                  on s.transaction_id = p.transaction_id and s.wallet_id = p.wallet_id
              left join entries f on f.wallet_id = t.wallet_id and f.version = t.version
              left join entries e on e.wallet_id = s.wallet_id and e.version = s.version
              where p.transaction_id is null or t.id is null or p.closed_by is distinct from s.id
                 or s.amount <> p.amount or s.fee <> 0 or s.other_wallet_id is not null
                 or (f.delta_available, f.delta_held, f.delta_unreleased)
                    is distinct from (-p.amount, p.amount, 0::int8)
                 or (e.delta_available, e.delta_held, e.delta_unreleased)
                    <> (case when s.kind = 14 then p.amount else 0 end, -p.amount, 0)
                 or (p.failure_code is not null)
                    is distinct from (coalesce(s.kind = 14, false) or p.reversed_by is not null)",
    },
    Rule {
        sentence: "a reversal, and nothing else, gives back one payout that was settled, whole",
        sql: "select format('transaction %s', coalesce(t.id, p.reversed_by))
              from (select * from transactions where kind = 16) t
              full join (select p.*, s.kind as end_kind from payouts p left join steps s on s.id = p.closed_by
                         where p.reversed_by is not null) p on p.reversed_by = t.id
              where (p.wallet_id, p.amount, p.end_kind) is distinct from (t.wallet_id, t.amount, 13::int2)",
    },
    Rule {
        sentence: "an adjustment, and nothing else, says who made it and why",
        sql: "select format('transaction %s', coalesce(t.id, a.transaction_id))
              from (select id from transactions where kind = 19) t
              full join adjustments a on a.transaction_id = t.id
              where t.id is null or a.transaction_id is null",
    },
    Rule {
        sentence: "the journal's debits equal its credits in every currency",
        sql: "select format('%s: debit %s, credit %s', currency, sum(debit), sum(credit))
              from journal group by currency having sum(debit) <> sum(credit)",
    },
    Rule {
        sentence: "a wallet's status changes are numbered 1, 2, 3 … without a gap, and the last one is its status",
        sql: "select format('wallet %s: status %s version %s', w.id, w.status, w.status_version)
              from wallets w
              left join (select wallet_id, count(*) n, max(status_version) high, min(status_version) low
                         from status_changes group by wallet_id) s on s.wallet_id = w.id
              left join status_changes l on l.wallet_id = w.id and l.status_version = w.status_version
              where (w.status_version, w.status_version, 1)
                        is distinct from (coalesce(s.n, 0), coalesce(s.high, 0), coalesce(s.low, 1))
                 or (w.status, w.frozen_at is not null)
                        is distinct from (coalesce(l.status, 0), coalesce(l.frozen, false))",
    },
    Rule {
        sentence: "a key has a completed transaction, a step, a status change, or a refusal that expires",
        sql: "select format('key %s of %s', k.key, k.actor)
              from keys k
              left join transactions t on t.id = k.operation_id and t.status = 0
              left join steps p on p.id = k.operation_id
              left join status_changes s on s.id = k.operation_id
              where case when k.outcome is null then t.id is null and p.id is null or k.expires_at is not null
                         when k.outcome ?| array['status_changed', 'Ok'] then s.id is null or k.expires_at is not null
                         else k.expires_at is null end",
    },
    Rule {
        sentence: "a wallet's stored largest transfers are those that its entries give",
        sql: "select format('wallet %s: largest transfers through entry %s', k.wallet_id, k.through_version)
              from top_transfers k
              left join wallets w on w.id = k.wallet_id and w.version >= k.through_version
              cross join lateral (
                  select coalesce(array_agg(amount order by n) filter (where way > 0), '{}') ia,
                         coalesce(array_agg(version order by n) filter (where way > 0), '{}') iv,
                         coalesce(array_agg(amount order by n) filter (where way < 0), '{}') oa,
                         coalesce(array_agg(version order by n) filter (where way < 0), '{}') ov
                  from (select m.*, row_number() over (partition by way order by amount desc, version desc) n
                        from (select coalesce(s.amount, t.amount) as amount, e.version,
                                     case when e.kind in (16, 19) then 0
                                          else sign(e.delta_available + e.delta_held + e.delta_unreleased) end way
                              from entries e join transactions t on t.id = e.transaction_id
                              left join steps s on e.kind in (7, 8, 9) and s.transaction_id = e.transaction_id
                              where e.wallet_id = k.wallet_id and e.version <= k.through_version) m) ranked
                  where n <= 100) e
              where w.id is null or (k.incoming_amounts, k.incoming_versions, k.outgoing_amounts, k.outgoing_versions)
                                    is distinct from (e.ia, e.iv, e.oa, e.ov)",
    },
    Rule {
        sentence: "a position is used once in its log",
        sql: "select format('%s: position %s is used %s times', log, position, count(*))
              from (select 'entries' log, position from entries
                    union all select 'status_changes', position from status_changes) p
              group by log, position having count(*) > 1",
    },
    Rule {
        sentence: "a wallet's positions rise with its versions",
        sql: "select format('wallet %s, %s %s: position %s after %s', wallet_id, log, version, position, previous)
              from (select 'entry' log, wallet_id, version, position,
                           lag(position) over (partition by wallet_id order by version) previous from entries
                    union all
                    select 'status change', wallet_id, status_version, position,
                           lag(position) over (partition by wallet_id order by status_version) from status_changes) p
              where position <= previous",
    },
    Rule {
        sentence: "a log's sequence is not behind its rows or the cursors that follow it",
        sql: "select format('%s: handed out up to %s, rows up to %s, cursor at %s', s.name, last.value, s.highest, s.cursor)
              from (select 'entries_position_seq' as name, (select max(position) from entries) as highest,
                           (select max(position) from cursors where log in ('entries', 'top_transfers')) as cursor
                    union all
                    select 'status_changes_position_seq', (select max(position) from status_changes),
                           (select max(position) from cursors where log = 'status_changes')) s
              cross join lateral (select coalesce(pg_sequence_last_value(s.name::regclass), 0) as value) last
              where last.value < greatest(s.highest, s.cursor)",
    },
    Rule {
        sentence: "a log's sequence hands out one position at a time",
        sql: "select format('%s: %s at a time, by %s', sequencename, cache_size, increment_by) from pg_sequences
              where sequencename in ('entries_position_seq', 'status_changes_position_seq')
                and schemaname = any(current_schemas(false)) and (cache_size, increment_by) <> (1, 1)",
    },
];
