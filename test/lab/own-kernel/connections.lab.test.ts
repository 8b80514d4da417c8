import { describe, expect, test } from 'vitest'
import { machineSkip, toldBy } from './told-by.ts'

describe.skipIf(machineSkip('connections of two VRFs need'))(
  'two tenants at one hub, whose connections have the same addresses and ports, in VRFs of a kernel',
  () => {
    const fact = toldBy('test/lab/own-kernel/connections.ts')

    test('each is answered by its own hub, and the kernel follows two connections', () => {
      expect(fact('problems')).toEqual([])
      expect(fact('tenant 1 calls')).toBe('hub-1')
      expect(fact('tenant 2 calls from the same port')).toBe('hub-2')
      expect(fact('connections')).toEqual([65_533, 65_534])
    })

    test('what the rules of one let in is nothing to those of the other, as it was without zones', () => {
      expect(fact('tenant 1 asks for a sign of life')).toBe(true)
      expect(fact('tenant 2 asks in the same words')).toBe(false)
      expect(fact('dropped by its default')).toBe(true)
      expect(fact('without zones, tenant 1 asks')).toBe(true)
      expect(fact('without zones, tenant 2 asks in the same words')).toBe(true)
    })

    test('what the node itself says out of a table is answered, and a mapping leads in', () => {
      expect(fact('the node calls out of table 1')).toBe('inside-1')
      expect(fact('by the mapping')).toBe('inside-1')
    })

    test('what the node has besides is not reached, whatever a rule lets in', () => {
      expect(fact('tenant 1 asks the node itself')).toBe(false)
      expect(fact('dropped as elsewhere')).toBe(true)
      expect(fact('without guards, what asks the node itself is let in')).toBe(true)
    })
  },
)
