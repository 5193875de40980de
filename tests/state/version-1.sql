create table installation (id text not null) strict;
create table sessions (
    id integer primary key,
    project text not null,
    workflow text not null,
    session_time text not null,
    unique (project, workflow, session_time)
) strict;
create table attempts (
    id integer primary key,
    session integer not null references sessions (id),
    starting_attempt integer not null,
    kind text not null,
    started_at text not null,
    finished_at text,
    outcome text,
    file text not null,
    params text not null,
    secret_params text not null,
    host text not null,
    boot text not null,
    pid integer not null,
    process_started integer not null
) strict;
create index attempts_of_session on attempts (session);
create index attempts_unfinished on attempts (id) where outcome is null;
create table tasks (
    id integer primary key,
    attempt integer not null references attempts (id),
    name text not null,
    operator text,
    state text not null,
    round integer not null default 1,
    started_at text,
    finished_at text,
    result text,
    failure text,
    unique (attempt, name)
) strict;
create table transfers (
    id integer primary key,
    attempt integer not null references attempts (id),
    task text not null,
    key text not null,
    source text not null,
    target text not null,
    state text not null,
    started_at text not null,
    finished_at text,
    report text,
    failure text,
    unique (attempt, key)
) strict;
create table effects (
    id integer primary key,
    attempt integer not null references attempts (id),
    task text not null,
    key text not null,
    effect text not null,
    intended_at text not null,
    outcome text,
    settled_at text,
    unique (key, effect)
) strict;
create table notifications (
    id integer primary key,
    attempt integer not null references attempts (id),
    at text not null,
    channel text not null,
    failure text
) strict;
