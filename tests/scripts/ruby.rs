//! What a method of `rb>` gets and leaves.

use super::{Sandbox, failed, failures, printed};

const TASKS: &str = r#"
require 'date'
module Deep
  class Inner
    def initialize(host, port = 1, *rest, user:, level: 'low', **all)
      @got = [host, port, rest, user, level, all[:map], all[:host]]
    end

    def go(n)
      p @got, n
    end

    def self.single(n)
      puts "single #{n}"
    end

    class << self
      def late(b = 2, c = 3)
        puts "late #{b} #{c}"
      end
    end
  end

  module Tool
    def self.run(n)
      puts "module #{n}"
    end
  end
end

class Made
  def self.new(n:)
    super().tap { puts "made for #{n}" }
  end

  def go; end
end

def top(n, missing = 'default')
  puts "top #{n.inspect} #{missing}"
end

def variables
  p ENV['host'], ENV['E'], ENV['E'].size
end
"#;

#[test]
fn methods_of_every_kind_are_found_and_get_their_arguments_by_name() {
    let mut sandbox = Sandbox::new().file("tasks.rb", TASKS).file(
        "main.dig",
        r#"
_export:
  rb: {require: tasks, ruby: [ruby, -W1], n: from the map of defaults}
  host: db
  user: u
  map: {a: {b: [{c: 1}]}}
+instance: {rb>: "Deep::Inner.go", n: 5}
+class: {rb>: "::Deep::Inner.single", n: [1, x]}
+optional: {rb>: Deep::Inner.late, c: 9}
+module: {rb>: Deep::Tool.run}
+new: {rb>: Made.go, n: 1}
+top: {rb>: top, n: null}
+text: {rb>: top, n: "${map}", ruby: ruby}
+variables: {rb>: variables, _env: {E: "own ${secret:word}"}}
"#,
    );
    sandbox.set("SYNC_SECRET_WORD", "hunter2");
    assert_eq!(
        printed(&sandbox),
        r#"["db", 1, [], "u", "low", {:a=>{:b=>[{"c"=>1}]}}, "db"]
5
single [1, "x"]
late 2 3
module from the map of defaults
made for 1
top nil default
top "{\"a\":{\"b\":[{\"c\":1}]}}" default
nil
"own ***"
11
"#
    );
}

#[test]
fn what_is_stored_goes_on_and_what_is_exported_reaches_subtasks_only() {
    let sandbox = Sandbox::new()
        .file(
            "tasks/steps.rb",
            r#"
require 'date'
class Steps
  def plan
    Digdag.env.store(day: Date.new(2024, 1, 2), list: [1, :two, nil], 'text' => "gr\u00fcn".b)
    Digdag.env.export(exported: 7)
    Digdag.env.set_state(seen: 1)
    Digdag.env.add_subtask(:top, n: 1)
    Digdag.env.add_subtask(Steps, :step, 'n' => 2)
    Digdag.env.add_subtask(:Steps, :step)
    Digdag.env.add_subtask('_type' => 'sh', '_command' => 'echo "sh $exported $day $text"')
    Digdag.env.subtask_config['_parallel'] = { 'limit' => 1 }
    p Digdag.env.subtask_config.keys, Digdag.env.export_params, Digdag.env.state_params, Digdag.env.params['n']
  end

  def step(n, task_name)
    puts "step #{n} #{task_name}"
  end
end

def top(n)
  puts "top #{n}"
end
"#,
        )
        .file(
            "main.dig",
            "_export: {rb: {require: tasks/steps}, n: 0}\n+t: {rb>: Steps.plan}\n\
             +u:\n  sh>: \"echo '${list} ${text} ${typeof exported}'\"\n",
        );
    assert_eq!(
        printed(&sandbox),
        "[\"+subtask0\", \"+subtask1\", \"+subtask2\", \"+subtask3\", \"_parallel\"]\n{\"exported\"=>7}\n{:seen=>1}\n0\n\
         top 1\nstep 2 +main+t^sub+subtask1\nstep 0 +main+t^sub+subtask2\nsh 7 2024-01-02 grün\n\
         [1,\"two\",null] grün undefined\n"
    );
}

#[test]
fn a_failure_says_what_ruby_said_and_where() {
    let sandbox = Sandbox::new()
        .file("tasks.rb", "class T\n  class Bad < StandardError; end\n\n  def go\n    deeper\n  end\n\n  def deeper\n    raise Bad, 'no luck'\n  end\nend\n")
        .file(
            "main.dig",
            "+t:\n  rb>: T.go\n  require: tasks\n  _error:\n    echo>: \"${error.message}|${error.stacktrace}\"\n",
        );
    let said = failed(&sandbox);
    assert_eq!(failures(&said), ["  +main+t: Ruby command failed with code 1: no luck (T::Bad)"]);
    let project = sandbox.path().display().to_string();
    let frames = [format!("{project}/tasks.rb:9:in `deeper'"), format!("{project}/tasks.rb:5:in `go'")];
    let lines = frames.each_ref().map(|frame| format!("\tfrom {frame}")).join("\n");
    assert_eq!(
        said.stdout,
        format!(
            "no luck (T::Bad)\n{lines}\nRuby command failed with code 1: no luck (T::Bad)\n{lines} (runtime)|{}\n",
            frames.join(", ")
        )
    );
}

#[test]
fn every_way_to_fail_is_told() {
    let sandbox = Sandbox::new().file("broken.rb", "def x(\n").file("tasks.rb", FAILING).file(
        "main.dig",
        r#"
_export: {rb: {require: tasks}}
+all:
  _parallel: true
  +abort: {rb>: "Failing.abort!"}
  +abstract: {rb>: Failing.abstract}
  +bytes: {rb>: Failing.bytes}
  +class: {rb>: Gone.go}
  +deep: {rb>: Failing.deep}
  +exit: {rb>: Failing.leave}
  +exit3: {rb>: Failing.leave3}
  +file: {rb>: go, require: nofile}
  +initialize: {rb>: Needy.go}
  +keyword: {rb>: Failing.keyword}
  +kill: {rb>: Failing.die}
  +list: {rb>: Failing.list}
  +method: {rb>: Failing.gone}
  +none: {rb>: null}
  +object: {rb>: Failing.object}
  +ruby: {rb>: go, ruby: /no/ruby}
  +silent: {rb>: Failing.silent}
  +sub1: {rb>: Failing.sub1}
  +sub2: {rb>: Failing.sub2}
  +sub3: {rb>: Failing.sub3}
  +sub4: {rb>: Failing.sub4}
  +sub5: {rb>: Failing.sub5}
"#,
    );
    let project = sandbox.path().display().to_string();
    let expected = EXPECTED.replace("PROJECT", &project);
    assert_eq!(failures(&failed(&sandbox)).join("\n"), expected.trim_matches('\n'));
    sandbox.write("main.dig", "+t: {rb>: go, require: broken}\n");
    let said = failed(&sandbox);
    let message = failures(&said).join("\n");
    assert!(message.contains(&format!("with code 1: {project}/broken.rb:1: ")), "{message}");
    assert!(message.ends_with("(SyntaxError)"), "{message}");
}

const FAILING: &str = r#"
class Needy
  def initialize(k); end

  def go; end
end

module Failing
  class << self
    def abort!
      abort('no data today')
    end

    def abstract
      raise NotImplementedError, 'later'
    end

    def bytes
      Digdag.env.export(p: "\xff".b)
    end

    def deep
      deep
    end

    def leave
      exit
    end

    def leave3
      exit 3
    end

    def keyword(k:); end

    def die
      Process.kill(:KILL, Process.pid)
      sleep
    end

    def list
      Digdag.env.store(p: [{ q: Float::NAN }])
    end

    def object
      Digdag.env.store(p: proc {})
    end

    def silent
      exit!(0)
    end

    def sub1
      Digdag.env.add_subtask(:'a.b')
    end

    def sub2
      Digdag.env.add_subtask(:Nowhere, :x)
    end

    def sub3
      Digdag.env.add_subtask(Needy, :nothing)
    end

    def sub4
      Digdag.env.add_subtask
    end

    def sub5
      Digdag.env.add_subtask(:leave, fun: Object.new)
    end
  end
end
"#;

const EXPECTED: &str = r#"
  +main+all+abort: Ruby command failed with code 1: no data today (SystemExit)
  +main+all+abstract: Ruby command failed with code 1: later (NotImplementedError)
  +main+all+bytes: Ruby command failed with code 1: parameter 'p' cannot be written as JSON: it is a String (ArgumentError)
  +main+all+class: Ruby command failed with code 1: uninitialized constant Gone (NameError)
  +main+all+deep: Ruby command failed with code 1: stack level too deep (SystemStackError)
  +main+all+exit: Ruby command failed with code 1: `Failing.leave` left Ruby with exit code 0 instead of returning (SystemExit)
  +main+all+exit3: Ruby command failed with code 3: `Failing.leave3` left Ruby with exit code 3 instead of returning (SystemExit)
  +main+all+file: Ruby command failed with code 1: cannot load such file -- nofile (LoadError)
  +main+all+initialize: Ruby command failed with code 1: Method 'Needy.new' requires parameter 'k' but not set (ArgumentError)
  +main+all+keyword: Ruby command failed with code 1: Method 'Failing.keyword' requires parameter 'k' but not set (ArgumentError)
  +main+all+kill: Ruby command failed with code 137
    hint: the command was killed (signal 9): look whether the machine ran out of memory
  +main+all+list: Ruby command failed with code 1: parameter 'q' cannot be written as JSON: it is a Float (ArgumentError)
  +main+all+method: Ruby command failed with code 1: undefined method `gone' for class `Failing' (NameError)
  +main+all+none: `rb>` needs a method to call
  +main+all+object: Ruby command failed with code 1: parameter 'p' cannot be written as JSON: it is a Proc (ArgumentError)
  +main+all+ruby: `/no/ruby` could not be started in `PROJECT`
    cause: No such file or directory (os error 2)
  +main+all+silent: the Ruby script ended well but wrote no result
  +main+all+sub1: Ruby command failed with code 1: add_subtask takes the name of a method, but got :"a.b" (ArgumentError)
  +main+all+sub2: Ruby command failed with code 1: add_subtask takes a class that has a name, but got :Nowhere (ArgumentError)
  +main+all+sub3: Ruby command failed with code 1: Needy has no method 'nothing' (ArgumentError)
  +main+all+sub4: Ruby command failed with code 1: add_subtask takes a Hash, a method, or a class and a method (ArgumentError)
  +main+all+sub5: Ruby command failed with code 1: parameter 'fun' cannot be written as JSON: it is a Object (ArgumentError)
"#;

#[test]
fn a_script_gets_the_two_files_and_loads_what_it_requires() {
    let sandbox = Sandbox::new().file("lib.rb", "WORD = 'loaded'\n").file(
        "main.dig",
        r#"
+t:
  _type: rb
  require: lib
  n: 4
  script: |
    require 'json'
    given = JSON.parse(File.read(ARGV[0]))['params']
    File.write(ARGV[1], JSON.generate(store_params: { twice: given['n'] * 2, word: WORD, arguments: ARGV.size }))
+u: {echo>: "${twice} ${word} ${arguments}"}
"#,
    );
    assert_eq!(printed(&sandbox), "8 loaded 2\n");
}

/// The runner keeps to the language of Ruby 2.3, which estates still have in their images.
#[test]
fn the_runner_needs_no_younger_ruby() {
    let runner = include_str!("../../src/run/operator/runner.rb");
    let younger = [
        r"\.then\b",
        r"\.(yield_self|filter_map|transform_keys|transform_values|delete_prefix|delete_suffix|sum|tally)\b",
        r"\.(slice|except|filter|unpack1|match\?|append|prepend|full_message|detailed_message)\b",
        r"\bto_h (\{|do)",
        r"\bdef [a-z_.?!]+(\(.*\))? = ",
        r"\b_1\b|\bit\b|\(\.\.\.\)|\*\*nil|<<~|\.\.[\])]",
        r" in \{| => \{",
    ];
    // Strings and comments are no code.
    let noise = regex::Regex::new(r#"'[^']*'|"[^"]*"|# .*"#).unwrap();
    for pattern in younger.map(|pattern| regex::Regex::new(pattern).unwrap()) {
        for line in runner.lines() {
            assert!(!pattern.is_match(&noise.replace_all(line, "''")), "{pattern}: {line}");
        }
    }
}
