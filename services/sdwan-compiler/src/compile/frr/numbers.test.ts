import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRouterId, routerIds } from './numbers.ts'
import { memberOf } from './testing/worlds.ts'

describe('router ids', () => {
  test('are no two alike, never begin with 0, and heed what was chosen', () => {
    const members = Array.from({ length: 20_000 }, (_, n) => memberOf(1, n + 1))
    const chosen = [memberOf(2, 1, { routerIdOverride: '10.0.0.1' }), memberOf(2, 2, { routerIdOverride: '0.0.0.1' })]
    const ids = routerIds([...members, ...chosen])
    expect(new Set(ids.values()).size).toBe(20_002)
    expect([...ids.values()].filter((id) => !isRouterId(id))).toEqual([])
    expect(ids.get(chosen[0]?.id ?? '')).toBe('10.0.0.1')
    expect(ids.get(chosen[1]?.id ?? '')).not.toBe('0.0.0.1')
  })

  test('who comes later by id moves on, in whatever order they are read', () => {
    const [first, later] = [memberOf(1, 3), memberOf(1, 4)]
    const usual = routerIds([first]).get(first.id) ?? ''
    const twin = { ...later, address: first.address }
    expect(routerIds([twin, first]).get(first.id)).toBe(usual)
    expect(routerIds([twin, first]).get(twin.id)).not.toBe(usual)
    const overriding = { ...later, routerIdOverride: usual }
    expect(routerIds([first, overriding]).get(overriding.id)).toBe(usual)
    expect(routerIds([first, overriding]).get(first.id)).not.toBe(usual)
  })

  test('no text is taken for a router id that is none', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !isRouterId(text) || /^[1-9][0-9.]+$/.test(text)))
  })
})
