-- loses: clock_acceptances
drop table clock_acceptances;
