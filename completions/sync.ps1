# Completes the words of a command by asking the command itself.
Register-ArgumentCompleter -Native -CommandName sync -ScriptBlock {
    param($current, $commandLine, $cursor)
    $words = @($commandLine.CommandElements | Where-Object { $_.Extent.EndOffset -le $cursor } | ForEach-Object { "$_" })
    # Where nothing is begun yet, the last word is the one before.
    $index = if ($current) { $words.Count - 1 } else { $words.Count }
    & $words[0] __complete powershell $index -- @words 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
