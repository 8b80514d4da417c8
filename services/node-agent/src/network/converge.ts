import { equals } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { backoffMs, Doorbell, type Clock } from '@powernode/clock'
import { runTasks, type Counter, type Logger } from '@powernode/process'
import {
  NodeStateSchema,
  type NodeNetworkService,
  type NodeState,
} from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { NodeNetwork, Taken } from './apply/node-network.ts'
import { INTERFACE, INTERFACES_MAX } from './checked/patterns.ts'
import type { Keys } from './keys.ts'

export type ConvergeDeps = {
  readonly control: Client<typeof NodeNetworkService>
  readonly network: NodeNetwork
  readonly keys: Keys
  readonly clock: Clock
  readonly logger: Logger
  readonly taken: Counter<'outcome'>
  /** After so long a kept version is confirmed once more: what comes by BGP has come. */
  readonly settledAfterMs: number
  /** Something is worth telling the control plane now. */
  readonly tell: () => void
}

/** The control plane is spared while it is away. */
const AWAY = { firstMs: 1_000, mostMs: 30_000 }
/** A version that was put back once would be put back again, unless something else has changed. */
const AGAIN = { firstMs: 30_000, mostMs: 600_000 }
const FOR_LONG_MS = 3_600_000

/** Follows what this node has to be, and tries it: a new version at once, one that was put back with growing patience. */
export async function converge(deps: ConvergeDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  let wanted: NodeState | undefined
  const hear = (state: NodeState): void => {
    wanted = state
    bell.ring()
  }
  await runTasks(signal, [
    (stop) => watch(deps, hear, stop),
    (stop) => follow(deps, { bell, wanted: () => wanted }, stop),
  ])
}

/** Hears of every version, and asks again when the stream ends: what is there meanwhile stays. */
async function watch(
  { control, network, clock, logger }: ConvergeDeps,
  hear: (state: NodeState) => void,
  signal: AbortSignal,
): Promise<void> {
  // prettier-ignore
  let failures = 0
  while (!signal.aborted) {
    try {
      for await (const { state } of control.watchDesiredState({ version: network.current.version }, { signal })) {
        failures = 0
        if (state) hear(state)
      }
    } catch (error) {
      if (signal.aborted) return
      logger.warn(
        { task: 'watching the desired state', attempt: failures + 1, error },
        'the control plane is away; what is applied stays',
      )
    }
    failures += 1
    await clock.sleep(backoffMs(failures, AWAY), signal)
  }
}

type Inbox = { readonly bell: Doorbell; readonly wanted: () => NodeState | undefined }

async function follow(deps: ConvergeDeps, { bell, wanted }: Inbox, signal: AbortSignal): Promise<void> {
  const { network, clock, taken, tell, settledAfterMs } = deps
  let last: { readonly state: NodeState; readonly outcome: Taken; readonly attempts: number } | undefined
  while (!signal.aborted) {
    const state = wanted()
    if (!state) {
      await bell.wait(clock, FOR_LONG_MS, signal)
      continue
    }
    const again = last !== undefined && equals(NodeStateSchema, last.state, state)
    const attempts = again ? (last?.attempts ?? 0) + 1 : 1
    const registered = await registerKeys(deps, state)
    if (!again || last?.outcome !== 'kept') {
      const outcome = await network.take(state, signal)
      taken.inc({ outcome })
      last = { state, outcome, attempts }
      tell()
    } else last = { ...last, attempts }
    if (wanted() !== state) continue
    if (last.outcome === 'kept' && !(await bell.wait(clock, settledAfterMs, signal)) && !signal.aborted)
      last = { ...last, outcome: await settled(deps, signal) }
    const isDone = last.outcome === 'kept' && registered
    if (wanted() === state) await bell.wait(clock, isDone ? FOR_LONG_MS : backoffMs(attempts, AGAIN), signal)
  }
}

/** What a kept version came to in the end. */
async function settled({ network, taken, tell }: ConvergeDeps, signal: AbortSignal): Promise<Taken> {
  if ((await network.confirmAgain(signal)) !== 'rolled_back') return 'kept'
  taken.inc({ outcome: 'rolled_back' })
  tell()
  return 'rolled_back'
}

/** Tells the control plane the public halves that it does not have yet; true when it has all. What it then compiles comes as a new version. */
async function registerKeys({ control, keys, logger }: ConvergeDeps, state: NodeState): Promise<boolean> {
  const ours = state.interfaces.filter(({ name }) => INTERFACE.test(name)).slice(0, INTERFACES_MAX)
  const made = await Promise.all(
    ours.map(async ({ name, publicKey }) => ({ name, held: publicKey, ...(await keys.of(name)) })),
  )
  const unknown = made.filter(({ held, publicKey }) => held !== publicKey)
  if (unknown.length === 0) return true
  try {
    await control.registerKeys({ keys: unknown.map(({ name, publicKey }) => ({ interface: name, publicKey })) })
    logger.info({ count: unknown.length }, 'keys of this node were registered')
    return true
  } catch (error) {
    logger.warn({ count: unknown.length, error }, 'keys of this node could not be registered; trying again')
    return false
  }
}
