import { execFileSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { bannedLines } from './sql-files.ts'
import { placeOf } from './rooms.ts'
import { brokenZones, ZONES } from './zones.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('a file tells by where it lies which room it is', () => {
  const room = (path: string) => placeOf(path).room
  expect(room('services/peer-registry/src/main.ts')).toBe('main')
  expect(room('services/peer-registry/src/rpc.ts')).toBe('door')
  expect(room('services/peer-registry/src/rpc/invitations.ts')).toBe('door')
  expect(room('services/peer-registry/src/operations/accept-peer.ts')).toBe('operation')
  expect(room('services/peer-registry/src/store/peers.ts')).toBe('store')
  expect(room('services/peer-registry/src/peer.ts')).toBe('noun')
  expect(room('services/federation-gateway/src/outbound/dial.ts')).toBe('service part')
  expect(room('libs/clock/src/clock.ts')).toBe('lib')
  expect(room('test/flows/peer-accepts.test.ts')).toBe('test')
})

// For each zone: a file, an import it must not have, and one from the same file that is fine.
const EXAMPLES: Record<string, [path: string, forbidden: string, allowed: string]> = {
  'services meet in proto/': ['services/liveness/src/rpc.ts', '@powernode/peer-registry/service', '@powernode/rpc'],
  'libs know no service': ['libs/rpc/src/serve.ts', '../../../services/liveness/src/rpc.ts', './refusal.ts'],
  'nothing imports main': ['services/liveness/src/service.ts', './main.ts', './config.ts'],
  'an operation cannot reach a door': ['services/liveness/src/operations/sweep.ts', '../rpc.ts', '../store/beats.ts'],
  'an operation is given the moment': [
    'services/liveness/src/operations/sweep.ts',
    '@powernode/clock',
    '@powernode/events',
  ],
  'an operation cannot reach the network': [
    'services/liveness/src/operations/sweep.ts',
    '@connectrpc/connect',
    'node:crypto',
  ],
  'an operation holds no SQL': ['services/liveness/src/operations/sweep.ts', 'kysely', '@powernode/postgres'],
  'the store knows rows and nouns': ['services/liveness/src/store/beats.ts', '../operations/sweep.ts', '../peer.ts'],
  'a noun is pure': ['services/liveness/src/freshness.ts', './store/beats.ts', './epoch.ts'],
  'a door does not write SQL': ['services/liveness/src/rpc.ts', 'pg', './operations/sweep.ts'],
  'NATS is a word of libs/events': ['services/liveness/src/service.ts', 'nats', '@powernode/events'],
  'pg is opened in libs/postgres': ['services/liveness/src/store/beats.ts', 'pg', 'kysely'],
  'logging and metrics go through libs/process': ['services/liveness/src/rpc.ts', 'pino', '@powernode/process'],
  'certificates are made in libs/identity': ['libs/rpc/src/serve.ts', '@peculiar/x509', '@powernode/identity'],
  'production code imports no test code': ['services/liveness/src/rpc.ts', 'vitest', '@powernode/rpc'],
  'production code does not start the laboratory': ['libs/rpc/src/serve.ts', '@powernode/dev/nats', './refusal.ts'],
}

test.each(ZONES.map(({ name }) => name))('the zone "%s" refuses and allows', (name) => {
  const [path, forbidden, allowed] = EXAMPLES[name] ?? ['', '', '']
  expect(brokenZones(path, forbidden).map((zone) => zone.name)).toContain(name)
  expect(brokenZones(path, allowed)).toEqual([])
})

test('another folder is imported by its name, never by a path', () => {
  const [zone] = brokenZones('libs/rpc/src/serve.ts', '../../clock/src/clock.ts')
  expect(zone?.why).toMatch(/imported by its name/)
})

test('tests may reach what production code may not', () => {
  expect(brokenZones('services/liveness/src/rpc.test.ts', 'vitest')).toEqual([])
  expect(brokenZones('test/mesh.ts', '@powernode/peer-registry/service')).toEqual([])
})

test('SQL that has a clock of its own, or takes every column, is found in migrations', () => {
  expect(bannedLines('create table a (at timestamptz default now());')).toHaveLength(1)
  expect(bannedLines('insert into a select * from b;')).toHaveLength(1)
  expect(bannedLines('select id from a; -- never select *, and no now()')).toEqual([])
})

test('oxlint says each ban with its reason, and nothing against the lawful twin', () => {
  const found = lint({
    'services/liveness/src/beat.ts': `
import { readFileSync } from 'node:fs'
export const at = Date.now()
export const then = new Date()
export const later = setTimeout(() => readFileSync('x'), 1)
export const home = process.env['HOME']
export const dice = Math.random()
export function stop(): void {
  console.log('stopping')
  process.exit(1)
}
export class PeerManager {}
`,
    'services/liveness/src/store/beats.ts': `
import { sql } from 'kysely'
export const all = sql\`select * from beat\`
export const young = sql\`select id from beat where at > now()\`
`,
    'services/liveness/src/lawful.ts': `
export const at = (now: Date): Date => new Date(now.getTime() + 1000)
export function spare(process: { env: string }): string {
  return process.env
}
`,
  })
  const lines = found.split('\n').filter((line) => line.includes('mesh('))
  const said = lines.map((line) => line.replace(/^\S+ /, '').replace(/: .*/, ''))
  // oxlint lints files side by side, so only within a file is there an order.
  expect(said.toSorted()).toEqual(
    [
      'a noun is pure',
      'Date.now',
      'new Date()',
      'setTimeout',
      'process.env',
      'Math.random',
      'console',
      'process.exit',
      'Manager, Helper, Impl and Util say nothing',
      'List the columns',
      '`now` is a parameter',
    ].toSorted(),
  )
})

/** Lints files as if they lay in the project, with its own rules. */
function lint(files: Record<string, string>): string {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const dir = mkdtempSync(join(ROOT, '.cache', 'lint-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), text)
    }
    const rules = ['imports', 'words', 'sql', 'names'].map((name) => [`mesh/${name}`, 'error'])
    const plugin = join(ROOT, 'test/lint/plugin.ts')
    const config = { categories: { correctness: 'off' }, jsPlugins: [plugin], rules: Object.fromEntries(rules) }
    writeFileSync(join(dir, 'lint.json'), JSON.stringify(config))
    const args = [
      join(ROOT, 'node_modules/oxlint/bin/oxlint'),
      '-c',
      'lint.json',
      '--format=unix',
      ...Object.keys(files),
    ]
    execFileSync(process.execPath, args, { cwd: dir, env: { ...process.env, MESH_LINT_ROOT: dir }, encoding: 'utf8' })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  } finally {
    rmSync(dir, { recursive: true })
  }
}
