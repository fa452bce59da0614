-- Transfers between wallets, and idempotency keys.

alter table transactions
    -- The other side of a transfer, and the number of its entry there.
    add column other_wallet_id  uuid,
    add column other_version    bigint check (other_version > 0),
    add column note             text,
    add constraint transactions_other_side check ((other_wallet_id is null) = (other_version is null));

comment on column transactions.kind is '1 deposit, 2 withdrawal, 3 transfer (4 is its entry on the receiving side)';

-- What a client's Idempotency-Key was answered with. In the same database transaction as the money.
create table keys (
    -- Who asked: a key is the caller's own.
    actor           text not null,
    key             text not null check (length(key) between 1 and 255),
    -- SHA-256 of method, path and fields as sent: the same key with another request is refused.
    request_hash    bytea not null check (octet_length(request_hash) = 32),
    -- The operation that was answered. A transaction is told again from the books; everything else from the outcome.
    operation_id    uuid not null,
    outcome         jsonb,
    -- A success is remembered for ever, a refusal for a day.
    expires_at      timestamptz,
    primary key (actor, key)
);
-- The sweep of what has expired. The posting loop looks keys up by the primary key; this index cannot serve it.
create index keys_expires_at_idx on keys (expires_at) where expires_at is not null;

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
    from transactions t where t.fee > 0 and t.status = 0;
