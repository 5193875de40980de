//! A proxy before every server: connections that are cut, reset, stalled and slowed at every eighth of what they carry.

use std::collections::BTreeMap;

use super::routes::{Kind, Route};
use super::{Combination, Expected, judge, run};
use crate::support::proxy::{Break, Broken, Proxy, Way};

/// What the systems and the drivers say of a connection that is gone, silent or cut, and the services' own words. One of
/// them is in every error of this test.
const GONE: [&str; 15] = [
    "error communicating with the server",
    "connection",
    "Connection",
    "reset",
    "Broken pipe",
    "silent",
    "in time",
    "not answer",
    "too early",
    "unexpected",
    "broke off",
    "could not be called",
    "an answer that is not its own",
    "lost",
    "cut short",
];

/// Places along what a connection carries, in eighths; before the first byte is one of them.
const EIGHTHS: std::ops::Range<u64> = 0..8;

/// How many connections break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// One: those after it are whole.
    First,
    /// Each, until somebody mends it.
    All,
}

/// The vendors' rules in short: a connection that breaks once is made again, whatever it was at; a slow one is no fault;
/// what breaks every time is an error that says so.
fn expected(what: Break, who: Who) -> Expected {
    match (what, who) {
        (Break::Slow, _) | (_, Who::First) => Expected::Success,
        (Break::Cut | Break::Reset | Break::Stall, Who::All) => Expected::Either(&GONE),
    }
}

/// The most bytes of answers and of requests that one connection of a route carries.
fn carried(kind: Kind) -> Option<[u64; 2]> {
    let mut route = Route::new(kind)?;
    let (host, port) = route.door();
    let proxy = Proxy::before(&host, port);
    route.point("127.0.0.1", proxy.port());
    route.sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(route.seen(), kind.after(), "{kind:?}");
    Some(proxy.most())
}

fn combine(kind: Kind, broken: Broken, who: Who) -> Combination {
    let Broken { what, way, after, .. } = broken;
    let run = move || {
        let mut route = Route::new(kind).expect("the servers are there");
        let (host, port) = route.door();
        let proxy = Proxy::before(&host, port);
        route.point("127.0.0.1", proxy.port());
        proxy.break_connections(broken);
        // What breaks every time is not waited for.
        let settings = match who {
            Who::First => "sync.retry.seconds = 60",
            Who::All => "sync.retry.seconds = 1\nsync.retry.budget = 2",
        };
        route.sandbox.set("DIGDAG_CONFIG", settings);
        judge(&route, expected(what, who), || proxy.clear())
    };
    Combination { name: format!("{kind:?} {who:?} {what:?} {way:?} after {after}"), run: Box::new(run) }
}

fn combinations(carried: &BTreeMap<Kind, [u64; 2]>) -> Vec<Combination> {
    let breaks = [
        (Break::Cut, Way::Answers),
        (Break::Cut, Way::Requests),
        (Break::Reset, Way::Answers),
        (Break::Stall, Way::Answers),
        (Break::Slow, Way::Answers),
    ];
    let mut all = Vec::new();
    for (kind, carried) in carried {
        for (what, way) in breaks {
            // They wait for half a minute and for five, which no option makes shorter.
            if what == Break::Stall && matches!(kind, Kind::FileToS3 | Kind::FileToGcs) {
                continue;
            }
            for eighth in EIGHTHS {
                // Slow is slow, from any place on.
                if what == Break::Slow && eighth % 4 != 0 {
                    continue;
                }
                let after = carried[way as usize] * eighth / 8;
                for (who, times) in [(Who::First, Some(1)), (Who::All, None)] {
                    if what == Break::Slow && who == Who::All {
                        continue;
                    }
                    all.push(combine(*kind, Broken { what, way, after, times }, who));
                }
            }
        }
    }
    all
}

#[test]
fn connections_that_break_anywhere_lose_nothing() {
    let carried: BTreeMap<Kind, [u64; 2]> =
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, carried(kind)?))).collect();
    run("connections", combinations(&carried), 36);
}
