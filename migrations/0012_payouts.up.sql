-- compatible_from: 12
-- Payouts: money that is reserved until a bank has paid it, or does not pay. Entries of the kinds 12, 13, 14 and 16, which earlier
-- binaries cannot read: their relay would stop at one.

create table payouts (
    -- The payout.
    transaction_id  uuid primary key,
    wallet_id       uuid not null,
    -- The number of its first entry in the wallet: the order of the wallet's list.
    version         bigint not null,
    amount          bigint not null check (amount > 0),
    bank_code       text not null,
    account_number  text not null,
    account_name    text not null,
    -- The step that settled or returned it; null while its money is held.
    closed_by       uuid,
    -- The transaction by which it came back after it was settled.
    reversed_by     uuid check (reversed_by is null or closed_by is not null),
    -- Why it failed or came back.
    failure_code    text
);
-- By the list of a wallet's payouts.
create unique index payouts_wallet_idx on payouts (wallet_id, version);

-- What the worker knows of a payout. Only the worker changes a row, and no batch ever waits for one.
create table payout_attempts (
    -- The payout.
    transaction_id  uuid primary key,
    -- How often it was submitted to the bank, or may have been: counted before the bank is called.
    submissions     int not null default 0 check (submissions >= 0),
    -- How often in a row the bank gave no answer that says anything.
    failures        int not null default 0 check (failures >= 0),
    next_attempt_at timestamptz not null default now(),
    -- A process works on it until then; another one may take it afterwards.
    leased_until    timestamptz,
    -- Which process's claim the lease is.
    lease           uuid,
    last_answer     text,
    -- An operator has to decide: the worker leaves it alone, and its money stays held.
    needs_attention boolean not null default false,
    -- The worker has nothing more to do.
    is_done         boolean not null default false
);
-- By the worker: what is next, of all wallets.
create index payout_attempts_next_idx on payout_attempts (next_attempt_at) where not is_done and not needs_attention;
-- By the operator.
create index payout_attempts_attention_idx on payout_attempts (transaction_id) where needs_attention;

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
    -- A payout that came back.
    select t.id, t.currency, 'system:cash_out', t.amount, 0, t.created_at
    from transactions t where t.kind = 16
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
    -- A hold that was captured to the outside, and a payout that the bank has paid.
    select s.transaction_id, t.currency, 'system:cash_out', 0, s.amount, s.created_at
    from steps s join transactions t on t.id = s.transaction_id where s.kind in (7, 13)
  union all
    select s.transaction_id, t.currency, 'system:fees', 0, s.fee, s.created_at
    from steps s join transactions t on t.id = s.transaction_id where s.fee > 0;
