-- compatible_from: 3
-- The oldest schema number that a running binary may have (docs/operations.md). A binary's schema number is that of
-- its newest migration.

create table schema_compatibility (
    -- There is one row.
    only_row         boolean primary key default true check (only_row),
    -- Written by the migrator, from the first line of each migration.
    compatible_from  bigint not null check (compatible_from > 0)
);
insert into schema_compatibility (compatible_from) values (3);
