import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { scenarios } from '../../services/sdwan-compiler/src/compile/frr/testing/scenarios.ts'
import { frrAccepts, startFrr } from '../lab/frr.ts'
import { Lab, run } from '../lab/lab.ts'
import { labSkip } from '../lab/requirements.ts'
import { fileOf } from './routers.ts'

const files = Object.entries(scenarios).flatMap(([scenario, world]) =>
  [...new Set(world.members.map(({ nodeId }) => nodeId))]
    .map((nodeId) => fileOf(world, nodeId))
    .filter((text) => text !== '')
    .map((text, at) => ({ title: `${scenario}, node ${at + 1}`, text })),
)

describe.skipIf(labSkip(['zebra', 'bgpd', 'vtysh', 'frr-reload.py']))('files and the real FRR', () => {
  const dir = mkdtempSync(join(tmpdir(), 'frr-files-'))
  chmodSync(dir, 0o755)
  afterAll(() => rmSync(dir, { recursive: true }))

  test('vtysh takes every file, and would not take a broken one', async () => {
    const file = join(dir, 'frr.conf')
    const refused: string[] = []
    for (const { title, text } of files) {
      writeFileSync(file, text)
      const why = await frrAccepts(file)
      if (why !== undefined) refused.push(`${title}: ${why}`)
    }
    expect(files.length).toBeGreaterThan(50)
    expect(refused).toEqual([])
    writeFileSync(file, files[0]?.text.replace('remote-as 4200000010', 'remote-as many') ?? '')
    expect(await frrAccepts(file)).toContain('remote-as many')
  })

  // vtysh -C knows the grammar alone; what a daemon did not take is a line that is not there afterwards.
  const rich = ['everything a statement can ask for', 'a leak both ways with the main table, by a spoke', 'a crossing with two ends on each side', 'virtual ips, one with a preference of its own', 'pods of both families'] // prettier-ignore
  test.each(rich)('%s: the daemons have taken every line, and a second load changes nothing', async (scenario) => {
    await using lab = await Lab.open()
    const frr = await startFrr(await lab.node('a'))
    for (const { text } of files.filter(({ title }) => title.startsWith(scenario))) {
      await frr.reload(text)
      const file = join(dir, 'frr.conf')
      writeFileSync(file, text)
      const { out } = await run('/usr/lib/frr/frr-reload.py', ['--test', '-N', frr.pathspace, file])
      const [, missing = ''] = /Lines To Add\n=+\n([^]*)$/.exec(out) ?? []
      expect(linesOf(missing)).toEqual([])
    }
  })
})

/** Lines of the file's head that FRR does not show again, or in another place than it reads them from; a VRF while the kernel has none. */
const HEAD =
  /^(?:hostname n-[a-z2-7]{12}|service integrated-vtysh-config|ip(?:v6)? forwarding|bgp route-map delay-timer 1|vrf vr-[a-z2-7]{12})$/

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '' && !HEAD.test(line))
