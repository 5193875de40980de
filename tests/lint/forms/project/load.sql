insert into t select '${database}';
do $$ begin end $$;
