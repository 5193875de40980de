# Completes the words of a command by asking the command itself.
function __sync_complete
    set --local words (commandline --current-process --tokenize --cut-at-cursor)
    set --local current (commandline --current-token --cut-at-cursor)
    $words[1] __complete fish (count $words) -- $words "$current" 2>/dev/null
end
complete --keep-order --no-files --arguments '(__sync_complete)' --command sync
