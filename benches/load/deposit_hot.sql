-- deposit.sql with every deposit on one wallet, so that each waits for the one before it to commit.
\set n 1
\set amount random(1, 100000)
begin;
-- The version is read under the lock, so that it is the last one. The transaction's id begins with the time (version 7),
-- as the service's own ids do, so that new rows land side by side in the index.
select id as wallet, version as version, currency as currency, available as available,
       gen_random_uuid() as reference,
       (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
        || '-7' || substr(gen_random_uuid()::text, 16))::uuid as transaction
from wallets
where id = ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid
for no key update \gset
insert into transactions (id, kind, status, wallet_id, version, amount, fee, currency, reference_id, created_at)
values (:transaction::uuid, 1, 0, :wallet::uuid, :version::bigint + 1, :amount::bigint, 0, :currency::text,
        :reference::uuid, now());
insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                     available, held, unreleased, occurred_at, hash)
values (:wallet::uuid, :version::bigint + 1, :transaction::uuid, 1, :amount::bigint, 0, 0,
        :available::bigint + :amount::bigint, 0, 0, now(),
        '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'::bytea);
update wallets
set available = :available::bigint + :amount::bigint, version = :version::bigint + 1,
    head_hash = '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'::bytea, last_entry_at = now()
where id = :wallet::uuid;
commit;
