import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { FakeClock } from '@powernode/clock/testing'
import { expect, test } from 'vitest'
import { connect } from './client.ts'
import { fedctlProgram } from './program.ts'
import { testEnvironment } from './testing/test-environment.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const WHERE = [
  'docs/*.md',
  'README.md',
  '{services,libs}/*/README.md',
  '{services,libs}/*/src/**/*.ts',
  'deploy/**/*.ts',
]
/** Where people are told to type something, and not where a sentence merely names the tool. */
const COMMAND = /(?:['"`:;(]|next {2}|^ {4}|npx) ?fedctl (?:--context \S+ )?([a-z][^'"`\n;,$]*)/gm

const program = fedctlProgram({
  env: testEnvironment(),
  clock: new FakeClock(),
  signal: new AbortController().signal,
  connect,
  exit: 0,
})

/** The first word that is no command where one has to stand, or no option of the command. */
function stranger(line: string): string | undefined {
  let command: CommandUnknownOpts = program
  for (const word of line.split(/[\s|]+/).filter(Boolean)) {
    const option = /^--[a-z-]+/.exec(word)?.[0]
    if (option !== undefined && !optionsOf(command).has(option)) return option
    const sub = command.commands.find((known) => known.name() === word)
    const mustBeOne = /^[a-z-]+$/.test(word) && option === undefined && command.commands.length > 0
    if (!sub && mustBeOne && !hasArguments(command)) return word
    command = sub ?? command
  }
  return undefined
}

const hasArguments = (command: CommandUnknownOpts) => command.registeredArguments.length > 0

function optionsOf(command: CommandUnknownOpts): Set<string> {
  const above = command.parent ? optionsOf(command.parent) : new Set<string>()
  return new Set([...above, ...command.options.map(({ long }) => long ?? ''), '--help'])
}

test('every command that an error, a page or a hint tells people to type is there', () => {
  const paths = globSync(WHERE, { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'))
  const told = paths.flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(COMMAND)].map(([, words = '']) => ({
      path,
      words: words.trim(),
    })),
  )
  expect(told.length).toBeGreaterThan(100)
  const wrong = told.filter(({ words }) => stranger(words) !== undefined)
  expect(wrong).toEqual([])
})
