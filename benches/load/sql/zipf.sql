-- The n-th most popular wallet with a share of 1/n, on both sides (pgbench wants an exponent above 1).
\set sender random_zipfian(1, :wallets, 1.001)
\set receiver random_zipfian(1, :wallets, 1.001)
\if :receiver = :sender
\set receiver 1 + :sender % :wallets
\endif
