-- Any wallet sends to any other.
\set sender random(1, :wallets)
\set receiver 1 + (:sender - 1 + random(1, :wallets - 1)) % :wallets
