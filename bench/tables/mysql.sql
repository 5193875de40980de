-- The tables of the benchmark, as MariaDB and MySQL both take them.
create table orders (
  id         bigint          not null primary key,
  user_id    bigint unsigned not null,
  shop_id    int             not null,
  quantity   int             not null,
  is_gift    tinyint(1)      not null,
  price      decimal(12,2)   not null,
  discount   decimal(12,2)   null,
  score      double          null,
  title      varchar(64)     not null,
  memo       varchar(255)    null,
  email      varchar(64)     not null,
  status     varchar(16)     not null,
  created_at datetime(6)     not null,
  updated_at timestamp       not null default '2020-01-01 00:00:00',
  order_date date            not null,
  attrs      json            null
) engine=innodb default charset=utf8mb4;

create table narrow (
  id bigint      not null primary key,
  a  int         not null,
  b  int         null,
  v  varchar(16) not null
) engine=innodb default charset=utf8mb4;
