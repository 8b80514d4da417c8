import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTools } from '../../../deploy/qemu/tools.ts'
import { labSkip } from '../requirements.ts'
import { boot, type Said } from './boot.ts'
import { FROM_HERE, makeMachine } from './image.ts'

const PROGRAM = 'test/lab/own-kernel/routes.ts'
const PATIENCE_MS = 1_800_000

const wanted = process.env['QEMU_TESTS'] === '1'
if (!wanted) process.stdout.write('skipped: BGP in the VRFs of a kernel needs a machine of its own: QEMU_TESTS=1\n')

describe.skipIf(!wanted || labSkip(FROM_HERE))(
  'two tenants on two nodes, whose routes FRR puts into the VRFs of a kernel',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'powernode-machine-'))
    let said: Said

    beforeAll(async () => {
      await makeMachine(dir, { program: PROGRAM, tools: findTools(process.env['PATH'] ?? '') })
      said = await boot(dir, AbortSignal.timeout(PATIENCE_MS))
    }, PATIENCE_MS)
    afterAll(() => rmSync(dir, { recursive: true, force: true }))

    const fact = (name: string): unknown => {
      if (!said.facts.has(name)) throw new Error(`the machine did not say ‘${name}’:\n${said.console.slice(-16_000)}`)
      return said.facts.get(name)
    }
    const asked = () => fact('asked') as readonly Asked[]

    test('the same prefix inside is in both tables, as each tenant’s own; nothing of one is in that of the other', () => {
      expect(said.facts.get('failed')).toBeUndefined()
      const tables = fact('tables') as Tables
      for (const place of ['hub', 'spoke']) {
        for (const at of [0, 1]) {
          const { bgp, kernel } = tables[`${place} ${at}`] ?? { bgp: [], kernel: [] }
          const own = [`fd10:0:0:${at + 1}::f1/128`, 'fdcc:0:1:5::/64', `fdcd:0:1:${at + 1}::/64`]
          expect(bgp, `${place} ${at}`).toEqual(own)
          expect(kernel, `${place} ${at}, in the kernel`).not.toEqual([])
          expect(own, `${place} ${at}, in the kernel`).toEqual(expect.arrayContaining([...kernel]))
        }
      }
    })

    test('each tenant reaches what is inside its own network, and nothing of the other', () => {
      const reached = asked().flatMap(({ question, answer }) =>
        answer === undefined ? [] : [`${question}: ${answer}`],
      )
      expect(reached).toEqual([0, 1].map((at) => `hub ${at} fdcc:0:1:5::9 443: inside-${at}`))
    })

    test('the model says what packets do', () => {
      expect(asked().filter(({ answer, reachable }) => reachable !== (answer !== undefined))).toEqual([])
    })
  },
)

type Tables = Readonly<Record<string, { readonly bgp: readonly string[]; readonly kernel: readonly string[] }>>

type Asked = {
  readonly question: string
  readonly answer?: string
  readonly reachable: boolean
  readonly verdict: string
}
