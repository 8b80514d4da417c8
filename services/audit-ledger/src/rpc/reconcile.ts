import { create } from '@bufbuild/protobuf'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import { Doorbell } from '@powernode/clock'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { ReconcileResponseSchema, type ReconcileRequest } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { Refusal, type CallersTable } from '@powernode/rpc'
import type { Difference } from '../comparison.ts'
import { compareLogs, type Progress } from '../operations/reconcile/compare-logs.ts'
import { differenceToWire, summaryToWire } from '../reconcile-wire.ts'
import { actIn, type DoorDeps } from './door.ts'

export const RECONCILE_CALLERS = {
  reconcile: ['system.federation.read'],
} as const satisfies Partial<CallersTable<typeof AuditLedgerService>>

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof RECONCILE_CALLERS>

/** Differences that are named to one who asks; beyond that the summary counts them. */
const MOST_NAMED = 10_000
/** In one message, which has to stay below its limit. */
const IN_ONE = 250
const LOOK_MS = 1_000

/** Compares our log about a peer with the peer's log about us, while an operator looks on. */
export function reconcileHandlers(deps: DoorDeps): Handlers {
  const act = actIn(deps)
  return {
    async *reconcile(request, { signal }) {
      const { peerId, since, until } = windowOf(request)
      const heard = new Heard()
      // Whoever asked may read slowly, and the comparison must not hold its transaction for them.
      const comparing = act((tx, now) => {
        heard.begin()
        return compareLogs(tx, now, { peerId, since, until, signal, onProgress: heard.take })
      })
      let isDone = false
      const done = comparing.then(
        () => undefined,
        () => undefined,
      )
      void done.then(() => {
        isDone = true
        heard.bell.ring()
      })
      while (!isDone && !signal.aborted) {
        await heard.bell.wait(deps.clock, LOOK_MS, signal)
        yield* heard.messages()
      }
      const compared = await comparing
      yield* heard.messages()
      yield create(ReconcileResponseSchema, { ...heard.reached(), summary: summaryToWire(compared) })
    },
  }
}

function windowOf({ peerId, since, until }: ReconcileRequest) {
  const window = { peerId, since: since && timestampDate(since), until: until && timestampDate(until) }
  if (window.since && window.until && window.until <= window.since)
    throw new Refusal('WINDOW_INVALID', 'until does not lie after since')
  return window
}

/** What was said since the last look. */
class Heard {
  readonly bell = new Doorbell()
  #compared = 0
  #of = 0
  #named = 0
  #differences: Difference[] = []

  /** A transaction that is repeated begins anew. */
  begin(): void {
    ;[this.#compared, this.#named, this.#differences] = [0, 0, []]
  }

  readonly take = ({ compared, of, differences }: Progress): void => {
    const named = differences.slice(0, MOST_NAMED - this.#named)
    this.#named += named.length
    this.#differences.push(...named)
    ;[this.#compared, this.#of] = [compared, of]
    this.bell.ring()
  }

  reached() {
    return { compared: BigInt(this.#compared), of: BigInt(this.#of) }
  }

  *messages() {
    do {
      const differences = this.#differences.splice(0, IN_ONE).map(differenceToWire)
      yield create(ReconcileResponseSchema, { ...this.reached(), differences })
    } while (this.#differences.length > 0)
  }
}
