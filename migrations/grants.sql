-- What the role that serves needs, and no more: `wallet migrate grants --role NAME` prints this with the name in it.
-- The owner of the tables runs it after each `wallet migrate up`; again does no harm. One line for each table, view and
-- sequence: a test compares them with the database, and the binary does not start where one is missing or not granted.
begin;
revoke all on all tables in schema public from :"role";
revoke all on all sequences in schema public from :"role";
grant usage on schema public to :"role";

-- Which migrations the database has, and which binaries may run on it.
grant select on _sqlx_migrations to :"role";
grant select on schema_compatibility to :"role";

-- The books. Insert only, but for the state of a wallet; a row lock (for no key update) needs UPDATE on one column.
grant select, insert on customers to :"role";
grant select, insert, update (status, frozen_at, status_version, enabled_at, disabled_at, available, held, unreleased, version, head_hash, last_entry_at, next_due_at) on wallets to :"role";
grant select, insert on transactions to :"role";
grant select, insert on entries to :"role";
grant select, insert on status_changes to :"role";
grant select, insert on adjustments to :"role";
grant select, insert on steps to :"role";
grant select, insert, update (amount, closed_by) on releases to :"role";
grant select, insert, update (closed_by) on holds to :"role";
grant select, insert, update (closed_by, reversed_by, failure_code) on payouts to :"role";
-- What the worker of payouts knows of each.
grant select, insert, update (submissions, failures, next_attempt_at, leased_until, lease, last_answer, needs_attention, is_done) on payout_attempts to :"role";
-- Who signs in, and where. A row lock (for update) needs UPDATE on one column.
grant select, insert, update (email, email_key, email_verified_at, name, language, password_hash) on users to :"role";
grant select, insert, update (last_used_at, expires_at, ended_at), delete on sessions to :"role";
grant select, insert, update (used_at), delete on refresh_tokens to :"role";
grant select, insert, delete on revocations to :"role";
-- The double-entry view, for `wallet audit`.
grant select on journal to :"role";

-- Which books these are, and which of their histories; `wallet books new-generation` begins one.
grant select on books to :"role";
grant select, insert on generations to :"role";
-- What operators said of Postgres' clock, by `wallet books accept-clock`.
grant select, insert on clock_acceptances to :"role";

-- Keys are never changed; the sweep deletes those that have expired, and its row lock (for update) needs UPDATE on one
-- column.
grant select, insert, delete, update (expires_at) on keys to :"role";

-- The relay and the follower of the largest transfers; the latter makes its row again if it was deleted.
grant select, insert, update (position, moved_at) on cursors to :"role";
grant select, insert, update (through_version, incoming_amounts, incoming_versions, outgoing_amounts, outgoing_versions) on top_transfers to :"role";

-- At its start the service sets a sequence that a restore has left behind (setval needs UPDATE). New positions need no
-- right: they belong to their columns.
grant select, update on entries_position_seq to :"role";
grant select, update on status_changes_position_seq to :"role";
commit;
