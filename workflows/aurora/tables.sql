select
    t.table_name as name,
    coalesce(group_concat(c.column_name order by c.ordinal_position), '') as datetime_columns
from information_schema.tables t
left join information_schema.columns c
    on c.table_schema = t.table_schema and c.table_name = t.table_name and c.data_type = 'datetime'
where t.table_schema = database() and t.table_type = 'BASE TABLE'
group by t.table_name
order by t.table_name
