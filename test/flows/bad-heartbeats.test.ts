import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createClient, type Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { Caller } from '@powernode/federation-gateway/testing'
import { makeTestIdentity } from '@powernode/identity/testing'
import { stranger } from '@powernode/peer-registry/testing'
import { RemediationService, type RemediationStatus } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callDoor } from '../door-client.ts'
import { eventually } from '../eventually.ts'
import { itIsLater } from '../later.ts'
import { federate, invite, TestPlatform } from '../mesh.ts'

/** Slower than other flows: what is watched here is that a machine that is late degrades nobody. */
const registry = { HEARTBEAT_INTERVAL: '1s', STALE_AFTER: '10s' }
/** Longer than the stale limit. */
const MISFORTUNE_MS = 14_000
const HOUR_MS = 3_600_000

let a: TestPlatform
let b: TestPlatform
let onA: string
let onB: string
let remediation: Client<typeof RemediationService>
let dir: string
const callers: Caller[] = []

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-beats-'))
  ;[a, b] = await Promise.all([TestPlatform.start('a', { registry }), TestPlatform.start('b', { registry })])
  remediation = createClient(RemediationService, a.transport('liveness'))
  ;({ onA, onB } = await federate(a, b))
})
afterAll(async () => {
  for (const caller of callers) caller.close()
  await Promise.all([a?.stop(), b?.stop()])
  rmSync(dir, { recursive: true, force: true })
})

describe('a peer at our door that means no good', () => {
  let x: Enrolled
  let y: Enrolled
  beforeAll(async () => {
    ;[x, y] = [await enrol('x.example'), await enrol('y.example')]
  })

  test('that sends the very beats of another is heard as itself, and the other no later for it', async () => {
    const beat = aBeat({ epoch: 7n, sequence: 1n })
    await isTaken(x, beat)
    const before = await heardAt(x.peerId)
    await isTaken(y, beat)
    expect(await heardAt(x.peerId)).toEqual(before)
    expect((await heardAt(y.peerId))!.getTime()).toBeGreaterThan(before!.getTime())
  })

  test('that repeats its beats, or sends old ones, is heard no later for it', async () => {
    const [older, newer] = [aBeat({ epoch: 8n, sequence: 4n }), aBeat({ epoch: 8n, sequence: 5n })]
    await isTaken(x, newer)
    const before = await heardAt(x.peerId)
    for (let at = 0; at < 20; at++) await isTaken(x, at % 2 ? older : newer)
    expect(await heardAt(x.peerId)).toEqual(before)
  })

  test('whose beats are of the year 9999 is heard when it is heard', async () => {
    const sentAt = timestampFromDate(new Date('9999-12-31T23:59:59Z'))
    await isTaken(x, aBeat({ epoch: 9n, sequence: 1n, sentAt }))
    expect((await heardAt(x.peerId))!.getTime()).toBeLessThanOrEqual(systemClock.now().getTime())
    const { freshness } = await a.liveness.listFreshness({ peerIds: [x.peerId] })
    expect(freshness[0]).toMatchObject({ hearing: 'we_hear_them' })
  })

  test('that beats a thousand times a second is told to come later, and nobody else is', async () => {
    await a.restart('federation-gateway', { MAX_CALLS_PER_PEER: '50' })
    await eventually(() => y.caller.beat(aBeat({ epoch: 10n, sequence: 1n })), Boolean)
    const until = systemClock.elapsed() + 3_000
    const told = { heard: 0, later: 0 }
    let beats = 0
    let sequence = 0n
    const flood = async () => {
      while (systemClock.elapsed() < until) {
        const flooded = Array.from({ length: 100 }, () => x.caller.beat(aBeat({ epoch: 10n, sequence: ++sequence })))
        for (const came of await Promise.allSettled(flooded)) {
          if (came.status === 'fulfilled') told.heard += 1
          else if (refusalOf(came.reason)?.reason === 'RATE_LIMITED') told.later += 1
        }
      }
    }
    const calm = async () => {
      for (let number = 2n; systemClock.elapsed() < until; number++) {
        await isTaken(y, aBeat({ epoch: 10n, sequence: number }))
        beats += 1
        await systemClock.sleep(100, AbortSignal.timeout(3_000))
      }
    }
    await Promise.all([flood(), calm()])
    expect(told.heard).toBeGreaterThan(0)
    expect(told.later).toBeGreaterThan(0)
    // None was refused. How long they waited says nothing where who floods, who is flooded and who beats are one process.
    expect(beats).toBeGreaterThan(0)
    await a.restart('federation-gateway', { MAX_CALLS_PER_PEER: '200' })
    await bothWell()
  })
})

/** B may say of A that it was away: it was. What is tried is that A, whose misfortunes they are, says it of nobody. */
describe('misfortunes of our own degrade nobody, and each is named', () => {
  test('Postgres is stalled for longer than the stale limit', async () => {
    const named = await nextReason()
    const processes = await postgresOf(a)
    signal(processes, 'SIGSTOP')
    try {
      await systemClock.sleep(MISFORTUNE_MS, AbortSignal.timeout(MISFORTUNE_MS))
    } finally {
      signal(processes, 'SIGCONT')
    }
    await named(/^(stalled|nobody listened) for \d\d s$/)
    await bothWell()
  })

  test('liveness is down for longer than the stale limit', async () => {
    const named = await nextReason()
    await a.platform.parts.liveness.pause()
    await systemClock.sleep(MISFORTUNE_MS, AbortSignal.timeout(MISFORTUNE_MS))
    await a.platform.parts.liveness.resume()
    await named(/^nobody listened for \d\d s$/)
    await bothWell()
  })

  test.each([
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ])('all clocks are set %s by an hour', async (way, clockMs) => {
    const named = await nextReason()
    const before = await degradedOn(b, onB)
    itIsLater({ clockMs })
    await named(new RegExp(`^the clock went ${way} by 60 min$`))
    await bothWell()
    // Nobody was away for a moment, so the other side has nothing to say either.
    expect(await degradedOn(b, onB)).toBe(before)
  })

  test('none of which our ledger tells as a degraded peer', async () => {
    expect(await a.ledgerOf(onA, 'federation.peer.enrolled')).not.toContain('federation.peer.degraded')
  })
})

/** How often the ledger of a platform tells that a peer was degraded. */
const degradedOn = async (of: TestPlatform, log: string): Promise<number> =>
  (await of.ledger.listEntries({ log, limit: 5_000 })).entries.filter(({ action }) => action === 'federation.peer.degraded').length // prettier-ignore

type Enrolled = { readonly peerId: string; readonly caller: Caller }

/** A platform that we make up: A knows it, and its certificates are good. */
async function enrol(trustDomain: string): Promise<Enrolled> {
  const who = await stranger(trustDomain, systemClock.now())
  const { onA: peerId, token } = await invite(a)
  await callDoor(a, who.accept(token, { platform: who.describe({ endpoints: [] }) }))
  const service = { trustDomain, kind: 'service', name: 'federation-gateway' } as const
  const shown = await makeTestIdentity(who.authority, service, { dir: join(dir, trustDomain), crls: who.crls })
  const caller = new Caller(a.platform.ports.door, shown, trustDomain)
  callers.push(caller)
  await eventually(
    () => caller.beat(aBeat({ epoch: 1n, sequence: 1n })).then(() => true, () => false),
    (heard) => heard,
  ) // prettier-ignore
  return { peerId, caller }
}

/** One incarnation an epoch, so that only what a test changes makes a beat late mail. */
const aBeat = (said: { epoch: bigint; sequence: bigint; sentAt?: ReturnType<typeof timestampFromDate> }) => ({
  nonce: Uint8Array.from(randomBytes(16)),
  sentAt: timestampFromDate(systemClock.now()),
  incarnation: new Uint8Array(16).fill(Number(said.epoch)),
  ...said,
})

/** Sends a beat that has to be taken. A machine too busy for the lease of its own registry says so and is sent it again; nothing else is. */
async function isTaken({ caller }: Enrolled, beat: ReturnType<typeof aBeat>): Promise<void> {
  const said = await eventually(
    () => caller.beat(beat).then(() => undefined, (error: unknown) => error),
    (error) => refusalOf(error)?.reason !== 'POLICY_STALE',
  ) // prettier-ignore
  expect(said).toBeUndefined()
}

async function heardAt(peerId: string): Promise<Date | undefined> {
  const { freshness } = await a.liveness.listFreshness({ peerIds: [peerId] })
  const at = freshness[0]?.lastHeardAt
  return at && timestampDate(at)
}

/** Both sides are active, and beats go both ways: as it was before, and as it is again. */
async function bothWell(): Promise<void> {
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  await Promise.all([
    a.untilFreshness(onA, ({ hearing }) => hearing === 'both'),
    b.untilFreshness(onB, ({ hearing }) => hearing === 'both'),
  ])
}

/** Waits until A has begun to listen anew for this reason, and not the time before. */
async function nextReason(): Promise<(reason: RegExp) => Promise<unknown>> {
  const status = async (): Promise<RemediationStatus | undefined> => (await remediation.getRemediationStatus({})).status
  const before = await eventually(status, (known) => known?.listeningSince !== undefined)
  const since = before!.listeningSince!.seconds
  return (reason) =>
    eventually(status, (now) => now?.listeningSince?.seconds !== since && reason.test(now?.listeningReason ?? ''))
}

/** Signals all of them. One of Postgres' own may end between being listed and being told: the others MUST hear it all the same. */
function signal(pids: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** The postmaster of a platform and every process of its own. */
async function postgresOf({ platform }: TestPlatform): Promise<readonly number[]> {
  const client = new pg.Client(platform.postgresUrl)
  await client.connect()
  const { rows } = await client.query<{ directory: string }>('select current_setting($1) as directory', ['data_directory']) // prettier-ignore
  await client.end()
  const [postmaster] = readFileSync(join(rows[0]!.directory, 'postmaster.pid'), 'utf8').split('\n')
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  return [postmaster, ...children].map(Number)
}
