-- One wallet sends, all others receive: each transfer waits for the one before it to commit.
\set sender 1
\set receiver random(2, :wallets)
