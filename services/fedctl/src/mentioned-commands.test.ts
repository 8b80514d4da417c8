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
  'deploy/prometheus/alerts.yml',
]
/** Where people are told to type something, and not where a sentence merely names the tool. */
const COMMAND = /(?:['"`:;(]|next {2}|^ {4}|npx) ?fedctl (?:--context \S+ )?([a-z][^'"`\n;,]*)/gm

/** What is put in while running stands as X: it is an argument, whichever. */
const sourceOf = (path: string) => readFileSync(join(ROOT, path), 'utf8').replaceAll(/\$\{[^}]*\}/g, 'X')

const program = fedctlProgram({
  env: testEnvironment(),
  clock: new FakeClock(),
  signal: new AbortController().signal,
  connect,
  exit: 0,
})

/** What in a line cannot be: no command where one has to stand, no option of the command, an argument too many. */
function stranger(line: string): string | undefined {
  let command: CommandUnknownOpts = program
  let argumentsSeen = 0
  let valueOf: string | undefined
  for (const word of line.split(/[\s|]+/).filter(Boolean)) {
    const option = /^--[a-z-]+/.exec(word)?.[0]
    const sub = command.commands.find((known) => known.name() === word)
    if (option !== undefined) {
      const known = optionsOf(command).get(option)
      if (known === undefined) return option
      valueOf = known && !word.includes('=') ? option : undefined
    } else if (valueOf !== undefined) valueOf = undefined
    else if (sub) command = sub
    else if (command.commands.length > 0 && command.registeredArguments.length === 0) {
      if (/^[a-z-]+$/.test(word)) return word
    } else if (/^[<X]/.test(word) && ++argumentsSeen > command.registeredArguments.length) return word
  }
  return undefined
}

/** The options of a command and of those above it, and whether each takes a value. */
function optionsOf(command: CommandUnknownOpts): Map<string, boolean> {
  const above = command.parent ? optionsOf(command.parent) : new Map([['--help', false]])
  const own = command.options.map(({ long, required }) => [long ?? '', required] as const)
  return new Map([...above, ...own])
}

test('every command that an error, a page or a hint tells people to type is there', () => {
  const paths = globSync(WHERE, { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'))
  const told = paths.flatMap((path) =>
    [...sourceOf(path).matchAll(COMMAND)].map(([, words = '']) => ({
      path,
      words: words.replace(/ (?:>|#|&&).*/, '').trim(),
    })),
  )
  expect(told.length).toBeGreaterThan(100)
  const wrong = told.filter(({ words }) => stranger(words) !== undefined)
  expect(wrong).toEqual([])
})
