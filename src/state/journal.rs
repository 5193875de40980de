//! How SQLite keeps its journal: by WAL, whose memory all processes share, or, on the file systems of a network, whose
//! hosts share none, in a file beside the state.

use std::path::Path;

/// File systems of a network, or of another machine, by their numbers in statfs(2).
const OF_OTHERS: [i64; 8] = [
    0x6969,      // NFS, EFS and Azure Files among them
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x0102_1997, // 9P: gVisor, WSL
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x0bd0_0bd0, // Lustre
];

/// The journal mode for a state file.
pub(super) fn mode(state: &Path) -> &'static str {
    let folder = state.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kind = rustix::fs::statfs(folder).map(|system| system.f_type);
    // One that does not say what it is takes what is usual.
    kind.map_or(LOCAL, mode_of)
}

const LOCAL: &str = "wal";

fn mode_of(kind: i64) -> &'static str {
    // The kernel's numbers have 32 bits, with or without a sign.
    if OF_OTHERS.contains(&(kind & 0xffff_ffff)) { "delete" } else { LOCAL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_share_files_share_no_memory() {
        assert_eq!([0x6969, 0xff53_4d42, -0x00ac_b2be].map(mode_of), ["delete"; 3]);
        assert_eq!([0xef53, 0x0102_1994, 0x794c_7630].map(mode_of), [LOCAL; 3], "ext4, tmpfs, overlay");
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(mode(&folder.path().join("state.db")), LOCAL);
        assert_eq!(mode(Path::new("/no/such/state.db")), LOCAL);
    }
}
