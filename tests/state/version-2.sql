alter table attempts add column required_by integer references attempts (id);
alter table attempts add column name text;
