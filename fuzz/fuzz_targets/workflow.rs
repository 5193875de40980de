//! A whole `.dig` file from text to workflow, with a second file that it may include or call.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sync::dig::{compile_called, load};
use sync::reader::MemoryReader;
use sync::report::problems::render;

/// The line between the two files.
const CUT: &str = "\n#--- inc.dig\n";

fuzz_target!(|text: &str| {
    let (main, included) = text.split_once(CUT).unwrap_or((text, "+inc:\n  echo>: ${x}\n"));
    let reader = MemoryReader::default().with("main.dig", main).with("inc.dig", included);
    for loaded in [load(Path::new("main.dig"), &reader), compile_called(Path::new("inc.dig"), &reader)] {
        assert!(loaded.workflow.is_some() || loaded.has_errors(), "nothing and no reason");
        assert!(loaded.problems.iter().all(|problem| !problem.message.is_empty()));
        let _ = render(&loaded.problems, false);
    }
});
