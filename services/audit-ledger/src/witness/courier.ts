import { inTransaction, lead, type Listener } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { refusalOf } from '@powernode/rpc'
import type { Policy } from '@powernode/tlog'
import { CHECKPOINT_CHANNEL } from '../store/checkpoints.ts'
import * as logs from '../store/logs.ts'
import type { CourierMetrics } from './courier-metrics.ts'
import { deliver, type Carrier } from './deliver.ts'
import { httpCarrier, type Post } from './http-carrier.ts'
import { peerCarrier, type PeerCarrierDeps } from './peer-carrier.ts'
import { Turns } from './turns.ts'

export type CourierDeps = PeerCarrierDeps & {
  readonly listener: Listener
  readonly metrics: CourierMetrics
  /** Who else is asked to cosign. */
  readonly policy: Policy | undefined
  readonly post?: Post
}

/** Peers that are shown a checkpoint at a moment; of another witness, logs. */
const PEERS_AT_ONCE = 64
const LOGS_AT_ONCE = 8
/** Whatever was rung for and not heard is looked for this often. */
const SWEEP_MS = 60_000
const PAGE = 1_000

/** Who is to cosign, in turns of their own: a witness that is slow, or lies, holds up nobody but itself. */
type Lane = { readonly turns: Turns; readonly takes: (log: string) => boolean }

/**
 * Shows every new checkpoint of ours to those who witness it: the peer that the log is about, and whom the policy names.
 *
 * One replica does, and another goes on when it dies: what has been cosigned stands in the tables. Checkpoints that come
 * faster than a witness answers are skipped but for the newest, whose proof covers them all.
 */
export function runCourier(deps: CourierDeps, signal: AbortSignal): Promise<void> {
  return lead(deps, 'courier', (leading) => courier(deps, leading), signal)
}

async function courier(deps: CourierDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, peers, listener, logger } = deps
  const lanes = [peerLane(deps), ...witnessLanes(deps)]
  const names = new Map<number, string>()
  const ring = (log: string) => {
    for (const { turns, takes } of lanes) if (takes(log)) turns.ring(log)
  }
  const nameOf = async (id: number): Promise<string | undefined> => {
    const known = names.get(id) ?? (await inTransaction(db, (tx) => logs.byId(tx, id)))?.name
    if (known !== undefined) names.set(id, known)
    return known
  }
  /** Rings for all logs: each looks for itself whether there is anything to show. */
  const sweep = async (stop: AbortSignal) => {
    for (let after = ''; !stop.aborted;) {
      const page = await inTransaction(db, (tx) => logs.list(tx, { after, limit: PAGE }))
      for (const { name } of page) ring(name)
      if (page.length < PAGE) return
      after = page.at(-1)?.name ?? after
    }
  }
  const failed = (error: unknown) => logger.warn({ task: 'courier', error }, 'logs could not be looked at')
  const heard = (payload: string | undefined) => {
    const looking = payload === undefined ? sweep(signal) : nameOf(Number(payload)).then((name) => name && ring(name))
    looking.catch(failed)
  }
  peers.subscribe((peerId) => {
    if (peers.isReachable(peerId)) lanes[0]?.turns.ring(peerId, { anew: true })
  }, signal)
  await runTasks(signal, [
    ...lanes.map(
      ({ turns }) =>
        (stop: AbortSignal) =>
          turns.run(stop),
    ),
    (stop) => listener.listen(CHECKPOINT_CHANNEL, heard, stop),
    async (stop) => {
      while (!stop.aborted) {
        await clock.sleep(SWEEP_MS, stop)
        await sweep(stop).catch(failed)
      }
    },
  ])
}

function peerLane(deps: CourierDeps): Lane {
  const { peers, clock } = deps
  const work = (peerId: string, signal: AbortSignal) =>
    peers.isReachable(peerId)
      ? bring(deps, peerId, { kind: 'peer', carrier: peerCarrier(deps, peerId) }, signal)
      : NOTHING
  return { turns: new Turns({ clock, work, atOnce: PEERS_AT_ONCE, passes: isNotHeardYet }), takes: peers.isReachable }
}

/** A gateway has just started, or has not heard yet of what was agreed a moment ago: ours, or theirs. */
function isNotHeardYet(error: unknown): boolean {
  const refusal = refusalOf(error)
  return NOT_HEARD_YET.has(refusal?.metadata['peer_reason'] ?? refusal?.reason ?? '')
}
const NOT_HEARD_YET: ReadonlySet<string> = new Set([
  'POLICY_STALE',
  'PEER_NOT_FOUND',
  'PEER_NOT_ENROLLED',
  'PEER_UNKNOWN',
])

const NOTHING = Promise.resolve()

function witnessLanes(deps: CourierDeps): Lane[] {
  const { clock, policy, post } = deps
  return (policy?.witnesses ?? []).flatMap((party) => {
    if (party.url === undefined) return []
    const carrier = httpCarrier(party, party.url, post)
    const work = (log: string, signal: AbortSignal) => bring(deps, log, { kind: 'other', carrier }, signal)
    return [{ turns: new Turns({ clock, work, atOnce: LOGS_AT_ONCE }), takes: () => true }]
  })
}

type Way = { readonly kind: 'peer' | 'other'; readonly carrier: Carrier }

/** What fails is logged and counted, and thrown on: the turn is taken again later. */
// oxlint-disable-next-line max-params -- with what, which log, to whom, and until when
async function bring(deps: CourierDeps, log: string, { kind, carrier }: Way, signal: AbortSignal): Promise<void> {
  const { metrics, logger } = deps
  try {
    await deliver(deps, log, carrier, signal)
    metrics.deliveries.inc({ witness: kind, outcome: 'ok' })
  } catch (error) {
    if (signal.aborted) return
    const refusal = refusalOf(error)
    const outcome = refusal?.metadata['peer_reason'] ?? refusal?.reason ?? 'fault'
    metrics.deliveries.inc({ witness: kind, outcome: refusal ? refusal.reason : 'fault' })
    logger.warn({ task: 'courier', subject: log, outcome, error }, 'a checkpoint was not cosigned')
    throw error
  }
}
