import { describe, expect, test } from 'vitest'
import type { Asked } from './questions.ts'
import { machineSkip, toldBy } from './told-by.ts'
import type { Table } from './with-bgp.ts'

describe.skipIf(machineSkip('routes in the VRFs of a kernel need'))(
  'two tenants on two nodes, whose routes FRR puts into the VRFs of a kernel',
  () => {
    const fact = toldBy('test/lab/own-kernel/routes.ts')
    const asked = (when: string) => fact(when) as readonly Asked[]
    const reached = (when: string) =>
      asked(when).flatMap(({ question, answer }) => (answer === undefined ? [] : [`${question}: ${answer}`]))
    const inside = [0, 1].map((at) => `hub ${at} fdcc:0:1:5::9 443: inside-${at}`)

    test('what leaks is reached on the port that both let pass, and nothing else is', () => {
      expect(reached('asked while routes leak')).toEqual([...inside, ...leaked()])
    })

    test('once nothing leaks, the same prefix inside is in both tables, as each tenant’s own; nothing of one is in that of the other', () => {
      const tables = fact('tables') as Readonly<Record<string, Table>>
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
      expect(reached('asked')).toEqual(inside)
    })

    test.each(['asked while routes leak', 'asked'])('%s: the model says what packets do', (when) => {
      expect(asked(when).filter(({ answer, reachable }) => reachable !== (answer !== undefined))).toEqual([])
    })
  },
)

/** Of everybody: the other's virtual IP and members; and from the second tenant what lies behind the first's spoke. */
function leaked(): readonly string[] {
  return [0, 1].flatMap((from) => {
    const to = 1 - from
    const cidr = `fd10:0:0:${to + 1}`
    const there = [...(to === 0 ? [['fdcd:0:1:1::9', 'inside-0']] : []), [`${cidr}::f1`, `hub-${to}`], [`${cidr}::1`, `hub-${to}`], [`${cidr}::2`, `spoke-${to}`]] // prettier-ignore
    return ['hub', 'spoke'].flatMap((place) =>
      there.map(([address, name]) => `${place} ${from} ${address} 443: ${name}`),
    )
  })
}
