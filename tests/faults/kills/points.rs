//! Where a process is killed: at which call of which sort, and on which side of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::random::Random;

/// On which side of a call the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The event is not recorded, the effect is not made.
    Before,
    /// It is, and nobody has seen an answer.
    After,
}

/// The `number`th call of a sort, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// As `kill.c` names it, but for servers, which have names here and ports there.
    pub sort: String,
    /// The port, where it is a server.
    port: Option<u16>,
    pub number: usize,
    pub side: Side,
}

/// Names of the servers by port.
pub type Servers = BTreeMap<u16, &'static str>;

impl Point {
    /// What `kill.c` reads.
    pub fn text(&self) -> String {
        let sort = self.port.map_or_else(|| self.sort.clone(), |port| port.to_string());
        format!("{sort}:{}:{}", self.number, self.side)
    }

    /// The point that a text such as `google:7:after` names.
    pub fn parse(text: &str, servers: &Servers) -> Option<Self> {
        let [sort, number, side] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
        let port = servers.iter().find(|(_, name)| **name == sort).map(|(port, _)| *port);
        let side = match side {
            "before" => Side::Before,
            "after" => Side::After,
            _ => return None,
        };
        Some(Self { sort: sort.to_owned(), port, number: number.parse().ok()?, side })
    }

    /// One of the first `events` events.
    pub fn event(random: &mut Random, events: usize) -> Self {
        let number = random.between(1, events.max(1));
        Self { sort: "event".to_owned(), port: None, number, side: side(random) }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.sort, self.number, self.side)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

fn side(random: &mut Random) -> Side {
    random.pick(&[Side::Before, Side::After])
}

/// Points of a run that reached so many calls of each sort, in random order: behind each recorded event, before a
/// third of them, on either side of as many requests, every server in turn, and some of all else.
pub fn chosen(random: &mut Random, reached: &BTreeMap<String, usize>, servers: &Servers) -> Vec<Point> {
    let events = reached.get("event").copied().unwrap_or_default();
    let (mut points, mut requests) = (Vec::new(), Vec::new());
    for (sort, count) in reached {
        let port = sort.parse().ok();
        let sort = match port {
            Some(port) => {
                (*servers.get(&port).unwrap_or_else(|| panic!("port {port} is no server's"))).to_owned()
            }
            None => sort.clone(),
        };
        let at = |number, side| Point { sort: sort.clone(), port, number, side };
        if sort == "event" {
            points.extend((1..=*count).map(|number| at(number, Side::After)));
            points.extend((1..=*count).filter(|_| random.chance(33)).map(|number| at(number, Side::Before)));
            continue;
        }
        let mut all: Vec<Point> = (1..=*count).map(|number| at(number, side(random))).collect();
        shuffle(random, &mut all);
        if port.is_some() {
            requests.extend(all.into_iter().enumerate());
        } else {
            points.extend(all.into_iter().take(events / 8 + 1));
        }
    }
    requests.sort_by_key(|(turn, _)| *turn);
    points.extend(requests.into_iter().take(events).map(|(_, point)| point));
    shuffle(random, &mut points);
    points
}

fn shuffle(random: &mut Random, points: &mut [Point]) {
    for at in (1..points.len()).rev() {
        points.swap(at, random.below(at + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_as_it_is_read() {
        let servers = Servers::from([(4711, "aws")]);
        for text in ["event:3:after", "aws:12:before"] {
            assert_eq!(Point::parse(text, &servers).unwrap().to_string(), text);
        }
        assert_eq!(Point::parse("aws:12:before", &servers).unwrap().text(), "4711:12:before");
        assert_eq!(Point::parse("aws:12:beside", &servers), None);
    }

    #[test]
    fn every_event_and_every_server_is_among_them() {
        let reached =
            [("event", 20), ("1", 900), ("2", 3), ("name", 40)].map(|(sort, count)| (sort.to_owned(), count));
        let servers = Servers::from([(1, "mysql"), (2, "aws")]);
        let chosen = chosen(&mut Random::new(1), &BTreeMap::from(reached), &servers);
        let of = |sort: &str| chosen.iter().filter(|point| point.sort == sort).count();
        assert_eq!((of("mysql"), of("aws"), of("name")), (17, 3, 3));
        let after = (1..=20).filter(|&number| {
            chosen.iter().any(|point| {
                (point.sort.as_str(), point.number, point.side) == ("event", number, Side::After)
            })
        });
        assert_eq!(after.count(), 20);
    }
}
