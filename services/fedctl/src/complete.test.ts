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
    'acceptance approval audit bridge ca capability cert child commitment completion doctor events finding grant instance invite ' +
    'net notice operator peer policy provider remediation residency resource review signal slo'
  expect(candidates('')).toEqual([...nouns.split(' '), 'status', 'template', 'version', 'why'])
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
    '--json',
    '--output',
    '--reason',
    '--wait',
    '--yes',
  ])
})

test('the values an option takes', () => {
  expect(candidates('peer', 'list', '-o', '')).toEqual(['json', 'table', 'yaml'])
  expect(candidates('peer', 'propose', '--role', 'p')).toEqual(['parent'])
  expect(candidates('grant', 'create', 'b', '--scope', '')).toEqual(['admin', 'migrate', 'read', 'write'])
  expect(candidates('peer', 'propose', '--role=c')).toEqual(['--role=child'])
  expect(candidates('completion', '')).toEqual(['bash', 'fish', 'zsh'])
  expect(candidates('policy', 'set', 'sdwan.federation_peer_revoke', 'b')).toEqual(['blocked'])
  expect(candidates('residency', 'set', 'b', 'eu', '--mode', 'a')).toEqual(['advise'])
})

test('peers where a peer is wanted, once', () => {
  expect(complete(program, ['peer', 'show', '']).wants).toBe('peer')
  expect(complete(program, ['peer', 'suspend', '--reason', 'x', '']).wants).toBe('peer')
  expect(complete(program, ['peer', 'show', 'b', '']).wants).toBeUndefined()
  expect(complete(program, ['peer', 'accept', '']).wants).toBeUndefined()
  expect(complete(program, ['grant', 'list', '--peer', '']).wants).toBe('peer')
  expect(complete(program, ['grant', 'list', '--kind', '']).wants).toBeUndefined()
})

test('children, templates, providers and instances likewise', () => {
  const wants = (...words: string[]) => complete(program, words).wants
  expect(wants('child', 'show', '')).toBe('child')
  expect(wants('child', 'spawn', '')).toBeUndefined()
  expect(wants('child', 'spawn', 'west-1', '--template', '')).toBe('template')
  expect(wants('template', 'retire', '')).toBe('template')
  expect(wants('provider', 'delete', '')).toBe('provider')
  expect(wants('instance', 'list', '--provider', '')).toBe('provider')
  expect(wants('instance', 'restart', '')).toBe('instance')
  expect(candidates('child', 'spawn', 'west-1', '--mode', 'c')).toEqual(['cluster_member'])
})

test('networks and members likewise', () => {
  const wants = (...words: string[]) => complete(program, words).wants
  expect(wants('net', 'topology', '')).toBe('network')
  expect(wants('net', 'firewall', 'list', '--network', '')).toBe('network')
  expect(wants('net', 'nat', 'add', '')).toBe('member')
  expect(candidates('net', 'create', 'x', '--routing', 'i')).toEqual(['ibgp'])
})

test('each shell has a script that asks us', () => {
  for (const shell of SHELLS) expect(SCRIPTS[shell]).toContain('__complete --')
})
