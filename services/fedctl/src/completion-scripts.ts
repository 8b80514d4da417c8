export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** What a shell reads to complete fedctl. Each only asks `fedctl __complete`, so an update needs no new script. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# fedctl completion for bash. In ~/.bashrc:  source <(fedctl completion bash)
_fedctl() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done \\
    < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _fedctl fedctl
`,
  zsh: `#compdef fedctl
# fedctl completion for zsh. In ~/.zshrc:  source <(fedctl completion zsh)
_fedctl() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- \${candidates:#}
}
compdef _fedctl fedctl
`,
  fish: `# fedctl completion for fish. In ~/.config/fish/config.fish:  fedctl completion fish | source
function __fedctl_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    $words[1] __complete -- $words[2..-1] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command fedctl --no-files --arguments '(__fedctl_complete)'
`,
}
