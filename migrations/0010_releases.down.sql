-- loses: releases
alter table wallets drop column next_due_at;
drop table releases;
