import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate } from '../../test/handshake.ts'
import { startPlatform, type TestPlatform } from '../../test/platform.ts'
import { DAY_MS } from '../invitation.ts'
import { oweRenewals } from './owe-errands.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

test('a certificate that they made shorter than we would is renewed by its own life, and not again and again', async () => {
  await a.clock.advance(345 * DAY_MS) // their issuing CA ends in 20 days, and with it all that it signs
  await federate(a, b, { trustMode: 'hierarchical' })
  const due = () => b.act((tx, now) => oweRenewals(tx, now))
  expect(await due()).toBe(0)
  await a.clock.advance(14 * DAY_MS)
  expect(await due()).toBe(1)
})
