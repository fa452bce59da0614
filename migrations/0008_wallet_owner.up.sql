-- compatible_from: 7
-- Whose a wallet is, beside it: a customer's xid never changes, and the log names it with every row. Earlier binaries go on
-- writing wallets without it, so a trigger sets it.

alter table wallets add column owner_xid uuid;

create function set_wallet_owner() returns trigger language plpgsql as $$
begin
    select xid into strict new.owner_xid from customers where id = new.customer_id;
    return new;
end $$;
create trigger wallets_owner before insert on wallets for each row execute function set_wallet_owner();

update wallets w set owner_xid = c.xid from customers c where c.id = w.customer_id;
alter table wallets alter column owner_xid set not null;

-- A customer's wallets: by their owner they are opened, and found as recipients.
create unique index wallets_owner_currency_key on wallets (owner_xid, currency);
