import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { Code, ConnectError } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { afterAll, expect, test } from 'vitest'
import { connect, type Clients } from '../client.ts'
import { fedctl } from '../fedctl.ts'
import { fedctlProgram } from '../program.ts'
import { testEnvironment } from '../testing/test-environment.ts'
import { EXAMPLES, examplesOf, pathOf } from './examples.ts'

const clock = new FakeClock()
const signal = new AbortController().signal
const program = fedctlProgram({ env: testEnvironment(), clock, signal, connect, exit: 0 })

/** Everything that can be typed: what has nothing below it, and what does something all the same. */
const commands = (command: CommandUnknownOpts): CommandUnknownOpts[] => [
  ...(command.commands.length === 0 ? [command] : []),
  ...command.commands.filter((sub) => !sub.name().startsWith('_')).flatMap(commands),
]

/** A platform none of whose services answers, and the files that the examples speak of. */
const dir = mkdtempSync(join(tmpdir(), 'fedctl-examples-'))
afterAll(() => rmSync(dir, { recursive: true }))
for (const folder of ['admin', 'machine', 'export/b']) mkdirSync(join(dir, folder), { recursive: true })
const context = join(dir, 'fedctl.json')
writeFileSync(context, JSON.stringify({ name: 'a', trustDomain: 'a.test', identityDir: 'admin', services: {} }))
writeFileSync(join(dir, 'network.yaml'), 'networks: []\n')
for (const file of ['route-policy', 'acl']) writeFileSync(join(dir, `${file}.yaml`), 'name: x\n')
writeFileSync(join(dir, 'plan.json'), '{}')

const unanswered = new Proxy(
  {},
  {
    get: () => () => {
      throw new ConnectError('nobody answers', Code.Unavailable)
    },
  },
)
const silent = new Proxy({} as Clients, {
  get: (_, name) =>
    name === 'close' ? () => undefined : name === 'health' || name === 'road' ? () => unanswered : unanswered,
})

/** As a shell would: quotes hold words together, a remark is none. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/ {2,}# .*/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')

test('every command shows in its help how it is typed', async () => {
  const without = commands(program).filter((command) => examplesOf(command).length === 0)
  expect(without.map(pathOf)).toEqual([])
  for (const path of ['peer propose', 'audit verify', 'net ovn acl add']) {
    const env = testEnvironment()
    await fedctl([...path.split(' '), '--help'], { env, clock, signal })
    expect(env.said.out).toMatch(new RegExp(`\nExamples?:\n  fedctl ${path} `))
  }
})

test('every example is of a command that there is', () => {
  const shown = commands(program).flatMap(examplesOf)
  const inner = [...new Set(commands(program).map(({ parent }) => parent))].flatMap((noun) =>
    noun ? examplesOf(noun) : [],
  )
  expect(EXAMPLES.filter((line) => !shown.includes(line) && !inner.includes(line))).toEqual([])
  expect(examplesOf(program)).toEqual([])
})

test('every example is understood: nothing in it is mistyped, and all that has to be said is said', async () => {
  const wrong: unknown[] = []
  for (const line of EXAMPLES) {
    const env = testEnvironment({ cwd: dir, context, readInput: () => 'pasted' })
    const exit = await fedctl([...wordsOf(line).slice(1), '--json'], { env, clock, signal, connect: () => silent })
    // As far as our own line goes: to the service that does not answer, or to a file that nobody made here.
    if (exit !== 0 && !/"UNAVAILABLE"|there is no \.\//.test(env.said.out)) wrong.push([line, env.said.out])
  }
  expect(wrong).toEqual([])
})
