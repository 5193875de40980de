# Completes the words of a command by asking the command itself.
_sync() {
    local program=$1 rest=${COMP_LINE:0:COMP_POINT} words=() word count=0 i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        # Bash parts words at `=` and `:` as well: what no space parts is one word.
        if ((i == 0)) || [[ $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words[count++]=
        fi
        rest=${rest#"$word"}
        words[count - 1]+=$word
    done
    [[ $program == "~/"* ]] && program=$HOME/${program#"~/"}
    # Bash puts in only what follows the last `=` or `:`.
    local current=${words[count - 1]}
    local kept=${current%"${current##*[=:]}"}
    COMPREPLY=()
    while IFS= read -r word; do
        word=${word#"$kept"}
        [[ $word == */ || $word == *= ]] && compopt -o nospace 2> /dev/null
        printf -v word %q "$word"
        COMPREPLY+=("$word")
    done < <("$program" __complete bash $((count - 1)) -- "${words[@]}" 2> /dev/null)
}
complete -o nosort -F _sync sync
