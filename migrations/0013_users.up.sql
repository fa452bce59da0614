-- compatible_from: 13
-- People who sign in: users, their sessions, and tokens that were revoked, which earlier binaries would accept.

-- A customer who signs in. Everything personal about a customer is here, so that it can be overwritten; the books name customers by
-- their ids alone.
create table users (
    customer_id       uuid primary key,
    -- As given.
    email             text not null,
    -- The form by which addresses are compared.
    email_key         text not null,
    email_verified_at timestamptz,
    name              text,
    -- A language tag (BCP 47).
    language          text,
    -- Argon2id, with its parameters and salt, as a PHC string.
    password_hash     text not null,
    created_at        timestamptz not null default now()
);
create unique index users_email_key_idx on users (email_key);

-- Where a user is signed in: a family of refresh tokens.
create table sessions (
    id           uuid primary key,
    customer_id  uuid not null,
    wallet_id    uuid not null,
    user_agent   text not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    -- No refresh token of it is accepted later.
    expires_at   timestamptz not null,
    ended_at     timestamptz
);
-- By the sweep.
create index sessions_expires_at_idx on sessions (expires_at);
-- By the list of a user's sessions, and by the end of all of them.
create index sessions_open_idx on sessions (customer_id) where ended_at is null;

create table refresh_tokens (
    -- SHA-256 of the token.
    hash       bytea primary key,
    session_id uuid not null references sessions,
    -- The token that was exchanged for it; null for the first of a session.
    parent     bytea,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    -- When it was exchanged for another one.
    used_at    timestamptz
);
-- By the count of a session's latest tokens, by the look for those that a token was exchanged for, and by the sweep.
create index refresh_tokens_session_idx on refresh_tokens (session_id, created_at);
create index refresh_tokens_parent_idx on refresh_tokens (parent);
create index refresh_tokens_expires_at_idx on refresh_tokens (expires_at);

-- Access tokens that are not accepted although they have not expired. Every process reads what is new twice a second.
create table revocations (
    id            uuid primary key default gen_random_uuid(),
    -- 1: a session; 2: a subject (`sub`); 3: one token (`jti`).
    kind          smallint not null check (kind in (1, 2, 3)),
    value         text not null,
    -- A subject's tokens are revoked if they are of no session and were issued up to then.
    issued_until  timestamptz not null,
    -- None of them is valid later anyway.
    expires_at    timestamptz not null,
    created_at    timestamptz not null default clock_timestamp()
);
-- By the processes, and by the sweep.
create index revocations_created_at_idx on revocations (created_at);
create index revocations_expires_at_idx on revocations (expires_at);
