-- loses: users, sessions, refresh_tokens, revocations
drop table revocations;
drop table refresh_tokens;
drop table sessions;
drop table users;
