-- derived: the migrations' own first lines say it
drop table schema_compatibility;
