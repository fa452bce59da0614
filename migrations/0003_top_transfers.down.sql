-- derived: the follower folds the entries again
delete from cursors where log = 'top_transfers';
drop table top_transfers;
