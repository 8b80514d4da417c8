import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { createAuthority, generatePlatformKey, platformIdOf, signStatement, signTrustBundle } from '@powernode/identity'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  AcceptanceSchema,
  AcceptRequestSchema,
  type AcceptRequest,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { newId } from '@powernode/postgres'
import { refusalOf } from '@powernode/rpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { invite, twoPlatforms, type TestPlatform } from '../mesh.ts'
import { callDoor } from '../door-client.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  mesh = await twoPlatforms()
  ;({ a, b } = mesh)
})
afterAll(() => mesh?.stop())

/** A platform of its own that redeems a token, as far as the door can see. */
async function redeemer(name: string, token: string) {
  const key = generatePlatformKey()
  const trustDomain = `${name}.example`
  const now = new Date()
  const { rootCertificate } = await createAuthority({ trustDomain, generation: 1, now })
  const bundle = signTrustBundle({ trustDomain, sequence: 1n, issuedAt: now, roots: [rootCertificate], crls: [] }, key)
  const platform = create(PlatformDescriptionSchema, {
    platformId: platformIdOf(key.publicKey),
    identityKey: key.publicKey,
    trustDomain,
    contractWindow: { min: 1, max: 1 },
    disclosure: { contact: 'x@example', jurisdiction: 'EU', platformVersion: '1', releaseTag: 'v1' },
  })
  const said = create(AcceptanceSchema, {
    tokenSha256: createHash('sha256').update(token).digest(),
    platform,
    peerId: newId(now),
    trust: { case: 'trustBundle', value: bundle },
  })
  return create(AcceptRequestSchema, { acceptanceToken: token, acceptance: signStatement(AcceptanceSchema, said, key) })
}

test('of twenty platforms that redeem one token at once, one becomes the peer; its repeat gets the same bytes', async () => {
  const { onA, token } = await invite(a)
  const requests = await Promise.all(Array.from({ length: 20 }, (_, at) => redeemer(`redeemer-${at}`, token)))
  // Whoever a busy machine had no time for asks again: its repeat gets the answer that it was given.
  const redeem = async (request: AcceptRequest) =>
    eventually(
      () =>
        callDoor(a, request).then(
          (value) => ({ value }),
          (error: unknown) => ({ reason: refusalOf(error)?.reason }),
        ),
      (said) => 'value' in said || said.reason === 'INVITATION_SPENT',
    )
  const answers = await Promise.all(requests.map(redeem))

  const won = answers.flatMap((answer, at) => ('value' in answer ? [{ at, value: answer.value }] : []))
  expect(won).toHaveLength(1)
  const winner = won[0]
  const request = requests[winner?.at ?? 0]
  if (!request) throw new Error('nobody won')
  expect(await callDoor(a, request), 'a lost answer can be asked for again').toEqual(winner?.value)
  expect((await a.until(onA, () => true)).state).toBe(PeerState.ENROLLED)
  const redeemed = (await a.ledgerOf(onA, 'federation.peer.enrolled')).filter((action) => action.endsWith('.redeemed'))
  expect(redeemed.length).toBeLessThanOrEqual(1)
})

test('an operator who clicks accept twenty times gets one peer', async () => {
  const { onA, invitation } = await invite(a)
  const clicks = await Promise.all(
    Array.from({ length: 20 }, () => b.peers.acceptInvitation({ invitation }).catch(refusalOf)),
  )
  const ids = new Set(clicks.flatMap((click) => (click && 'peer' in click && click.peer ? [click.peer.id] : [])))
  expect(ids.size).toBe(1)
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState([...ids][0] ?? '', PeerState.ACTIVE)])
})
