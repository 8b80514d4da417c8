import type { CommandUnknownOpts } from '@commander-js/extra-typings'

/** What may come next on a command line, as a shell asks on Tab. */
export type Completion = {
  readonly candidates: readonly string[]
  /** The word names one of these: the shell's caller adds the names it knows. */
  readonly wants: Named | undefined
}

/** What has names that only the platform knows. */
export const NAMED = ['peer', 'child', 'template', 'provider', 'instance', 'network', 'member'] as const
export type Named = (typeof NAMED)[number]

/**
 * Candidates for the last of `words` (which may be empty), given those before it.
 *
 * Reads the very tree of commands that runs them, so that it never tells of an option that is not there.
 */
export function complete(program: CommandUnknownOpts, words: readonly string[]): Completion {
  const current = words.at(-1) ?? ''
  const { command, before, argumentsSeen } = walk(program, words.slice(0, -1))
  const option = options(command).find((known) => known.is(before) && known.takesValue)
  if (option) return { ...only(option.choices, current), wants: namedBy(option.long.slice(2)) }
  if (current.startsWith('-')) {
    const [name = '', value] = current.split('=')
    const chosen = value === undefined ? undefined : options(command).find((known) => known.is(name))
    if (chosen)
      return only(
        chosen.choices.map((choice) => `${name}=${choice}`),
        current,
      )
    return only(
      options(command).map(({ long }) => long),
      current,
    )
  }
  const subcommands = command.commands.map((sub) => sub.name()).filter((name) => !name.startsWith('_'))
  if (subcommands.length > 0) return only(subcommands, current)
  const argument = command.registeredArguments[argumentsSeen]
  return { ...only(argument?.argChoices ?? [], current), wants: namedBy(argument?.name()) }
}

const namedBy = (word: string | undefined): Named | undefined => NAMED.find((named) => named === word)

/** Follows the words down the tree; what is neither a command nor an option counts as an argument. */
export function walk(program: CommandUnknownOpts, words: readonly string[]) {
  let command = program
  let argumentsSeen = 0
  let before = ''
  for (const word of words) {
    const sub = command.commands.find((known) => known.name() === word || known.aliases().includes(word))
    const isValue = options(command).some((known) => known.is(before) && known.takesValue)
    if (!isValue && sub) command = sub
    else if (!isValue && !word.startsWith('-')) argumentsSeen += 1
    before = isValue ? '' : word
  }
  return { command, before, argumentsSeen }
}

/** The command's own options and those of everything above it. */
function options(command: CommandUnknownOpts) {
  const chain: CommandUnknownOpts[] = []
  for (let at: CommandUnknownOpts | null = command; at; at = at.parent) chain.push(at)
  return chain
    .flatMap((at) => at.options)
    .map((option) => ({
      long: option.long ?? '',
      choices: option.argChoices ?? [],
      takesValue: option.required,
      is: (word: string) => word === option.long || word === option.short,
    }))
}

const only = (candidates: readonly string[], current: string): Completion => ({
  candidates: candidates.filter((candidate) => candidate.startsWith(current)).toSorted(),
  wants: undefined,
})
