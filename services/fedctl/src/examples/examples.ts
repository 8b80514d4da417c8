import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { BORDER, WATCHING } from './border.ts'
import { NETWORK } from './network.ts'
import { PEERING } from './peering.ts'

/** Every example, as it is typed. Each stands in the help of its command; a test types every one of them. */
export const EXAMPLES: readonly string[] = [PEERING, BORDER, WATCHING, NETWORK].flatMap((lines) =>
  lines.split('\n').filter(Boolean),
)

/** `fedctl peer show`: a command as it is typed from the beginning. */
export function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

/** The examples of a command itself, not of those under it. */
export function examplesOf(command: CommandUnknownOpts): string[] {
  const path = `${pathOf(command)} `
  const below = command.commands.map((sub) => `${path}${sub.name()} `)
  return EXAMPLES.filter((line) => `${line} `.startsWith(path) && !below.some((sub) => `${line} `.startsWith(sub)))
}

/** What help shows of them; nothing where there are none. */
export function exampleText(command: CommandUnknownOpts): string {
  const lines = examplesOf(command)
  if (lines.length === 0) return ''
  return [lines.length > 1 ? '\nExamples:' : '\nExample:', ...lines.map((line) => `  ${line}`)].join('\n')
}
