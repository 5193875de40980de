# Completes the words of a command by asking the command itself.
set edit:completion:arg-completer[sync] = {|@words|
    try {
        (external $words[0]) __complete elvish (- (count $words) 1) -- $@words 2>/dev/null | from-lines
    } catch { }
}
