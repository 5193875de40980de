//! The shortest names that tasks can be called by: a pattern names the task whose full name ends in it.

use crate::dig::workflow::{Task, TaskBody, Workflow};

/// Full names of the tasks that are written in a workflow.
pub(super) fn written(workflow: &Workflow) -> Vec<String> {
    fn below(task: &Task, above: &str, names: &mut Vec<String>) {
        let name = format!("{above}{}", task.name);
        names.push(name.clone());
        if let TaskBody::Group { children, .. } = &task.body {
            for child in children {
                below(child, &name, names);
            }
        }
    }
    let mut names = Vec::new();
    below(&workflow.root, "", &mut names);
    names
}

/// Of each name the shortest ending that is its own and begins as what is typed, as a pair of both.
pub(super) fn shortest(names: &[String], typed: &str) -> Vec<(String, String)> {
    let own = |name: &String| {
        let starts = name.match_indices('+').map(|(at, _)| at).collect::<Vec<_>>();
        let endings = starts.into_iter().rev().map(|at| &name[at..]);
        // A whole name is its own, also where another ends in it.
        let is_own = |ending: &str| {
            ending == name || names.iter().filter(|other| other.ends_with(ending)).count() == 1
        };
        let ending = endings.into_iter().find(|ending| ending.starts_with(typed) && is_own(ending))?;
        Some((ending.to_owned(), name.clone()))
    };
    names.iter().filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dig;
    use crate::reader::MemoryReader;

    #[test]
    fn a_name_is_as_short_as_it_can_be() {
        let text = "+a:\n  +load: {echo>: x}\n+b:\n  +load: {echo>: x}\n  +last: {echo>: x}\n";
        let reader = MemoryReader::default().with("main.dig", text);
        let workflow = dig::load("main.dig".as_ref(), &reader).workflow.expect("a workflow");
        let names = written(&workflow);
        assert_eq!(names, ["+main", "+main+a", "+main+a+load", "+main+b", "+main+b+load", "+main+b+last"]);
        let short = |typed: &str| -> Vec<String> {
            shortest(&names, typed).into_iter().map(|(short, _)| short).collect()
        };
        assert_eq!(short("+"), ["+main", "+a", "+a+load", "+b", "+b+load", "+last"]);
        assert_eq!(short("+b+la"), ["+b+last"]);
        assert_eq!(short("+main+b+"), ["+main+b+load", "+main+b+last"]);
        assert_eq!(short("x"), Vec::<String>::new());
        assert_eq!(shortest(&["+a".into(), "+b+a".into()], "")[0].0, "+a");
    }
}
