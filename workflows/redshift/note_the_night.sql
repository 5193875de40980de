create table if not exists nights (night date, noted_at timestamp);
insert into nights values ('${session_date}', getdate());
