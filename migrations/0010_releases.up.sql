-- compatible_from: 10
-- Releases: deposits whose money may be spent from a moment on. Entries of kind 5, which earlier binaries cannot read: their relay
-- would stop at one.

create table releases (
    -- The deposit.
    transaction_id  uuid primary key,
    wallet_id       uuid not null,
    -- What is still unreleased, in minor units.
    amount          bigint not null check (amount > 0),
    due_at          timestamptz not null,
    -- The step that released it; null while it is open.
    closed_by       uuid
);
-- By the worker: what is due, of all wallets.
create index releases_due_idx on releases (due_at) where closed_by is null;
-- By a batch, and by the list of a wallet's releases.
create index releases_wallet_idx on releases (wallet_id, due_at) where closed_by is null;

-- Nothing of the wallet becomes due before this moment; it may be earlier than the first one. No index: updates stay HOT.
alter table wallets add column next_due_at timestamptz;
