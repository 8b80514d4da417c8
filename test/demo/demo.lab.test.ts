import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removePostgres } from '@powernode/dev/postgres'
import { afterAll, describe, expect, test } from 'vitest'
import { must } from '../lab/lab.ts'
import { labSkip } from '../lab/requirements.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const DEMO = ['deploy/dev/run.mjs', 'deploy/dev/src/demo.ts']
const data = mkdtempSync(join(tmpdir(), 'powernode-demo-'))

afterAll(() => {
  for (const name of ['a', 'b']) removePostgres(join(data, name, 'postgres'))
  rmSync(data, { recursive: true, force: true })
})

type Overlay = {
  readonly sha256: string
  readonly compiled: readonly { readonly node: string; readonly files: readonly string[] }[]
}

type Verdict = {
  readonly networks: Readonly<Record<'a' | 'b', Overlay>>
  readonly ping: { readonly from: string }
}

const side = {
  network: 'demo',
  plan: expect.arrayContaining([expect.stringContaining('accept_prefixes of ')]),
  sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  members: [expect.objectContaining({ name: 'hub' }), expect.objectContaining({ name: 'web' })],
}

describe.skipIf(labSkip())('the demo with nodes', () => {
  test('carries a ping from a member of A to a member of B, and leaves nothing of the lab behind', async () => {
    const args = [...DEMO, '--lab', '--once', '--json', '--data', data]
    const { status, stdout, stderr } = spawnSync('node', args, { cwd: ROOT, encoding: 'utf8' })
    expect(status, stderr + stdout).toBe(0)
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Verdict
    expect(said).toMatchObject({
      ok: true,
      networks: { a: side, b: side },
      ping: { from: expect.stringMatching(/-a-web$/), to: expect.stringMatching(/^fd/), ms: expect.any(Number) },
    })
    for (const { compiled } of Object.values(said.networks))
      for (const { files } of compiled) expect(files).toEqual(expect.arrayContaining(['powernode.nft', 'frr.conf']))
    const [lab = ''] = said.ping.from.split('-')
    expect(await must('ip', ['netns', 'list'])).not.toContain(lab)
  }, 300_000)

  test('runs again with what it left: machines are new, and the networks are made anew of them', () => {
    const args = [...DEMO, '--lab', '--once', '--json', '--data', data]
    const { status, stdout, stderr } = spawnSync('node', args, { cwd: ROOT, encoding: 'utf8' })
    expect(status, stderr + stdout).toBe(0)
    expect(stderr).toContain('takes away the network of an earlier demo')
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      ok: true,
      networks: { a: side, b: side },
    })
  }, 300_000)
})
