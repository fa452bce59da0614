-- compatible_from: 7
-- Steps: what happens to a transaction after its first entries, each with entries of its own. A transaction never changes.

create table steps (
    -- The operation's id.
    id              uuid primary key,
    transaction_id  uuid not null,
    -- 2, 3 …: the transaction itself is its first step.
    n               integer not null check (n > 1),
    kind            smallint not null,
    -- The wallet that the step is about, and the number of its entry there; the same for a second wallet.
    wallet_id       uuid not null,
    version         bigint not null check (version > 0),
    other_wallet_id uuid,
    other_version   bigint check (other_version > 0),
    amount          bigint not null check (amount > 0),
    fee             bigint not null default 0 check (fee >= 0),
    reference_id    uuid,
    -- Who asked for it, and why where a reason is asked for.
    actor           text not null check (actor <> ''),
    reason          text check (reason <> ''),
    created_at      timestamptz not null,
    constraint steps_transaction_key unique (transaction_id, n),
    check ((other_wallet_id is null) = (other_version is null))
);
-- A reference names one step of a wallet.
create unique index steps_reference_key on steps (wallet_id, reference_id) where reference_id is not null;

create trigger steps_insert_only before update or delete or truncate on steps
    for each statement execute function refuse_change();
