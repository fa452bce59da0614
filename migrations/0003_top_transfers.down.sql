delete from cursors where log = 'top_transfers';
drop table top_transfers;
