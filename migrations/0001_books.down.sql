-- loses: customers, wallets, transactions, entries, status_changes
drop view journal;
drop table cursors;
drop table status_changes;
drop table entries;
drop function refuse_change();
drop table transactions;
drop table wallets;
drop table customers;
