import { FakeClock } from '@powernode/clock/testing'
import { expect, test } from 'vitest'
import { connect } from './client.ts'
import { complete } from './complete.ts'
import { SCRIPTS, SHELLS } from './completion-scripts.ts'
import { fedctlProgram } from './program.ts'
import { testEnvironment } from './testing/test-environment.ts'

const program = fedctlProgram({
  env: testEnvironment(),
  clock: new FakeClock(),
  signal: new AbortController().signal,
  connect,
  exit: 0,
})
const candidates = (...words: string[]) => complete(program, words).candidates

test('nouns, then verbs', () => {
  const nouns =
    'approval audit bridge ca capability cert completion events grant invite operator peer policy residency resource'
  expect(candidates('')).toEqual([...nouns.split(' '), 'status', 'why'])
  expect(candidates('pe')).toEqual(['peer'])
  expect(candidates('peer', 're')).toEqual(['re-peer', 'resume', 'revoke'])
  expect(candidates('ca', 'rotate', '')).toEqual(['apply', 'plan'])
  expect(candidates('residency', 'rules', '')).toEqual(['add', 'remove'])
  expect(candidates('operator', 'role', '')).toEqual(['remove', 'set'])
  expect(candidates('--context', 'a', 'peer', 'sh')).toEqual(['show'])
})

test('options of the command and of those above it', () => {
  expect(candidates('peer', 'suspend', '--')).toEqual([
    '--context',
    '--dry-run',
    '--output',
    '--reason',
    '--wait',
    '--yes',
  ])
})

test('the values an option takes', () => {
  expect(candidates('peer', 'list', '-o', '')).toEqual(['json', 'table', 'yaml'])
  expect(candidates('peer', 'propose', '--role', 'p')).toEqual(['parent'])
  expect(candidates('peer', 'propose', '--role=c')).toEqual(['--role=child'])
  expect(candidates('completion', '')).toEqual(['bash', 'fish', 'zsh'])
  expect(candidates('policy', 'set', 'sdwan.federation_peer_revoke', 'b')).toEqual(['blocked'])
  expect(candidates('residency', 'set', 'b', 'eu', '--mode', 'a')).toEqual(['advise'])
})

test('peers where a peer is wanted, once', () => {
  expect(complete(program, ['peer', 'show', '']).wantsPeer).toBe(true)
  expect(complete(program, ['peer', 'suspend', '--reason', 'x', '']).wantsPeer).toBe(true)
  expect(complete(program, ['peer', 'show', 'b', '']).wantsPeer).toBe(false)
  expect(complete(program, ['peer', 'accept', '']).wantsPeer).toBe(false)
  expect(complete(program, ['grant', 'list', '--peer', '']).wantsPeer).toBe(true)
  expect(complete(program, ['grant', 'list', '--kind', '']).wantsPeer).toBe(false)
})

test('each shell has a script that asks us', () => {
  for (const shell of SHELLS) expect(SCRIPTS[shell]).toContain('__complete --')
})
