import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { firstBootOf, isSlow, TOO_SLOW } from '../../deploy/qemu/first-boot.ts'
import { removePostgres } from '@powernode/dev/postgres'
import { processesWith } from '@powernode/process'
import { afterAll, describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const DEMO = ['deploy/dev/run.mjs', 'deploy/dev/src/demo.ts']
const data = mkdtempSync(join(tmpdir(), 'powernode-demo-spawn-'))
const MINUTES = 60_000
const MACHINES = process.env['QEMU_TESTS'] === '1'

afterAll(() => {
  for (const note of globSync('**/elsewhere', { cwd: data })) removePostgres(join(data, note, '..'))
  removePostgres(join(data, 'a', 'postgres'))
  rmSync(data, { recursive: true, force: true })
})

type Verdict = {
  readonly ok: boolean
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly error?: string }[]
  readonly spawn: {
    readonly mode: string
    readonly ms: number
    readonly child: { readonly state: string; readonly hostname: string }
    readonly artifacts: readonly { readonly what: string; readonly ok: boolean; readonly saw: string }[]
  }
}

function demo(...words: string[]): Verdict {
  const args = [...DEMO, '--once', '--json', '--data', data, ...words]
  const { status, stdout, stderr } = spawnSync('node', args, { cwd: ROOT, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

const seen = ({ spawn }: Verdict) => spawn.artifacts.map(({ what }) => what)

/** A machine ends when it sees that the demo has ended, in its own time. */
const nothingRuns = async () => {
  await expect.poll(() => processesWith(data), { timeout: MINUTES / 2, interval: 200 }).toEqual([])
}

/** What every child brings, whichever its mode: the first rows of the table in docs/spawn.md. */
const EVERY = [
  'Every step is done',
  'A has it as its child, active',
  'It has A as its parent, active',
  'Its invitation was used once',
  'A learnt where it is from itself',
  'A signs the certificate it shows',
  'Its machine runs',
  'Its first run is over for good',
  'Its token rests nowhere',
]

/** Where machines are wanted, these have been looked at before. */
describe.skipIf(MACHINES)('the demo makes a child, and sees everything its mode brings', () => {
  test.each([
    [
      'managed_child',
      [
        "It lets A's operators act there",
        'A holds the mirror of that grant',
        'A sets how resources travel',
        'It sets the same from its end',
        "A's policies are its defaults",
        "A's CA knows its machine",
      ],
    ],
    ['autonomous_peer', ['Neither lets the other do anything']],
    [
      'cluster_member',
      [
        'Neither lets the other do anything',
        "A's Postgres keeps a slot for it",
        'by a role that ends',
        'over TLS, with a certificate of its own',
        'A row of A is to be read there',
        'A sees how far it is behind',
      ],
    ],
  ])(
    '%s',
    (mode, own) => {
      const verdict = demo('--spawn', mode)
      expect(verdict).toMatchObject({ ok: true, spawn: { mode, child: { state: 'active' } } })
      expect(seen(verdict)).toEqual([...EVERY, ...own])
      expect(verdict.spawn.artifacts.filter(({ ok }) => !ok)).toEqual([])
    },
    10 * MINUTES,
  )

  test(
    'twice: what an earlier demo left is ended first, and no process of either is left',
    { timeout: 10 * MINUTES },
    async () => {
      const verdict = demo('--spawn', 'autonomous_peer')
      expect(verdict.steps.map(({ name }) => name)).toContain('A ends the child of an earlier demo')
      expect(verdict.spawn.child.state).toBe('active')
      await nothingRuns()
    },
  )
})

// By itself, as .ci/run has it: an emulated machine wants both processors, and everything else is late beside it.
describe.runIf(MACHINES)('with qemu', () => {
  const firstBootMs = firstBootOf(join(ROOT, '.cache/qemu/current'))
  const tooSlow = firstBootMs !== undefined && isSlow(firstBootMs)
  if (tooSlow)
    process.stdout.write(`no child in a virtual machine: the image came up in ${firstBootMs} ms here; ${TOO_SLOW}\n`)
  test.skipIf(tooSlow)('the child is a virtual machine', { timeout: 30 * MINUTES }, async () => {
    const verdict = demo('--spawn', 'managed_child', '--provider', 'qemu')
    expect(verdict).toMatchObject({ ok: true, spawn: { mode: 'managed_child', child: { state: 'active' } } })
    expect(seen(verdict)).toContain('Its token rests nowhere')
    await nothingRuns()
  })
})
