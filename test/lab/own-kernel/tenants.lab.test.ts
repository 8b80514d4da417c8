import { describe, expect, test } from 'vitest'
import { machineSkip, toldBy } from './told-by.ts'

describe.skipIf(machineSkip('tunnels and VRFs of a kernel need'))(
  'two tenants on two nodes, with the WireGuard and the VRFs of a kernel',
  () => {
    const fact = toldBy('test/lab/own-kernel/story.ts')

    test('the agent makes devices of the kernel, each tunnel in the table of its tenant', () => {
      for (const devices of fact('devices') as readonly (readonly Device[])[]) {
        const vrfs = devices.filter(({ kind }) => kind === 'vrf').map(({ ifname }) => ifname)
        const tunnels = devices.filter(({ kind }) => kind === 'wireguard')
        expect(vrfs).toHaveLength(2)
        expect(tunnels.map(({ mtu }) => mtu)).toEqual([1_420, 1_420])
        expect(tunnels.map(({ master = '' }) => master).toSorted()).toEqual(vrfs.toSorted())
      }
    })

    test.each([0, 1])(
      'tenant %i: the same address inside is its own; what a rule lets through passes, and nothing else',
      (at) => {
        expect(fact(`hub ${at} calls inside`)).toBe(`inside-${at}`)
        expect(fact(`inside ${at} calls its hub`)).toBe(`hub-${at}`)
        expect(fact(`hub ${at} calls inside on 444`)).toBeNull()
        expect(fact(`inside ${at} calls its hub on 444`)).toBeNull()
        for (const node of ['hub', 'spoke'])
          expect((fact(`counters ${node}`) as Counters)[`rule ${at}`], `by the rule, at the ${node}`).toBeGreaterThan(0)
        expect((fact('counters hub') as Counters)[`default ${at}`], 'dropped at the hub').toBeGreaterThan(0)
      },
    )

    test.each([0, 1])(
      'tenant %i reaches nobody of the other, and a table that knows no way asks no other table',
      (at) => {
        expect(fact(`inside ${at} calls the other hub`)).toBeNull()
        expect(fact(`hub ${at} calls the other hub`)).toBeNull()
        expect(fact(`way out of table ${at} to 2001:db8::99`)).toBe(false)
        expect(fact(`way out of table ${at} to 192.0.2.99`)).toBe(false)
        expect(fact('nobody’s hub calls inside')).toBeNull()
      },
    )

    test('another version and then the one before: everything is as it was, the very same devices too', () => {
      expect(fact('changed by applying another and those again')).toEqual([[], []])
    })

    test('in no network any more, a node keeps nothing of one', () => {
      expect(fact('left')).toEqual(['', ''])
    })
  },
)

type Device = { readonly ifname: string; readonly kind?: string; readonly master?: string; readonly mtu: number }
type Counters = Readonly<Record<string, number>>
