import { generateKeyPairSync } from 'node:crypto'
import type { Clock } from '@powernode/clock'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { mount, Refusal, refusalOf, type CallersTable } from '@powernode/rpc'
import { partly, startTestServer } from '@powernode/rpc/testing'
import { formatCheckpoint, rootAt, signNote } from '@powernode/tlog'
import { ledgerKeys, type LedgerKeys } from '../ledger-keys.ts'
import { mirrorQuota, type MirrorQuota } from '../mirror-quota.ts'
import type { Border, MirrorDeps } from '../mirror/mirror-deps.ts'
import type { NewEntry } from '../new-entry.ts'
import { appendEntries } from '../operations/append/append-entries.ts'
import { nextShipment, type Shipment } from '../operations/mirror/next-shipment.ts'
import { EXCERPT_CALLERS, excerptHandlers } from '../rpc/excerpts.ts'
import { MIRROR_CALLERS, mirrorHandlers } from '../rpc/mirror.ts'
import { PeerTurns } from '../rpc/peer-turns.ts'
import { RECONCILE_CALLERS, reconcileHandlers } from '../rpc/reconcile.ts'
import { createCheckpointBells } from '../signing/checkpoint-bells.ts'
import * as checkpoints from '../store/checkpoints.ts'
import * as entries from '../store/entries.ts'
import * as logs from '../store/logs.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'
import { tileReader } from '../store/tiles.ts'
import * as witnessedKeys from '../store/witnessed-keys.ts'
import { NOW } from '../testing.ts'

export const QUOTA = mirrorQuota({ mebibytes: 64, mebibytesPerMinute: 64 })

/** One platform's ledger with what it signs with, as far as mirrors need it. */
export type Side = {
  readonly domain: string
  readonly ledger: TestDatabase<Tables>
  readonly keys: LedgerKeys
  readonly clock: FakeClock
  readonly act: <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => Promise<T>
  /** Our id of the peering with the other side. */
  readonly peerId: string
  readonly drop: () => Promise<void>
}

/** Peerings have other ids on each side. */
export const B_ON_A = '019f0000-0000-7000-8000-00000000000b'
export const A_ON_B = '019f0000-0000-7000-8000-00000000000a'

export async function testSide(domain: string, peerId: string, keys = testKeys(domain)): Promise<Side> {
  const dir = new URL('../../migrations', import.meta.url)
  const ledger = await testDatabase<Tables>({ schema: 'audit_ledger', dir })
  const clock = new FakeClock(NOW)
  const act: Side['act'] = (verb) => inTransaction(ledger.db, (tx) => verb(tx, clock.now()))
  await act((tx, now) => logs.claim(tx, domain, now))
  return { domain, ledger, keys, clock, act, peerId, drop: ledger.drop }
}

export function testKeys(domain: string): LedgerKeys {
  const [log, witness] = [generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('ed25519').privateKey]
  return ledgerKeys({ log, witness }, domain)
}

/** Two platforms that know each other's keys. */
export async function twoSides(): Promise<{ readonly a: Side; readonly b: Side; readonly drop: () => Promise<void> }> {
  const [a, b] = await Promise.all([testSide('a.test', B_ON_A), testSide('b.test', A_ON_B)])
  await introduce(a, b)
  await introduce(b, a)
  return { a, b, drop: async () => void (await Promise.all([a.drop(), b.drop()])) }
}

/** `to` learns with which keys `who` signs its log about it. */
export async function introduce(who: Side, to: Side): Promise<void> {
  const keys = {
    peerId: to.peerId,
    sequence: 1,
    trustDomain: who.domain,
    origin: `${who.domain}/peers/${who.peerId}`,
    logPublicKey: who.keys.publicKeys.log,
    witnessPublicKey: who.keys.publicKeys.witness,
    statement: Buffer.from(who.domain),
  }
  await to.act((tx, now) => witnessedKeys.add(tx, keys, now))
}

/** The nth entry of a test, about the peering of this side. */
export function line(side: Pick<Side, 'peerId'>, n: number, said: Partial<NewEntry> = {}): NewEntry {
  return {
    id: `019f0000-0000-7000-9000-${n.toString(16).padStart(12, '0')}`,
    log: side.peerId,
    action: 'federation.peer.active',
    at: new Date(NOW.getTime() + n),
    actor: 'service/peer-registry',
    payload: Buffer.from(`{"n":${n}}`),
    disclosed: n % 2 === 0,
    ...said,
  }
}

/** A call as the gateway tells it. */
export function call(side: Pick<Side, 'peerId'>, n: number, said: Partial<NewEntry> = {}): NewEntry {
  const id = `019f0000-0000-7000-a000-${n.toString(16).padStart(12, '0')}`
  return line(side, n, {
    id,
    decisionId: id,
    action: 'federation.call.allowed',
    actor: `peer/${side.peerId}`,
    direction: 'in',
    contentId: `call-${n}`,
    resource: `NodeModule/m${n}`,
    disclosed: false,
    ...said,
  })
}

export async function append(side: Side, items: readonly NewEntry[]): Promise<void> {
  for (let at = 0; at < items.length; at += 1_000) {
    await side.act((tx, now) => appendEntries(tx, now, items.slice(at, at + 1_000)))
  }
}

/** Signs the log as it stands, as the signer does. */
export async function sign(side: Side): Promise<string> {
  return side.act(async (tx, now) => {
    const log = await logs.find(tx, side.peerId)
    if (!log) throw new Error('nothing was written yet')
    const size = await entries.size(tx, log.id)
    const root = await rootAt(tileReader(tx, log.id), size)
    const note = noteOf(side, { size, root })
    await checkpoints.add(tx, [{ logId: log.id, size, root, note, signedAt: now }])
    return note
  })
}

/** What this side would sign of its log about the other, whether or not it is true. */
export function noteOf(side: Side, { size, root }: { readonly size: number; readonly root: Uint8Array }): string {
  const origin = `${side.domain}/peers/${side.peerId}`
  return signNote(formatCheckpoint({ origin, size, root }), [side.keys.signerOf(origin)])
}

/** Appends and signs, so that there is something to ship. */
export async function grow(side: Side, from: number, to: number): Promise<string> {
  await append(side, Array.from({ length: to - from }, (_, i) => line(side, from + i))) // prettier-ignore
  return sign(side)
}

/** What would be shipped next, if the mirror ended at `start`. */
export async function shipmentFrom(side: Side, start: number): Promise<Shipment> {
  return side.act(async (tx, now) => {
    const log = await logs.find(tx, side.peerId)
    if (!log) throw new Error('nothing was written yet')
    const shipment = await nextShipment(tx, now, { logId: log.id, start })
    if (!shipment) throw new Error('there is nothing to ship')
    return shipment
  })
}

/** The doors of a ledger that mirrors need, behind everything but sockets. */
export function doorsOf(side: Side, said: { readonly quota?: MirrorQuota; readonly active?: boolean } = {}) {
  const { db } = side.ledger
  const logger = createLogger('test', { level: 'silent' })
  const bells = createCheckpointBells()
  const deps = { db, clock: side.clock as Clock, logger, quota: said.quota ?? QUOTA, bells, turns: new PeerTurns() }
  const peers = { isActive: () => said.active ?? true }
  const some = { ...mirrorHandlers(deps), ...excerptHandlers({ ...deps, peers }), ...reconcileHandlers(deps) }
  const callers = { ...NOBODY, ...MIRROR_CALLERS, ...EXCERPT_CALLERS, ...RECONCILE_CALLERS }
  const server = startTestServer(mount(AuditLedgerService, partly(AuditLedgerService, some), callers))
  return {
    server,
    gateway: server.clientAs(AuditLedgerService, { kind: 'service', name: 'federation-gateway' }),
    operator: server.clientAs(AuditLedgerService, { kind: 'operator', name: 'alice' }),
  }
}

const NOBODY = Object.fromEntries(
  AuditLedgerService.methods.map(({ localName }) => [localName, ['service/nobody']]),
) as unknown as CallersTable<typeof AuditLedgerService> // one row for each method

/** The way over the border to the other side, with its refusals as our gateway passes them on. */
export function borderTo(to: Side, gateway: ReturnType<typeof doorsOf>['gateway']): Border {
  const passed = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      const refusal = refusalOf(error)
      if (!refusal) throw error
      const { reason, message, metadata } = refusal
      throw new Refusal('PEER_REFUSED', `the peer refused: ${message}`, {
        metadata: { ...metadata, peer_reason: reason },
      })
    }
  }
  const { peerId } = to
  return {
    async addEntries(request) {
      const { response } = await passed(gateway.mirrorEntries({ peerId, request: { ...request, $typeName: undefined } as never })) // prettier-ignore
      if (!response) throw new Error('an answer without content')
      return response
    },
    async readMirror(request) {
      const { response } = await passed(gateway.readMirror({ peerId, request: { ...request, $typeName: undefined } as never })) // prettier-ignore
      if (!response) throw new Error('an answer without content')
      return response
    },
  }
}

/** What the tasks of a side are given. */
export function mirrorDeps(side: Side, border: Border, said: Partial<MirrorDeps> = {}): MirrorDeps {
  return {
    db: side.ledger.db,
    listener: testListener({ url: side.ledger.url }),
    clock: side.clock,
    logger: createLogger('test', { level: 'silent' }),
    metrics: createMetrics('test'),
    border,
    bells: createCheckpointBells(),
    keys: side.keys,
    turns: new PeerTurns(),
    doubtMs: 10_000,
    reconcileEveryMs: 86_400_000,
    ...said,
  }
}
