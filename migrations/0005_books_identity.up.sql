-- compatible_from: 3
-- Which books these are, and which of their histories; and positions that stand once in each log.
-- The two unique indexes are built under a lock that keeps postings out: about a second for a million rows.

-- One row: the identity of these books. A copy of the database is the same books.
create table books (
    only_row  boolean primary key default true check (only_row),
    id        uuid not null
);
insert into books (id) values (gen_random_uuid());

-- The histories of these books; the last one holds. A new one begins when the books were restored to an earlier moment:
-- what the topic, caches and consumers have beyond that moment is not part of it. Insert only.
create table generations (
    generation  bigint primary key check (generation > 0),
    begun_at    timestamptz not null default clock_timestamp(),
    -- The operator who began it, and why.
    actor       text not null,
    reason      text not null
);
insert into generations (generation, actor, reason) values (1, 'migration', 'the first history of these books');
create trigger generations_insert_only before update or delete or truncate on generations
    for each statement execute function refuse_change();

-- A sequence that a restore has left behind would hand positions out twice, below what was published already.
drop index entries_position_idx;
create unique index entries_position_key on entries (position);
drop index status_changes_position_idx;
create unique index status_changes_position_key on status_changes (position);
