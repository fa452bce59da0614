-- The largest transfers of each wallet, for lists. Follows from the entries alone: whoever deletes a row, or all of them
-- with the cursor, gets the same again.

create table top_transfers (
    wallet_id           uuid primary key,
    -- The row tells of the wallet's entries 1 to this one. What is newer is read from the entries themselves.
    through_version     bigint not null check (through_version > 0),
    -- The hundred largest at most: amounts in minor units, and beside each the number of its entry. The largest come
    -- first, of equals the newest.
    incoming_amounts    bigint[] not null,
    incoming_versions   bigint[] not null,
    outgoing_amounts    bigint[] not null,
    outgoing_versions   bigint[] not null,
    constraint top_transfers_incoming_pairs check (cardinality(incoming_amounts) = cardinality(incoming_versions)),
    constraint top_transfers_outgoing_pairs check (cardinality(outgoing_amounts) = cardinality(outgoing_versions)),
    constraint top_transfers_at_most_a_hundred
        check (cardinality(incoming_amounts) <= 100 and cardinality(outgoing_amounts) <= 100)
) with (toast_tuple_target = 8160); -- a row fits a page; compressing it would cost a tenth of all the follower's work

-- How far the log has been looked through for it.
insert into cursors (log, position) values ('top_transfers', 0);
