-- loses: payouts
create or replace view journal as
    select e.transaction_id, t.currency, 'wallet:' || e.wallet_id as account,
           greatest(-d.total, 0) as debit, greatest(d.total, 0) as credit, e.occurred_at
    from entries e
    join transactions t on t.id = e.transaction_id
    cross join lateral (select e.delta_available + e.delta_held + e.delta_unreleased as total) d
    where d.total <> 0
  union all
    select t.id, t.currency, 'system:cash_in', t.amount, 0, t.created_at
    from transactions t where t.kind = 1 and t.status = 0
  union all
    select t.id, t.currency, 'system:cash_out', 0, t.amount, t.created_at
    from transactions t where t.kind = 2 and t.status = 0
  union all
    select t.id, t.currency, 'system:fees', 0, t.fee, t.created_at
    from transactions t where t.fee > 0 and t.status = 0
  union all
    -- Either way, as its entry says.
    select e.transaction_id, t.currency, 'system:adjustments', greatest(e.delta_available, 0),
           greatest(-e.delta_available, 0), e.occurred_at
    from entries e
    join transactions t on t.id = e.transaction_id
    where e.kind = 19
  union all
    -- A hold that was captured to the outside.
    select s.transaction_id, t.currency, 'system:cash_out', 0, s.amount, s.created_at
    from steps s join transactions t on t.id = s.transaction_id where s.kind = 7
  union all
    select s.transaction_id, t.currency, 'system:fees', 0, s.fee, s.created_at
    from steps s join transactions t on t.id = s.transaction_id where s.fee > 0;
drop table payout_attempts;
drop table payouts;
