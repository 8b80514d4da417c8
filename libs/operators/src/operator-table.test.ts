import { create } from '@bufbuild/protobuf'
import { DirectorySchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { PERMISSIONS } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { OperatorTable } from './operator-table.ts'

const NOW = new Date('2026-03-01T12:00:00.000Z')
const OIDC = 'https://login.example'
const keys = await generateKeyPair('ES256')
const jwk = await exportJWK(keys.publicKey)
const kid = await calculateJwkThumbprint(jwk)

/** What somebody who found it shows: a token of the OpenID Connect issuer is bound to no certificate. */
const stolen = () =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(OIDC)
    .setAudience('federation')
    .setSubject('subject-7')
    .setExpirationTime(NOW.getTime() / 1_000 + 60)
    .sign(keys.privateKey)

const table = (said: object = {}) =>
  new OperatorTable(
    create(DirectorySchema, {
      operators: [
        { name: 'alice', kind: 'person', permissions: [...PERMISSIONS], oidcSubjects: ['subject-7'] },
        { name: 'robot', kind: 'agent', permissions: [...PERMISSIONS] },
      ],
      issuers: [
        {
          issuer: OIDC,
          audience: 'federation',
          algorithms: ['ES256'],
          jwksJson: JSON.stringify({ keys: [{ ...jwk, kid }] }),
          subjects: 'oidc',
        },
      ],
      ...said,
    }),
  )
const shown = (name: string, token?: string) => ({
  holder: { kind: 'operator' as const, name },
  certificateSha256: 'x',
  token,
})

test('whoever was removed does not come in by the token of another: its certificate may be good for months', async () => {
  const token = await stolen()
  expect(await table().identify(shown('alice', token), NOW)).toMatchObject({ name: 'alice', agent: false, by: 'token' })
  await expectRefusal(table().identify(shown('mallory', token), NOW), 'OPERATOR_UNKNOWN')
})

test('whose certificate it was is known where the token speaks for another', async () => {
  expect(await table().identify(shown('robot', await stolen()), NOW)).toMatchObject({ name: 'alice', heldBy: 'robot' })
  expect((await table().identify(shown('alice', await stolen()), NOW)).heldBy).toBeUndefined()
})

test('while agents are halted, an agent comes with the reason, and a person without', async () => {
  const halted = table({ autonomy: { halted: true, reason: 'smoke' } })
  expect(await halted.identify(shown('robot'), NOW)).toMatchObject({ agent: true, halted: 'smoke' })
  expect((await halted.identify(shown('alice'), NOW)).halted).toBeUndefined()
  expect((await table().identify(shown('robot'), NOW)).halted).toBeUndefined()
})

test('an agent that acts by the token of a person is halted all the same', async () => {
  const halted = table({ autonomy: { halted: true, reason: 'smoke' } })
  expect(await halted.identify(shown('robot', await stolen()), NOW)).toMatchObject({ name: 'alice', halted: 'smoke' })
})

test('an agent is not made a person by a token that it found', async () => {
  const caller = await table().identify(shown('robot', await stolen()), NOW)
  expect(caller).toMatchObject({ name: 'alice', by: 'token', agent: true })
})
