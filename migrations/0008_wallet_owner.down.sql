-- derived: a wallet's owner is its customer's xid
drop index wallets_owner_currency_key;
drop trigger wallets_owner on wallets;
drop function set_wallet_owner();
alter table wallets drop column owner_xid;
