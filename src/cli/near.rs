//! Names that may be meant by one that is not there.

use std::path::{Path, PathBuf};

use crate::diagnostic::suggest;

/// The workflow or transfer file beside a path that leads nowhere, whose name is nearest to it.
pub fn file(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // As the disk lists them is no order.
    names.sort();
    let ending = [".yml.liquid", ".yaml.liquid", ".yml", ".yaml", ".dig"]
        .into_iter()
        .find(|ending| wanted.ends_with(ending))?;
    let stems = names.iter().filter_map(|name| name.strip_suffix(ending));
    let near = suggest(wanted.strip_suffix(ending)?, stems)?;
    Some(path.with_file_name(format!("{near}{ending}")))
}

/// `` did you mean `NAME`? ``
pub fn question(near: &str) -> String {
    format!("did you mean `{near}`?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_of_the_same_kind_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["main.dig", "mian.yml", "nightly.yml.liquid"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let near = |name: &str| {
            let found = file(&folder.path().join(name))?;
            Some(found.file_name()?.to_str()?.to_owned())
        };
        assert_eq!(near("mian.dig").as_deref(), Some("main.dig"));
        assert_eq!(near("nihgtly.yml.liquid").as_deref(), Some("nightly.yml.liquid"));
        assert_eq!(near("something.dig"), None);
        assert_eq!(near("main.txt"), None);
        assert_eq!(file(Path::new("/no/such/main.dig")), None);
    }
}
