-- loses: steps
drop table steps;
