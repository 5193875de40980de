-- The rows, made by MariaDB from its sequences: `@orders` and `@narrow` of them, the same whenever they are made.
--
-- `orders` is a shop's: Japanese titles of some 17 characters, a few hundred variants with a random tail, 70 % of the
-- discounts, 20 % of the scores, 75 % of the memos and 30 % of the JSON documents NULL, and memos with quotes and a line
-- break, so that whatever quotes has to quote. `narrow` has nothing but small cells.
set time_zone = '+00:00';
set rand_seed1 = 20210101, rand_seed2 = 20260101;

insert into orders
select
  seq,
  floor(rand() * 10000000),
  floor(rand() * 5000),
  1 + floor(rand() * 9),
  rand() < 0.1,
  round(rand() * 100000, 2),
  if(rand() < 0.7, null, round(rand() * 1000, 2)),
  if(rand() < 0.2, null, rand() * 1000),
  concat(
    elt(1 + floor(rand() * 8), '札幌', '仙台', '北海道', '新潟', '名古屋', '金沢', '神戸', '那覇'),
    elt(1 + floor(rand() * 8), '限定', '特製', '新作', '定番', '人気', '業務用', '訳あり', '送料無料'),
    elt(1 + floor(rand() * 8),
      'みかんジュース', '珈琲豆セット', '抹茶カステラ', '和牛コロッケ', '鮭の味噌漬', 'ノートパソコン', '折りたたみ机', '炊飯器'),
    ' ', left(md5(rand()), 6)),
  if(rand() < 0.75, null, concat('備考: "急ぎ" 発送\n', left(md5(rand()), 20))),
  concat(left(md5(rand()), 10), '@example.co.jp'),
  elt(1 + floor(rand() * 5), 'pending', 'paid', 'shipped', 'delivered', 'cancelled'),
  '2021-01-01' + interval floor(rand() * 150000000000000) microsecond,
  from_unixtime(1600000000 + floor(rand() * 100000000)),
  '2021-01-01' + interval floor(rand() * 1800) day,
  if(rand() < 0.3, null, concat(
    '{"src": "', elt(1 + floor(rand() * 3), 'web', 'ios', 'android'),
    '", "coupon": "', left(md5(rand()), 8),
    '", "n": ', floor(rand() * 100), ', "tags": ["a","b"]}'))
from seq_1_to_1000000000
where seq <= @orders;

insert into narrow
select seq, floor(rand() * 1000000), if(rand() < 0.1, null, floor(rand() * 1000000000)), left(md5(rand()), 8)
from seq_1_to_1000000000
where seq <= @narrow;
