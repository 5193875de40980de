//! `embulk example`: a small csv file and a config, to try `guess`, `preview` and `run` with.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::report::console::Console;

/// One row has the delimiter of the files in it, one a word that stands for null.
const ROWS: &str = "\
id,account,time,purchase,comment
1,32864,2015-01-27 19:23:49,20150127,first
2,14824,2015-01-27 19:01:23,20150127,\"second, with a comma\"
3,27559,2015-01-28 02:20:02,20150128,\"third, with \"\"quotes\"\"\"
4,11270,2015-01-29 11:54:36,20150129,NULL
";

/// Makes the files below a folder, which is made too, and says what to do with them.
pub(super) fn create(folder: &Path, directory: &Path, console: &Console) -> io::Result<()> {
    let shown = folder.display();
    let whole = directory.join(folder);
    console.result(&format!("Creating {shown} directory...\n  Creating {shown}/\n  Creating {shown}/csv/"));
    fs::create_dir_all(whole.join("csv"))?;
    console.result(&format!("  Creating {shown}/csv/sample_01.csv.gz"));
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(ROWS.as_bytes())?;
    fs::write(whole.join("csv/sample_01.csv.gz"), packed.finish()?)?;
    console.result(&format!("  Creating {shown}/seed.yml"));
    let place = |name: &str| whole.join(name).to_string_lossy().replace('\'', "''");
    let seed = format!(
        "in:\n  type: file\n  path_prefix: '{}'\nout:\n  type: file\n  path_prefix: '{}'\n  file_ext: csv\n  formatter: {{type: csv}}\n",
        place("csv/sample_"),
        place("out_")
    );
    fs::write(whole.join("seed.yml"), seed)?;
    console.result(&format!(
        "\nRun following subcommands to try embulk:\n\n   1. embulk guess {shown}/seed.yml -o config.yml\n   \
         2. embulk preview config.yml\n   3. embulk run config.yml\n"
    ));
    Ok(())
}
