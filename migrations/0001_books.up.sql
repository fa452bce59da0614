-- The books: customers, their wallets, what was booked, and the two logs that everything else follows from.
-- Amounts are minor units (cents) in bigint. Times are UTC.

create table customers (
    id          uuid primary key,
    -- The caller's own id of the customer.
    xid         uuid not null,
    created_at  timestamptz not null default now(),
    constraint customers_xid_key unique (xid)
);

create table wallets (
    id              uuid primary key,
    customer_id     uuid not null references customers (id),
    currency        text not null check (currency ~ '^[A-Z]{3}$'),
    -- 0 disabled, 1 enabled. Frozen stands beside the status: unfreezing gives back what was there.
    status          smallint not null default 0 check (status in (0, 1)),
    frozen_at       timestamptz,
    status_version  bigint not null default 0 check (status_version >= 0),
    enabled_at      timestamptz,
    disabled_at     timestamptz,
    -- The balance is the sum of the three buckets; 2^53 - 1 is what a JavaScript client can read exactly.
    available       bigint not null default 0 constraint wallets_available_not_negative check (available >= 0),
    held            bigint not null default 0 constraint wallets_held_not_negative check (held >= 0),
    unreleased      bigint not null default 0 constraint wallets_unreleased_not_negative check (unreleased >= 0),
    -- The number, the hash and the time of the wallet's last entry.
    version         bigint not null default 0 check (version >= 0),
    head_hash       bytea not null default decode(repeat('00', 32), 'hex') check (octet_length(head_hash) = 32),
    last_entry_at   timestamptz,
    created_at      timestamptz not null default now(),
    constraint wallets_customer_currency_key unique (customer_id, currency),
    constraint wallets_balance_limit check (available::numeric + held + unreleased <= 9007199254740991)
) with (fillfactor = 50); -- half a page stays free, so that an update needs no new index entries (HOT)

create table transactions (
    -- Version 7: new rows land side by side in the index.
    id              uuid primary key,
    -- 1 deposit, 2 withdrawal.
    kind            smallint not null,
    -- 0 completed, 1 pending, 2 refused for want of funds, 3 rejected by the bank.
    status          smallint not null check (status between 0 and 3),
    -- Who asked, and the number of the entry there.
    wallet_id       uuid not null,
    version         bigint not null check (version > 0),
    amount          bigint not null check (amount > 0),
    fee             bigint not null default 0 check (fee >= 0),
    currency        text not null,
    reference_id    uuid,
    created_at      timestamptz not null
);

-- A reference books once for each wallet and kind; a withdrawal refused for want of funds does not use it up.
-- The posting loop looks references up here: no second index may hold these columns (docs/decisions/0003).
create unique index transactions_reference_key on transactions (wallet_id, kind, reference_id) where status <> 2;

-- The log of money. Insert only. No foreign keys on the hot tables: the row locks prove them, the audit checks them.
create table entries (
    position            bigint generated always as identity (cache 1),
    wallet_id           uuid not null,
    version             bigint not null check (version > 0),
    transaction_id      uuid not null,
    kind                smallint not null,
    delta_available     bigint not null,
    delta_held          bigint not null,
    delta_unreleased    bigint not null,
    available           bigint not null check (available >= 0),
    held                bigint not null check (held >= 0),
    unreleased          bigint not null check (unreleased >= 0),
    occurred_at         timestamptz not null,
    hash                bytea not null check (octet_length(hash) = 32),
    primary key (wallet_id, version)
);
create index entries_position_idx on entries (position);

-- The log of status. Insert only.
create table status_changes (
    position        bigint generated always as identity (cache 1),
    -- The operation that asked: a batch that is run again knows its own.
    id              uuid not null,
    wallet_id       uuid not null,
    status_version  bigint not null check (status_version > 0),
    status          smallint not null check (status in (0, 1)),
    frozen          boolean not null,
    actor           text not null,
    reason          text,
    occurred_at     timestamptz not null,
    primary key (wallet_id, status_version)
);
create index status_changes_position_idx on status_changes (position);
create unique index status_changes_id_key on status_changes (id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is insert only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger entries_insert_only before update or delete or truncate on entries
    for each statement execute function refuse_change();
create trigger status_changes_insert_only before update or delete or truncate on status_changes
    for each statement execute function refuse_change();

-- How far the relay has published each log.
create table cursors (
    log         text primary key,
    position    bigint not null check (position >= 0),
    moved_at    timestamptz not null default now()
);
insert into cursors (log, position) values ('entries', 0), ('status_changes', 0);

-- Double entry, as accountants read it. What a customer owns is our debt, so more of it is a credit. The system's own
-- legs (cash in, cash out, fees) follow from the transaction, so that no system account is a locked, hot row.
create view journal as
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
    from transactions t where t.kind = 2 and t.status = 0;
