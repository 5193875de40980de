-- A small shop, made anew each time. Every row follows from its number, so each run makes the same rows.
drop table if exists order_items;
drop table if exists orders;
drop table if exists products;
drop table if exists customers;

create table customers (
    id integer primary key,
    name text not null,
    email text not null,
    phone text,
    city text,
    birthday date,
    newsletter boolean not null,
    credit decimal(12, 2)
);

insert into customers
with recursive number (n) as (select 1 union all select n + 1 from number where n < 30000)
select
    n,
    case n % 5
        when 0 then '山田 花子 '
        when 1 then 'Zoë Müller '
        when 2 then 'Nguyễn Văn Anh '
        when 3 then 'Ольга Иванова '
        else 'Ada Smith '
    end || n,
    'customer' || n || '@example.com',
    case when n % 3 = 0 then null else printf('+81-90-%04d-%04d', n / 10000, n % 10000) end,
    case n % 4 when 0 then '東京' when 1 then 'São Paulo' when 2 then 'Kraków' end,
    date('1950-01-01', (n * 37 % 20000) || ' days'),
    n % 2,
    case when n % 7 = 0 then null else (n * 7919 % 10000000 - 5000000) / 100.0 end
from number;

create table products (
    id integer primary key,
    title text not null,
    price decimal(10, 2) not null,
    weight double,
    attributes json,
    discontinued_at datetime
);

insert into products
with recursive number (n) as (select 1 union all select n + 1 from number where n < 2000)
select
    n,
    case n % 3 when 0 then 'カップ ☕ ' when 1 then '“Notebook” ' else 'Lamp 💡 ' end || n,
    (n * 6421 % 1000000) / 100.0,
    case when n % 11 = 0 then null else n * 0.125 end,
    case when n % 4 = 0 then null
        else json_object('colour', case n % 2 when 0 then 'rouge' else '青' end, 'sizes', json_array(n % 5, n % 7)) end,
    case when n % 20 = 0 then datetime('2024-01-01', (n % 500) || ' hours') end
from number;

create table orders (
    id integer primary key,
    customer_id integer not null,
    status text not null,
    total decimal(14, 2) not null,
    note text,
    delivery_address text,
    ordered_at datetime not null,
    delivered_on date
);

insert into orders
with recursive number (n) as (select 1 union all select n + 1 from number where n < 120000)
select
    n,
    n * 17 % 30000 + 1,
    case n % 4 when 0 then 'new' when 1 then 'paid' when 2 then 'sent' else 'done' end,
    (n * 104729 % 100000000) / 100.0,
    case when n % 9 = 0 then 'line one' || char(10) || '"line" two, ありがとう' end,
    n || ' Example Street',
    datetime('2025-01-01', (n * 251 % 31536000) || ' seconds'),
    case when n % 4 > 1 then date('2025-01-01', (n % 365) || ' days') end
from number;

create table order_items (
    order_id integer not null,
    line integer not null,
    product_id integer not null,
    quantity integer not null,
    price decimal(10, 2) not null,
    discount double,
    primary key (order_id, line)
) without rowid;

insert into order_items
with recursive number (n) as (select 0 union all select n + 1 from number where n < 239999)
select
    n / 2 + 1,
    n % 2 + 1,
    n * 31 % 2000 + 1,
    n % 9 + 1,
    (n * 6421 % 1000000) / 100.0,
    case when n % 10 = 0 then 0.1 end
from number;
