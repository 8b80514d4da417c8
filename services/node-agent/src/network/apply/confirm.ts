import type { Transport } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { createClient } from '@powernode/rpc'

export type ConfirmDeps = {
  /** A road to sdwan-compiler that nobody has gone before: its own connection and handshake, open until `signal` aborts. */
  readonly openRoad: (signal: AbortSignal) => Transport
  readonly clock: Clock
  readonly withinMs: number
}

const ATTEMPT_MS = 3_000
const PAUSE_MS = 500

/**
 * Asks the control plane over a connection made for this alone: one that stood before would be let through by a firewall
 * that lets nobody new in. Rejects when there was no answer in time.
 */
export async function confirm(
  { openRoad, clock, withinMs }: ConfirmDeps,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  // prettier-ignore
  const until = clock.now().getTime() + withinMs
  let last: unknown
  while (!signal.aborted && clock.now().getTime() < until) {
    const road = new AbortController()
    try {
      const client = createClient(NodeNetworkService, openRoad(road.signal))
      await client.confirmState({ version }, { timeoutMs: ATTEMPT_MS, signal })
      return
    } catch (error) {
      last = error
    } finally {
      road.abort()
    }
    await clock.sleep(PAUSE_MS, signal)
  }
  signal.throwIfAborted()
  const why = last instanceof Error ? `: ${last.message}` : ''
  throw new Error(`the control plane did not confirm it within ${withinMs / 1_000} s${why}`.slice(0, 512))
}
