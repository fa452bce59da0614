-- loses: generations where generation > 1
drop index status_changes_position_key;
create index status_changes_position_idx on status_changes (position);
drop index entries_position_key;
create index entries_position_idx on entries (position);
drop table generations;
drop table books;
