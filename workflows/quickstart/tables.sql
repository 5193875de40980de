-- Without the table in which `sqlite>` notes which statements have run.
select name
from sqlite_schema
where type = 'table' and name not like 'sqlite_%' and name <> '__digdag_status'
order by name
