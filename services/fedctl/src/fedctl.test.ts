import { FakeClock } from '@powernode/clock/testing'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { fedctl } from './fedctl.ts'
import { testEnvironment } from './testing/test-environment.ts'

async function run(...argv: string[]) {
  const env = testEnvironment()
  const exit = await fedctl(argv, { env, clock: new FakeClock(), signal: new AbortController().signal })
  return { exit, ...env.said }
}

test('a word that is no command, and a missing or unknown option, are usage', async () => {
  expect((await run('peer', 'explode')).exit).toBe(2)
  expect((await run('peer', 'show')).exit).toBe(2)
  expect((await run('peer', 'list', '--frob')).exit).toBe(2)
  expect((await run('peer', 'propose', '--role', 'uncle')).exit).toBe(2)
  expect((await run('peer', 'propose', '--ttl', 'soon')).exit).toBe(2)
  expect((await run('grant', 'create', 'b', '--kind', 'NodeModule')).err).toContain('--scope')
  expect((await run('grant', 'create', 'b', '--kind', 'NodeModule', '--scope', 'read,wirte')).err).toContain('"wirte"')
  expect((await run('grant', 'create', 'b', '--kind', 'NodeModule', '--scope', 'read,')).exit).toBe(2)
  expect((await run('policy', 'set', 'sdwan.federation_peer_revoke', 'allow')).exit).toBe(2)
  expect((await run('operator', 'set', 'bot', '--pause', '--resume')).exit).toBe(2)
  expect((await run('resource', 'put', 'NodeModule', 'ntp', '--set', 'name')).exit).toBe(2)
})

test('help is no error', async () => {
  const { exit, out, err } = await run('--help')
  expect(exit).toBe(0)
  expect(out).toMatch(/Exit codes: 0 done, .*6 timeout/)
  expect(err).toBe('')
})

test('help says what holds by itself once, and says nothing about nothing', async () => {
  for (const words of ['policy set', 'audit log', 'child watch', 'audit excerpts', 'notice declare', 'grant create']) {
    const { exit, out } = await run(...words.split(' '), '--help')
    expect(exit).toBe(0)
    const described = out.replaceAll(/\n {4,}(?=\S)/g, ' ').split('\n')
    expect(described.filter((line) => /default.*\(default|default: (null|""|\{\}|\[\])/.test(line))).toEqual([])
  }
})

test('what is stopped is stopped for a reason', async () => {
  const { exit, err } = await run('remediation', 'pause')
  expect([exit, err]).toEqual([2, expect.stringContaining('reason')])
})

test('with -o json an error is the one object on stdout, wherever the option stands', async () => {
  for (const argv of [
    ['-o', 'json', 'peer', 'show'],
    ['peer', 'show', '--output=json'],
    ['peer', 'show', '-ojson'],
    ['peer', 'show', '--json'],
  ]) {
    const { exit, out, err } = await run(...argv)
    expect(JSON.parse(out)).toEqual({
      error: {
        reason: 'USAGE',
        message: "missing required argument 'peer'",
        next: 'fedctl peer show --help',
        metadata: {},
        exit_code: 2,
      },
    })
    expect([exit, err]).toEqual([2, ''])
  }
})

test('with -o yaml an error is YAML', async () => {
  const { out } = await run('peer', 'list', '-o', 'yaml')
  expect(parse(out)).toMatchObject({ error: { reason: 'CONTEXT', exit_code: 2 } })
})

test('a person reads the error and the next step on stderr', async () => {
  const { out, err } = await run('peer', 'list')
  expect(out).toBe('')
  expect(err).toMatch(/^error say which platform you mean \(CONTEXT\)\nnext {2}write a context file/)
})

const of = (noun: string, verbs: readonly string[]) => verbs.map((verb) => `${noun} ${verb}`)

test('every write can be rehearsed and waited for', async () => {
  const writes = ['peer propose', 'peer accept', 'peer suspend', 'peer resume', 'peer revoke', 'peer re-peer']
  const more = [
    'invite create',
    'invite revoke',
    'peer update',
    'ca rotate plan',
    'ca rotate apply',
    'cert issue',
    'cert revoke',
    'peer emancipate',
    'peer adopt',
    ...of('grant', ['create', 'update', 'renew', 'revoke', 'settings']),
    ...of('bridge', ['propose', 'activate', 'suspend', 'resume', 'revoke']),
    'capability set',
    ...of('child', ['spawn', 'resume', 'rotate-token', 'rotate-credential', 'terminate', 'emancipate', 'adopt']),
    ...of('child', ['promote', 'fail-back']),
    ...of('template', ['create', 'retire']),
    ...of('provider', ['create', 'delete']),
    ...of('instance', ['restart', 'terminate']),
    ...of('residency', ['set', 'mode', 'rules add', 'rules remove', 'region set', 'region remove']),
    ...of('residency override', ['create', 'revoke']),
    ...of('resource', ['put', 'update', 'remove']),
    ...of('approval', ['approve', 'reject', 'halt', 'resume']),
    'policy set',
    'finding ack',
    'notice declare',
    'review run',
    ...of('remediation', ['run', 'pause', 'resume', 'observe', 'settings']),
    ...of('audit', ['erase', 'prune', 'alarms']),
    ...of('operator', ['set', 'remove', 'token', 'role set', 'role remove']),
  ]
  for (const write of [...writes, ...more]) {
    const { out } = await run(...write.split(' '), '--help')
    expect(out, write).toContain('--dry-run')
    expect(out, write).toContain('--wait [timeout]')
  }
})
