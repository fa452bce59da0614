-- compatible_from: 3
-- When operators said that Postgres' clock is right, although the service's machine has another time. A batch reads it
-- only where Postgres' clock can't be believed by itself.

create table clock_acceptances (
    -- By the clock that was accepted.
    accepted_at  timestamptz not null default clock_timestamp(),
    actor        text not null check (actor <> ''),
    reason       text not null check (reason <> '')
);
create index clock_acceptances_accepted_at_idx on clock_acceptances (accepted_at);
create trigger clock_acceptances_insert_only before update or delete or truncate on clock_acceptances
    for each statement execute function refuse_change();
