-- One wallet receives, all others send: each transfer waits for the one before it to commit.
\set sender random(2, :wallets)
\set receiver 1
