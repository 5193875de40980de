//! What the long help and the manual pages say of each command beside its options: a few sentences and examples.

/// What is told of one command.
pub struct Guide {
    /// Its name, for one below another both: `secrets set`. Empty for the program itself.
    pub command: &'static str,
    /// What the one line of the list of commands leaves open.
    pub more: &'static str,
    /// What an example does, and its command line.
    pub examples: &'static [(&'static str, &'static str)],
}

/// One for each command.
pub const GUIDES: &[Guide] = &[
    Guide {
        command: "",
        more: "Workflows are Digdag's (`.dig`), transfer files are Embulk's (`.yml`, `.yml.liquid`). Called without arguments, or \
               with the name of a file, it does what the `sync` of coreutils does: it flushes to disk.",
        examples: &[
            ("write a small project that runs at once", "sync init shop"),
            ("what is wrong, before anything runs", "sync check"),
            ("run a workflow", "sync run main.dig"),
            ("run what did not succeed", "sync retry --session last"),
        ],
    },
    Guide {
        command: "run",
        more: "The files are checked first, and nothing runs when one of them is wrong. Each task and each table is recorded, so \
               that what fails can be gone on with by `sync retry`.",
        examples: &[
            ("the session that is due by `schedule:`, else today's", "sync run nightly.dig"),
            (
                "a session of a day, with a parameter",
                "sync run nightly.dig --session 2026-01-05 -p shop=berlin",
            ),
            ("one task with all below it", "sync run nightly.dig +copy"),
            ("show what each task would do", "sync run nightly.dig --dry-run"),
            ("from a timer", "sync run nightly.dig --scheduled"),
        ],
    },
    Guide {
        command: "retry",
        more: "What succeeded is left out. It goes on with the files of today and the parameters of then.",
        examples: &[
            ("what is left of the session that ran last", "sync retry --session last"),
            ("a task and all that follow it again", "sync retry --session 7 --from +copy"),
            ("everything again", "sync retry --session 7 --all"),
        ],
    },
    Guide {
        command: "check",
        more: "Nothing is run and no server is asked, unless `--connect` says so. Exit code 65 says that something is wrong, 75 \
               that only servers could not be reached.",
        examples: &[
            ("the whole project", "sync check"),
            ("warnings fail, too, in the form of reviewdog", "sync check --deny warnings --format rdjson"),
            (
                "what will become of each column, and what the servers say",
                "sync check --explain --connect table.yml.liquid",
            ),
            ("why a rule is there", "sync check --explain-rule unknown-operator"),
        ],
    },
    Guide {
        command: "status",
        more: "",
        examples: &[
            ("all sessions, the newest first", "sync status"),
            ("tasks and tables of the last one", "sync status --session last"),
            ("what failed this week, for a program", "sync status --since 7d --failed --json"),
            ("tables that nobody reads", "sync status --unused --older-than 180d"),
        ],
    },
    Guide {
        command: "log",
        more: "",
        examples: &[
            ("of the session that ran last", "sync log"),
            ("of one task, while it runs", "sync log +copy --follow"),
            ("of an earlier attempt", "sync log --session 7 --attempt 12"),
        ],
    },
    Guide {
        command: "report",
        more: "",
        examples: &[
            ("of the attempt that ran last", "sync report"),
            ("for a program", "sync report --session 7 --json"),
            ("a page for a browser", "sync report --session 7 --html report.html"),
        ],
    },
    Guide {
        command: "wait",
        more: "It ends with 0 when the session has succeeded, with 1 as soon as it has failed, and with 75 when the time is over.",
        examples: &[
            ("the session that is due", "sync wait --workflow nightly"),
            ("one task of it, for an hour at most", "sync wait --workflow nightly +copy --timeout 1h"),
        ],
    },
    Guide {
        command: "prune",
        more: "Every run does the same at its end, by the property `sync.keep_days`.",
        examples: &[
            ("how much is older than a month", "sync prune --older-than 30d --dry-run"),
            ("an attempt on a machine that is gone frees its workflow", "sync prune --lost 12"),
        ],
    },
    Guide {
        command: "notify",
        more: "It ends with 75 when somebody could not be reached.",
        examples: &[
            ("from OnFailure= of a unit", "sync notify --lost --project /srv/etl"),
            ("what would be sent, and a message that says it is a test", "sync notify --test"),
        ],
    },
    Guide {
        command: "timer",
        more: "Nothing is installed. Exit code 65 says that the schedule has times that the form cannot have.",
        examples: &[("units of systemd", "sync timer systemd nightly.dig")],
    },
    Guide {
        command: "timer systemd",
        more: "What a schedule asks for is kept by `sync run --scheduled`, which the service calls.",
        examples: &[
            ("look at them", "sync timer systemd nightly.dig"),
            ("where systemd finds them", "sync timer systemd nightly.dig --to /etc/systemd/system"),
            (
                "with a password that only the service may read",
                "sync timer systemd nightly.dig --credential mysql.password:/etc/sync/mysql",
            ),
        ],
    },
    Guide {
        command: "timer cron",
        more: "",
        examples: &[("as a file", "sync timer cron nightly.dig > nightly.cron")],
    },
    Guide {
        command: "timer kubernetes",
        more: "",
        examples: &[(
            "with an image of yours",
            "sync timer kubernetes nightly.dig --image example.com/etl:1",
        )],
    },
    Guide {
        command: "secrets",
        more: "A value comes from a prompt, from stdin or from an editor, never from an argument.",
        examples: &[
            ("keep a password", "sync secrets set mysql.password --key alias/sync"),
            ("what is there, and where", "sync secrets list"),
        ],
    },
    Guide {
        command: "secrets set",
        more: "",
        examples: &[("from a prompt, or from stdin", "sync secrets set mysql.password --key alias/sync")],
    },
    Guide {
        command: "secrets edit",
        more: "",
        examples: &[("in the editor", "sync secrets edit mysql.password --key alias/sync")],
    },
    Guide {
        command: "secrets delete",
        more: "",
        examples: &[("one that is no longer used", "sync secrets delete mysql.password")],
    },
    Guide {
        command: "secrets rotate",
        more: "",
        examples: &[("all, under another key", "sync secrets rotate --key alias/sync-2")],
    },
    Guide { command: "secrets list", more: "", examples: &[("names and sources", "sync secrets list")] },
    Guide {
        command: "embulk",
        more: "Exit codes are Embulk's.",
        examples: &[
            ("copy one table", "sync embulk run table.yml.liquid"),
            ("the first rows of its input", "sync embulk preview table.yml.liquid"),
            ("find out what a file holds", "sync embulk guess seed.yml -o table.yml"),
        ],
    },
    Guide {
        command: "init",
        more: "The project copies a CSV file to another one, without a server, so that it runs as it is. No file that is there \
               is written to.",
        examples: &[("in a new folder", "sync init shop"), ("in this one", "sync init")],
    },
    Guide {
        command: "man",
        more: "",
        examples: &[
            ("read the page of the program", "sync man | man -l -"),
            ("write all pages", "sync man /usr/local/share/man/man1"),
        ],
    },
    Guide {
        command: "completions",
        more: "They ask the program itself, for names of tasks, sessions and secrets, too. They complete the name that \
               the program is called by.",
        examples: &[
            ("bash", "sync completions bash > ~/.local/share/bash-completion/completions/sync"),
            ("zsh, in a folder of $fpath", "sync completions zsh > ~/.zfunc/_sync"),
            ("fish", "sync completions fish > ~/.config/fish/completions/sync.fish"),
        ],
    },
];
