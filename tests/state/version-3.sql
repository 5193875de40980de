create table params (
    project text not null,
    key text not null,
    value text not null,
    expires_at integer not null,
    primary key (project, key)
) strict, without rowid;
create index params_by_expiry on params (expires_at);
