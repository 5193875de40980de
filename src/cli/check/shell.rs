//! The transfer files that a shell command names: `embulk run FILE`, where it is written out.
//!
//! This reads just enough of the shell to find them: words, quotes, `;`, `&&`, `||`, `|`, line ends and a plain
//! `cd`. What depends on a variable is left to the run.

use std::path::{Path, PathBuf};

use crate::cli::embulk::run_words;
use crate::embulk::config::ExecConfig;
use crate::lint::Environment;

/// Commands that read no variable but what stands in their words.
const BUILT_IN: [&str; 22] = [
    "[", "cat", "cd", "cp", "date", "echo", "exit", "export", "false", "ln", "ls", "mkdir", "mv", "printf",
    "pwd", "rm", "rmdir", "set", "sleep", "test", "touch", "true",
];

/// Programs that read variables of their own only, by customary names.
const PROGRAMS: [&str; 20] = [
    "aws", "cut", "curl", "find", "gcloud", "grep", "gsutil", "gunzip", "gzip", "head", "mysql", "psql",
    "sed", "sort", "tail", "tar", "tr", "uniq", "wc", "wget",
];

/// A transfer file that a command names, relative to the command's folder, and where its name stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// The path as the command reaches it.
    pub(super) path: PathBuf,
    /// The word as written, quotes removed.
    pub(super) word: String,
    /// Variables that the command sets for itself (`TABLE=orders embulk run …`).
    pub(super) variables: Vec<(String, String)>,
    /// What its `-X` say.
    pub(super) exec: ExecConfig,
}

/// The transfer files named in a command.
pub(super) fn transfer_files(command: &str) -> Vec<Mention> {
    let mut folder = Some(PathBuf::new());
    let mut mentions = Vec::new();
    for words in commands(command) {
        let assigned =
            words.iter().map_while(|word| is_assignment(word).then(|| word.split_once('=')).flatten());
        let assigned: Vec<_> = assigned.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut words = words.iter().map(String::as_str).skip(assigned.len());
        match words.next() {
            Some("cd") => {
                let to = words.next().filter(|to| is_literal(to));
                folder = folder.zip(to).map(|(folder, to)| folder.join(to));
            }
            Some(program) if Path::new(program).file_name().is_some_and(|name| name == "embulk") => {
                if words.next() != Some("run") {
                    continue;
                }
                let (named, exec) = run_words(words);
                if let (Some(folder), Some(word)) = (&folder, named.filter(|word| is_literal(word))) {
                    mentions.push(Mention {
                        path: folder.join(word),
                        word: word.to_owned(),
                        variables: assigned,
                        exec,
                    });
                }
            }
            _ => {}
        }
    }
    mentions
}

/// Who reads the environment of a command. What is not known to read little may read all.
pub(super) fn environment(command: &str) -> Environment {
    // All parameters lie in that file, and what stands in back quotes is not looked into.
    if command.contains("SYNC_PARAMS") || command.contains('`') {
        return Environment::Anybody;
    }
    let commands = commands(command);
    let transfers = commands.iter().filter(|words| runs_transfer(words)).count();
    if transfers != transfer_files(command).len() {
        return Environment::Anybody;
    }
    commands.iter().map(|words| environment_of(words)).max().unwrap_or_default()
}

fn program(words: &[String]) -> Option<&str> {
    let keywords = ["then", "do", "else", "elif", "if", "while", "until", "!", "{"];
    let word = words.iter().find(|word| !is_assignment(word) && !keywords.contains(&word.as_str()))?;
    // `fi`, `done` and the head of a loop start nothing; nor does the `$` before `(`.
    let is_end = ["fi", "done", "}", "for", "$"].contains(&word.as_str());
    (!is_end).then_some(word)
}

fn runs_transfer(words: &[String]) -> bool {
    let at = words.iter().position(|word| Path::new(word).file_name().is_some_and(|name| name == "embulk"));
    at.is_some_and(|at| words.get(at + 1).is_some_and(|word| word == "run"))
}

fn environment_of(words: &[String]) -> Environment {
    let Some(program) = program(words) else { return Environment::Named };
    if program == "embulk" || BUILT_IN.contains(&program) {
        Environment::Named
    } else if PROGRAMS.contains(&program) {
        Environment::Programs
    } else {
        Environment::Anybody
    }
}

/// No part of it is known only when it runs.
fn is_literal(word: &str) -> bool {
    !word.contains(['$', '`', '*', '?', '~'])
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// The words of each simple command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(letters.by_ref().take_while(|letter| *letter != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    word.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
                }
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some(letter) => word.get_or_insert_default().push(letter),
            },
            '#' if word.is_none() => {
                while letters.peek().is_some_and(|letter| *letter != '\n') {
                    letters.next();
                }
            }
            // `${...}` is one thing, whatever stands in it.
            '$' if letters.peek() == Some(&'{') => {
                let word = word.get_or_insert_default();
                word.push('$');
                word.extend(letters.by_ref().take_while(|letter| *letter != '}'));
            }
            ';' | '&' | '|' | '\n' | '(' | ')' => {
                end_word(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            '<' | '>' => end_word(&mut commands, &mut word),
            letter if letter.is_whitespace() => end_word(&mut commands, &mut word),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    end_word(&mut commands, &mut word);
    commands
}

fn end_word(commands: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
        command.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_written_out_are_found() {
        for (command, expected) in [
            ("embulk run a.yml.liquid", vec!["a.yml.liquid"]),
            ("embulk gem install x y && embulk run ../embulk/a.yml.liquid", vec!["../embulk/a.yml.liquid"]),
            ("cd conf; /usr/bin/embulk run -b bundle --log-level=warn 'a b.yml'", vec!["conf/a b.yml"]),
            ("X=1 embulk run -c diff.yml \"a.yml\" > log\nembulk run \\\n  b.yml", vec!["a.yml", "b.yml"]),
            ("embulk run ${name}.yml; embulk run $F; cd $D && embulk run a.yml", vec![]),
            ("embulk run sqlite_to_${a ? 'x y' : 'z'}.yml", vec![]),
            ("embulk preview a.yml; echo embulk run a.yml # embulk run b.yml", vec![]),
            ("embulk run", vec![]),
            ("embulk run --log-path l -Llib a.yml -X x=y 2> log", vec!["a.yml"]),
            ("'unclosed embulk run a.yml", vec![]),
        ] {
            let found: Vec<_> = transfer_files(command).into_iter().map(|mention| mention.path).collect();
            assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{command}");
        }
    }

    #[test]
    fn what_may_read_a_variable_is_known_of_few_programs() {
        for (command, expected) in [
            ("embulk gem install x && embulk run a.yml", Environment::Named),
            ("mkdir -p out; if [ -e x ]; then echo y; fi", Environment::Named),
            ("X=1 embulk run a.yml > x.log", Environment::Named),
            ("aws s3 cp a b | gzip -c", Environment::Programs),
            ("./load.sh", Environment::Anybody),
            ("python3 load.py", Environment::Anybody),
            ("embulk run ${name}.yml", Environment::Anybody),
            ("sudo embulk run a.yml", Environment::Anybody),
            ("echo `./x.sh`", Environment::Anybody),
            ("echo $(./x.sh)", Environment::Anybody),
            ("cat $SYNC_PARAMS", Environment::Anybody),
            ("eval echo", Environment::Anybody),
        ] {
            assert_eq!(environment(command), expected, "{command}");
        }
    }

    #[test]
    fn settings_of_a_command_are_read_on_both_sides_of_its_file() {
        let tasks = |command: &str| {
            let mentions = transfer_files(command);
            mentions.iter().map(|mention| mention.exec.output_tasks()).collect::<Vec<_>>()
        };
        assert_eq!(
            tasks("embulk run -X min_output_tasks=3 a.yml; embulk run b.yml -Xmin_output_tasks=2"),
            [3, 2]
        );
        assert_eq!(
            tasks("embulk run a.yml -X min_output_tasks=$N; embulk run -X max_threads=4 b.yml"),
            [1, 1]
        );
    }
}
