-- The same transfer as one plain-SQL transaction: lock both wallets in the order of their ids, two updates, and the
-- inserts of the transaction and its two entries; seven round trips. Same tables, same indexes, same columns as the
-- service. The hash is a constant, there is no idempotency key, and no reference is looked up before: what is left out
-- favours this side. `sender` and `receiver`, two numbers, come from the lines that stand in front of it.
\set amount random(100, 1000)
\set fee (:amount * 150 + 5000) / 10000
begin;
select id from wallets
where id in (('00000000-0000-7000-8000-' || lpad(to_hex(:sender::bigint), 12, '0'))::uuid,
             ('00000000-0000-7000-8000-' || lpad(to_hex(:receiver::bigint), 12, '0'))::uuid)
order by id for no key update;
-- Its id begins with the time (version 7), as the service's own ids do, so that new rows land side by side in the index.
-- A sender without the money fails by the table's constraint, and with it the whole measurement.
update wallets
set available = available - :amount::bigint - :fee::bigint, version = version + 1, last_entry_at = now(),
    head_hash = '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'::bytea
where id = ('00000000-0000-7000-8000-' || lpad(to_hex(:sender::bigint), 12, '0'))::uuid
returning id as from_id, version as from_version, available as from_available, currency as currency,
          (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
           || '-7' || substr(gen_random_uuid()::text, 16))::uuid as transaction,
          gen_random_uuid() as reference \gset
update wallets
set available = available + :amount::bigint, version = version + 1, last_entry_at = now(),
    head_hash = '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'::bytea
where id = ('00000000-0000-7000-8000-' || lpad(to_hex(:receiver::bigint), 12, '0'))::uuid
returning id as to_id, version as to_version, available as to_available \gset
insert into transactions (id, kind, status, wallet_id, version, amount, fee, currency, reference_id, created_at,
                          other_wallet_id, other_version)
values (:transaction::uuid, 3, 0, :from_id::uuid, :from_version::bigint, :amount::bigint, :fee::bigint,
        :currency::text, :reference::uuid, now(), :to_id::uuid, :to_version::bigint);
insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                     available, held, unreleased, occurred_at, hash)
values (:from_id::uuid, :from_version::bigint, :transaction::uuid, 3, -:amount::bigint - :fee::bigint, 0, 0,
        :from_available::bigint, 0, 0, now(),
        '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'::bytea),
       (:to_id::uuid, :to_version::bigint, :transaction::uuid, 4, :amount::bigint, 0, 0,
        :to_available::bigint, 0, 0, now(),
        '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'::bytea);
commit;
