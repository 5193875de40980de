//! Asks for a value on the terminal without showing it.

use std::io::{self, Read};

use anyhow::bail;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::report::console::Console;

/// The terminal as it was, restored on every way out. Signals are read as keys meanwhile, so that Ctrl-C cannot
/// leave a terminal behind that shows nothing.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Shows the question on stderr and reads one line.
pub(super) fn ask(console: &Console, question: &str) -> anyhow::Result<Zeroizing<String>> {
    let hidden = Hidden::new()?;
    console.prompt(question);
    let line = read_line(io::stdin().lock());
    drop(hidden);
    console.say("");
    line
}

/// Reads keys up to Enter, with the editing keys that people use without seeing what they type.
fn read_line(mut keys: impl Read) -> anyhow::Result<Zeroizing<String>> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    const BACKSPACE: [u8; 2] = [8, 127];
    const CTRL_U: u8 = 21;
    let mut line = Zeroizing::new(Vec::new());
    let mut key = [0];
    loop {
        if keys.read(&mut key)? == 0 {
            break;
        }
        match key[0] {
            b'\n' | b'\r' => break,
            CTRL_C => bail!("stopped; nothing was written"),
            CTRL_D if line.is_empty() => bail!("stopped; nothing was written"),
            CTRL_D => break,
            CTRL_U => line.clear(),
            erase if BACKSPACE.contains(&erase) => {
                // A character may be several bytes; those after its first begin with the bits 10.
                while line.pop().is_some_and(|byte: u8| byte & 0xc0 == 0x80) {}
            }
            byte => line.push(byte),
        }
    }
    match std::str::from_utf8(&line) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => bail!("the value is not UTF-8 text; nothing was written"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_the_line() {
        let typed = |keys: &str| read_line(keys.as_bytes()).map(|line| line.to_string()).ok();
        assert_eq!(typed("secret\nrest").as_deref(), Some("secret"));
        assert_eq!(typed("se日\u{7f}\u{7f}ecret\r").as_deref(), Some("secret"));
        assert_eq!(typed("wrong\u{15}right\u{4}").as_deref(), Some("right"));
        assert_eq!(typed("\n").as_deref(), Some(""));
    }

    #[test]
    fn what_is_not_taken_is_not_written() {
        let refused = |keys: &[u8]| read_line(keys).unwrap_err().to_string();
        assert_eq!(refused(b"half\x03\n"), "stopped; nothing was written");
        assert_eq!(refused(b"\x04"), "stopped; nothing was written");
        assert_eq!(refused(b"\xff\n"), "the value is not UTF-8 text; nothing was written");
    }
}
