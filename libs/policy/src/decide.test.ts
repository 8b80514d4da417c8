import { expect, test } from 'vitest'
import { decide } from './decide.ts'
import { aPolicy, SITUATIONS } from './testing.ts'
import { onWire } from './wire.ts'

test.each(SITUATIONS)('$name: $reason', ({ world, reason, axis, wire, onlyId, advised }) => {
  const verdict = decide(aPolicy(world.page), world.request, world.atMs)
  expect(verdict).toMatchObject({ allowed: reason === 'ALLOWED', reason, axis })
  expect(onWire(verdict)?.reason).toBe(wire)
  if (onlyId !== undefined) expect(verdict.onlyId).toBe(onlyId)
  if (verdict.allowed) expect(verdict.residency?.advised).toBe(advised ?? false)
})
