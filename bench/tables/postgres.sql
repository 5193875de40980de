-- The tables of the benchmark in PostgreSQL, with the types that such columns usually have there.
create table orders (
  id         bigint           not null primary key,
  user_id    bigint           not null,
  shop_id    integer          not null,
  quantity   integer          not null,
  is_gift    boolean          not null,
  price      numeric(12,2)    not null,
  discount   numeric(12,2),
  score      double precision,
  title      varchar(64)      not null,
  memo       varchar(255),
  email      varchar(64)      not null,
  status     varchar(16)      not null,
  created_at timestamp(6)     not null,
  updated_at timestamptz      not null,
  order_date date             not null,
  attrs      jsonb
);

create table narrow (
  id bigint      not null primary key,
  a  integer     not null,
  b  integer,
  v  varchar(16) not null
);
