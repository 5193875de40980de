//! The sets of the README hold the names that it gives as examples, and there are no others.

use regex::Regex;
use sync::policy::set;

const README: &str = include_str!("../../README.md");

#[test]
fn every_example_is_in_its_set() {
    let quoted = Regex::new("`([^`]+)`").unwrap();
    let names =
        |text: &str| -> Vec<String> { quoted.captures_iter(text).map(|found| found[1].to_owned()).collect() };
    let mut told = Vec::new();
    let rows = README.lines().skip_while(|line| *line != "| set | names such as |").skip(2);
    for row in rows.map_while(|line| line.strip_prefix("| ")) {
        let (sets, examples) = row.split_once(" | ").unwrap();
        told.extend(names(sets));
        let (plain, in_tables) = examples.split_once("; `name` in tables").unwrap_or((examples, ""));
        let set = set::find(&names(sets)[0]).unwrap_or_else(|| panic!("no set of {sets}"));
        for name in names(plain) {
            assert!(set.has(None, &name), "{name} is not in {}", set.name);
        }
        for table in names(in_tables) {
            assert!(set.has(Some(&table), "name") && !set.has(None, "name"), "{table}");
        }
    }
    let mut known: Vec<String> = set::all().map(|set| set.name.to_owned()).collect();
    told.sort();
    known.sort();
    assert_eq!(told, known);
}
