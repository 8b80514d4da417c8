import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { generatePlatformKey, platformIdOf, signStatement } from '@powernode/identity'
import { until } from '@powernode/events/testing'
import { testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { AddCheckpointRequestSchema, LedgerKeysSchema } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { mount, Refusal, refusalOf, type CallersTable } from '@powernode/rpc'
import { partly, startTestServer } from '@powernode/rpc/testing'
import { openNote, parsePolicy, parseVkey } from '@powernode/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cosignatureOf } from '../cosign.ts'
import { listAlarms } from '../operations/alarms/list-alarms.ts'
import { getCheckpoint } from '../operations/read/get-checkpoint.ts'
import { PeerTurns } from '../rpc/peer-turns.ts'
import { WITNESS_CALLERS, witnessHandlers } from '../rpc/witness.ts'
import { A_ON_B, B_ON_A, grow, testKeys, testSide, type Side } from '../testing/mirrors.ts'
import { restoredSide } from '../testing/restored.ts'
import { NOW } from '../testing.ts'
import { courierMetrics } from './courier-metrics.ts'
import { runCourier, type CourierDeps } from './courier.ts'
import { deliver, type Carrier } from './deliver.ts'
import type { Endorsement } from './endorsement.ts'
import type { Post } from './http-carrier.ts'
import { witnessRoutes } from './http-routes.ts'
import type { KnownPeers } from './known-peers.ts'

type Identity = ReturnType<typeof generatePlatformKey>
type Platform = { side: Side; identity: Identity; endorsement: Endorsement; peers: KnownPeers }

const LOGGER = createLogger('test', { level: 'silent' })
const ALL = Object.fromEntries(
  AuditLedgerService.methods.map(({ localName }) => [localName, ['service/nobody']]),
) as unknown as CallersTable<typeof AuditLedgerService> // one row for each method

let a: Platform
let b: Platform
let reachable: boolean
/** What happens to the next calls on the way back. */
let losesAnswers: number
let calls: number
let lost: string[]
let stopping: AbortController
const running: Promise<unknown>[] = []

beforeEach(async () => {
  const [one, other] = [generatePlatformKey(), generatePlatformKey()]
  const [sideA, sideB] = await Promise.all([testSide('a.test', B_ON_A), testSide('b.test', A_ON_B)])
  a = platform(sideA, one, other, sideB)
  b = platform(sideB, other, one, sideA)
  reachable = true
  losesAnswers = 0
  calls = 0
  lost = []
  stopping = new AbortController()
})
afterEach(async () => {
  stopping.abort()
  await Promise.all(running.splice(0))
  await Promise.all([a.side.drop(), b.side.drop()])
})

// oxlint-disable-next-line max-params -- both sides, each with its identity
function platform(side: Side, identity: Identity, other: Identity, otherSide: Side): Platform {
  const said = create(LedgerKeysSchema, {
    platformId: platformIdOf(identity.publicKey),
    trustDomain: side.domain,
    logPublicKey: side.keys.publicKeys.log,
    witnessPublicKey: side.keys.publicKeys.witness,
    sequence: 1n,
    at: timestampFromDate(NOW),
  })
  const statement = signStatement(LedgerKeysSchema, said, identity)
  const peer = {
    peerId: side.peerId,
    platformId: platformIdOf(other.publicKey),
    identityKey: other.publicKey,
    remotePeerId: otherSide.peerId,
    trustDomain: otherSide.domain,
  }
  const peers: KnownPeers = {
    identityOf: () => peer,
    reachable: () => (reachable ? [side.peerId] : []),
    isReachable: () => reachable,
    isActive: () => reachable,
    subscribe: () => {},
    follow: async () => {},
  }
  return { side, identity, endorsement: { current: () => statement, obtain: async () => {} }, peers }
}

/** The other side's door, as our gateway reaches it. */
function borderTo({ side, endorsement, peers }: Platform): CourierDeps['federation'] {
  const { db } = side.ledger
  const deps = {
    db,
    clock: side.clock,
    logger: LOGGER,
    trustDomain: side.domain,
    keys: side.keys,
    endorsement,
    peers,
    turns: new PeerTurns(),
  }
  const some = partly(AuditLedgerService, witnessHandlers(deps))
  const server = startTestServer(mount(AuditLedgerService, some, { ...ALL, ...WITNESS_CALLERS }))
  const gateway = server.clientAs(AuditLedgerService, { kind: 'service', name: 'federation-gateway' })
  return {
    async addCheckpoint(said) {
      calls += 1
      try {
        const request = create(AddCheckpointRequestSchema, said as never)
        const { response } = await gateway.witnessCheckpoint({ peerId: side.peerId, request })
        if (losesAnswers-- > 0) throw new Refusal('PEER_UNREACHABLE', 'the answer is lost')
        return response!
      } catch (error) {
        const refusal = refusalOf(error)
        if (!refusal || refusal.reason === 'PEER_UNREACHABLE') throw error
        const metadata = { ...refusal.metadata, peer_reason: refusal.reason }
        throw new Refusal('PEER_REFUSED', refusal.message, { metadata })
      }
    },
  }
}

function start(from: Platform, to: Platform, said: Partial<CourierDeps> = {}): () => Promise<void> {
  const { side, endorsement, peers } = from
  const stop = new AbortController()
  const deps: CourierDeps = {
    db: side.ledger.db,
    listener: testListener({ url: side.ledger.url, schema: 'audit_ledger', clock: side.clock }),
    clock: side.clock,
    logger: LOGGER,
    metrics: courierMetrics(createMetrics('test')),
    trustDomain: side.domain,
    keys: side.keys,
    endorsement,
    peers,
    federation: borderTo(to),
    policy: undefined,
    onLost: (peerId) => void lost.push(peerId),
    ...said,
  }
  const done = runCourier(deps, AbortSignal.any([stopping.signal, stop.signal]))
  running.push(done)
  return async () => {
    stop.abort()
    await done
  }
}

const noteOf = ({ side }: Platform) =>
  side.act((tx, now) => getCheckpoint(tx, now, { log: side.peerId, size: undefined }))
const alarmsOf = ({ side }: Platform) => side.act((tx, now) => listAlarms(tx, now, { peerId: '', openOnly: true }))
async function cosignedSizes({ side }: Platform): Promise<number[]> {
  const rows = await side.act((tx) => tx.selectFrom('cosignature').select('size').orderBy('size').execute())
  return rows.map(({ size }) => size)
}
const cosignedUpTo = (of: Platform, size: number) => until(async () => (await cosignedSizes(of)).at(-1) === size)

test("a checkpoint is cosigned by the peer it concerns, from the first on, though neither knew the other's keys", async () => {
  start(a, b)
  await grow(a.side, 0, 3)
  await cosignedUpTo(a, 3)
  await grow(a.side, 3, 600)
  await cosignedUpTo(a, 600)
  const { verified } = openNote(await noteOf(a), [parseVkey(b.side.keys.vkeys.witness)])
  expect(verified).toHaveLength(1)
  expect(verified[0]?.atMs).toBe(b.side.clock.now().getTime())
})

test('a witness that is slow, of a log that grows meanwhile, has one checkpoint in its turn, and the next in another', async () => {
  await grow(a.side, 0, 3)
  const { side } = a
  const verifier = parseVkey(b.side.keys.vkeys.witness)
  let size = 3
  let carried = 0
  const carrier: Carrier = {
    witnessName: () => Promise.resolve(verifier.name),
    async carry({ note }) {
      carried += 1
      if (carried < 5) await grow(side, size, (size += 2))
      return {
        kind: 'cosigned',
        lines: [cosignatureOf(note, b.side.keys.cosignerAt(NOW.getTime())).trimEnd()],
        verifier,
      }
    },
  }
  const deps = { db: side.ledger.db, clock: side.clock, metrics: courierMetrics(createMetrics('test')) }
  await deliver(deps, side.peerId, carrier, stopping.signal)
  expect(carried).toBe(1)
})

test('a peer that does not know our keys is told them, and asked again', async () => {
  const stop = start(a, b)
  await grow(a.side, 0, 1)
  await cosignedUpTo(a, 1)
  await stop()
  const forgetful = await testSide('b.test', A_ON_B, b.side.keys)
  const again = { ...b, side: forgetful }
  await grow(a.side, 1, 2)
  start(a, again)
  await cosignedUpTo(a, 2)
  await forgetful.drop()
})

test('an answer that was lost is asked for again: what the peer has witnessed, it cosigns once more', async () => {
  losesAnswers = 1
  start(a, b)
  await grow(a.side, 0, 5)
  await until(() => calls === 1 && losesAnswers === 0)
  await until(async () => {
    await a.side.clock.advance(1_000)
    return (await cosignedSizes(a)).length > 0
  })
  expect(await cosignedSizes(a)).toEqual([5])
})

test('whoever starts goes on where the last one ended, and of two at once one works', async () => {
  const first = start(a, b)
  await grow(a.side, 0, 2)
  await cosignedUpTo(a, 2)
  await first()
  await grow(a.side, 2, 4)
  start(a, b)
  start(a, b)
  await cosignedUpTo(a, 4)
  expect(await cosignedSizes(a)).toEqual([2, 4])
})

test('a peer that may not be called is left alone, and is shown what it missed when it may', async () => {
  reachable = false
  const heard: ((peerId: string) => void)[] = []
  start({ ...a, peers: { ...a.peers, subscribe: (changed) => void heard.push(changed) } }, b)
  await until(() => heard.length > 0)
  await grow(a.side, 0, 2)
  expect(await cosignedSizes(a)).toEqual([])
  reachable = true
  heard.forEach((changed) => changed(B_ON_A))
  await cosignedUpTo(a, 2)
})

test('a backup that was put back is noticed by what the peer has witnessed: that entries are lost, and nothing more', async () => {
  const stop = start(a, b)
  await grow(a.side, 0, 3)
  await cosignedUpTo(a, 3)
  await grow(a.side, 3, 9)
  await cosignedUpTo(a, 9)
  await stop()
  const older = { ...a, side: await restoredSide(a.side, 3) }
  const stopOlder = start(older, b)
  await until(() => lost.length > 0)
  expect(lost).toContain(B_ON_A)
  expect(await alarmsOf(older)).toEqual([])
  expect(await alarmsOf(b)).toEqual([])
  await stopOlder()
  await older.side.drop()
})

test('a database that was rewritten is found by both: there as a fork of theirs, here as one of ours, with the same evidence', async () => {
  const stop = start(a, b)
  await grow(a.side, 0, 3)
  await cosignedUpTo(a, 3)
  const witnessed = await a.side.act((tx) => tx.selectFrom('checkpoint').select('note').where('size', '=', 3).executeTakeFirstOrThrow()) // prettier-ignore
  await stop()
  const other = { ...a, side: await testSide('a.test', B_ON_A, a.side.keys) }
  await grow(other.side, 50, 58)
  const stopOther = start(other, b)
  await until(async () => (await alarmsOf(other)).length > 0 && (await alarmsOf(b)).length > 0)
  const [[theirs], [ours]] = [await alarmsOf(b), await alarmsOf(other)]
  expect(theirs).toMatchObject({ whose: 'theirs', kind: 'fork', firstNote: witnessed.note })
  expect(ours).toMatchObject({ whose: 'ours', kind: 'fork', firstNote: witnessed.note })
  expect(await cosignedSizes(other)).toEqual([])
  await stopOther()
  await other.side.drop()
})

const policyWith = (url: string) => parsePolicy(`witness w ${b.side.keys.vkeys.witness} ${url}\nquorum w\n`)
const overHttp =
  (to: Platform): Post =>
  async (_url, body, signal) => {
    const [submit] = witnessRoutes({
      db: to.side.ledger.db,
      clock: to.side.clock,
      keys: to.side.keys,
      turns: new PeerTurns(),
    })
    const answer = await submit!.answer({ rest: '', body: Buffer.from(body), signal })
    return { status: answer.status, body: String(answer.body) }
  }

test('a witness of the policy file is asked over HTTPS, with a proof from what it has seen', async () => {
  const stop = start(a, b)
  await grow(a.side, 0, 2)
  await cosignedUpTo(a, 2)
  await stop()
  reachable = false
  const asked: string[] = []
  const post: Post = (url, body, signal) => {
    asked.push(url)
    return overHttp(b)(url, body, signal)
  }
  start(a, b, { policy: policyWith('https://w.test/witness/'), post })
  await grow(a.side, 2, 300)
  await cosignedUpTo(a, 300)
  expect(new Set(asked)).toEqual(new Set(['https://w.test/witness/add-checkpoint']))
})

test.each([
  ['signs with a key that is not its own', { status: 200, body: '— b.test/witness AAAAAAAAAAAAAAAAAAAAAA==\n' }],
  ['answers with no signature', { status: 200, body: 'nonsense' }],
  ['says it has seen more than there is', { status: 409, body: '99\n' }],
  ['says it has seen another size each time', { status: 409, body: '1\n' }],
  ['says nonsense of what it has seen', { status: 409, body: '-1\n' }],
  ['fails', { status: 500, body: '' }],
  ['never answers', undefined],
])('a witness that %s holds up nobody, and nothing of it is kept', async (_what, answer) => {
  const asked = Promise.withResolvers<void>()
  const hanging = Promise.withResolvers<never>()
  hanging.promise.catch(() => {})
  const post: Post = async () => {
    asked.resolve()
    return answer ?? hanging.promise
  }
  const other = parseVkey(testKeys('w.test').vkeys.witness)
  const policy = parsePolicy(`witness w ${other.vkey} https://w.test\nquorum w\n`)
  const stop = start(a, b, { policy, post })
  await grow(a.side, 0, 2)
  await asked.promise
  await cosignedUpTo(a, 2)
  await grow(a.side, 2, 5)
  await cosignedUpTo(a, 5)
  const names = await a.side.act((tx) => tx.selectFrom('cosignature').select('name').distinct().execute())
  expect(names).toEqual([{ name: 'b.test/witness' }])
  hanging.reject(new Error('over'))
  await stop()
})
