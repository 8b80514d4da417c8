import { SealBroken, SealingKey } from '@powernode/identity'
import { SealingKeyReplaced } from '@powernode/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, invite, propose, take } from '../../test/handshake.ts'
import { startPlatform, type TestPlatform } from '../../test/platform.ts'
import * as sealed from '../store/sealed.ts'
import { holdInvitation } from './hold-invitation.ts'
import { resealSecrets } from './reseal-secrets.ts'

let a: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterAll(() => Promise.all([a?.drop(), b?.drop()]))

test('after the sealing key was replaced every secret opens with the new one, and none with the old', async () => {
  const other = await startPlatform('c.example', { clock: a.clock })
  await federate(a, b, { trustMode: 'hierarchical' })
  await take(b, (await invite(other, (await propose(other)).id)).text)
  const key = { planSha256: Buffer.alloc(32, 1), requestedBy: 'operator/robot' }
  await b.act((tx, now) => holdInvitation(tx, now, { us: b.us, key, invitation: 'pni1.x', approvalId: undefined }))
  const old = new SealingKey(Buffer.alloc(32, 'b.example'))
  const anew = new SealingKey(Buffer.alloc(32, 'anew'), Buffer.alloc(32, 'b.example'))

  expect(await b.act((tx) => resealSecrets(tx, old))).toBe(0)
  const before = await b.act(sealed.lockAll)
  const kinds = new Set(before.map(({ context }) => context.replaceAll(/[0-9a-f]{64}|[0-9a-f-]{36}|\d+/g, '*')))
  expect(kinds).toEqual(
    new Set(['platform/identity-key', 'authority/*/root-key', 'authority/*/issuing-key', 'peer/*/certificate-key', 'errand/*/acceptance-token', 'held-invitation/*/operator/robot']), // prettier-ignore
  )
  expect(await b.act((tx) => resealSecrets(tx, anew))).toBe(before.length)
  for (const value of await b.act(sealed.lockAll)) {
    const was = before.find(({ context }) => context === value.context)
    expect(anew.open(value.sealed, value.context)).toEqual(old.open(was?.sealed ?? Buffer.alloc(0), value.context))
    expect(() => old.open(value.sealed, value.context)).toThrow(SealBroken)
  }
  expect(await b.act((tx) => resealSecrets(tx, anew)), 'once is enough').toBe(0)

  // A replica that was not told keeps nothing under the old key, and one that starts with it ends at once.
  const late = { ...key, planSha256: Buffer.alloc(32, 2) }
  const held = b.act((tx, now) => holdInvitation(tx, now, { us: b.us, key: late, invitation: 'pni1.y', approvalId: undefined })) // prettier-ignore
  await expect(held).rejects.toThrow(SealingKeyReplaced)
  await expect(b.act((tx) => resealSecrets(tx, old))).rejects.toThrow(SealingKeyReplaced)
  await other.drop()
})
