import { describe, expect, test } from 'vitest'
import { machineSkip, toldBy } from './told-by.ts'

describe.skipIf(machineSkip('routes in the VRFs of a kernel need'))(
  'two tenants on two nodes, whose routes FRR puts into the VRFs of a kernel',
  () => {
    const fact = toldBy('test/lab/own-kernel/routes.ts')
    const asked = () => fact('asked') as readonly Asked[]

    test('the same prefix inside is in both tables, as each tenant’s own; nothing of one is in that of the other', () => {
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
