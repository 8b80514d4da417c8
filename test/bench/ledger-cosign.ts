import { randomUUID } from 'node:crypto'
import { createClient } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { federate, TestPlatform } from '../mesh.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const RUNS = 5
const CALLS_A_RUN = 250
/** At a steady rate: so many entries come with one call, so often. */
const ENTRIES = 4
const EVERY_MS = 20
/** How often it is looked how far the peer has cosigned: what is measured is at most so much too long. */
const LOOK_MS = 10
const LIMIT_MS = 500
const NEVER = new AbortController().signal

type Committed = { readonly sequence: number; readonly at: number }

/**
 * From the commit of an entry to the peer's cosignature over it, while entries come at a steady rate.
 *
 * All of it real: two platforms with a Postgres each that writes through to the disk, their gateways and ledgers processes of
 * their own, mTLS within and between them, and everything else that platforms do beside it.
 */
export async function run(): Promise<Report> {
  const [a, b] = await Promise.all([
    TestPlatform.start('a', { processes: true, throughToDisk: true }),
    TestPlatform.start('b', { processes: true, throughToDisk: true }),
  ])
  try {
    const { onA: peerId } = await federate(a, b)
    await cosigning(a, peerId, CALLS_A_RUN / 4) // keys are exchanged, everything is compiled and connected after this
    const runs: number[][] = []
    for (let at = 1; at <= RUNS; at++) {
      const lags = await cosigning(a, peerId, CALLS_A_RUN)
      runs.push(lags)
      say(`run ${at}: p50 ${rounded(median(lags), 1)} ms, p99 ${rounded(quantile(lags, 0.99), 1)} ms`)
    }
    const p99s = runs.map((lags) => quantile(lags, 0.99))
    return {
      bench: 'ledger-cosign',
      unit: "ms from commit to the peer's cosignature, p99",
      ours: rounded(median(p99s), 1),
      limit: LIMIT_MS,
      ratio: rounded(LIMIT_MS / median(p99s), 2),
      p50_ms: rounded(quantile(runs.flat(), 0.5), 1),
      p99_ms: rounded(quantile(runs.flat(), 0.99), 1),
      runs: p99s.map((ms) => rounded(ms, 1)),
      appends_per_s: (ENTRIES * 1_000) / EVERY_MS,
    }
  } finally {
    await Promise.all([a.stop(), b.stop()])
  }
}

/** Appends at a steady rate, whatever the answers take; and how long each entry then waited for the peer. */
async function cosigning(platform: TestPlatform, peerId: string, calls: number): Promise<number[]> {
  const gateway = createClient(AuditLedgerService, platform.transport('audit-ledger', 'federation-gateway'))
  const said: Promise<readonly Committed[]>[] = []
  const append = async (): Promise<readonly Committed[]> => {
    const { places } = await gateway.append({ entries: Array.from({ length: ENTRIES }, () => entryOf(peerId)) })
    const at = performance.now()
    return places.map(({ sequence }) => ({ sequence: Number(sequence), at }))
  }
  const over = new AbortController()
  const looking = look(platform, peerId, over.signal)
  const startedAt = performance.now()
  for (let n = 0; n < calls; n++) {
    const one = append()
    one.catch(() => {}) // heard at the end
    said.push(one)
    await systemClock.sleep(startedAt + (n + 1) * EVERY_MS - performance.now(), NEVER)
  }
  const committed = (await Promise.all(said)).flat().toSorted((one, other) => one.sequence - other.sequence)
  const last = committed.at(-1)?.sequence ?? 0
  while ((await cosignedSize(platform, peerId)) <= last) await systemClock.sleep(LOOK_MS, NEVER)
  over.abort()
  const seen = await looking
  let next = 0
  return committed.map(({ sequence, at }) => {
    while ((seen[next]?.size ?? Number.MAX_SAFE_INTEGER) <= sequence) next++
    return Math.max(0, (seen[next]?.at ?? Number.POSITIVE_INFINITY) - at)
  })
}

async function look(platform: TestPlatform, peerId: string, over: AbortSignal) {
  const seen: { readonly size: number; readonly at: number }[] = []
  for (let isOver = false; !isOver;) {
    isOver = over.aborted // once more after that
    const size = await cosignedSize(platform, peerId)
    if (size > (seen.at(-1)?.size ?? 0)) seen.push({ size, at: performance.now() })
    await systemClock.sleep(LOOK_MS, over)
  }
  return seen
}

async function cosignedSize({ ledger }: TestPlatform, log: string): Promise<number> {
  const { logs } = await ledger.listLogs({ log })
  return Number(logs[0]?.cosignedSize ?? 0)
}

function entryOf(log: string) {
  const id = randomUUID()
  return {
    id,
    log,
    action: 'federation.call.allowed',
    actor: `peer/${log}`,
    direction: 'in',
    decisionId: id,
    contentId: id,
    resource: 'NodeModule/reader',
    payload: Buffer.from(JSON.stringify({ detail: 'd'.repeat(287) })),
  }
}
