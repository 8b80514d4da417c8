import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { getDecision } from '../operations/get-decision.ts'
import { listDecisions } from '../operations/list-decisions.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'
import type { DecisionRecorder } from './decision-recorder.ts'
import { decisionFromWire, decisionToWire, pageToken, readPageToken } from './decision-wire.ts'

export type DecisionDeps = { readonly db: Db<Tables>; readonly clock: Clock; readonly recorder: DecisionRecorder }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, 'recordDecisions' | 'getDecision' | 'listDecisions'>

const DEFAULT_LIMIT = 100

/** What was decided about calls across the border: written by the gateway, read by operators and by what-if. */
export function decisionHandlers({ db, clock, recorder }: DecisionDeps): Handlers {
  const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))

  return {
    /** One message after the other: what a gateway says meanwhile waits with it, and makes its next message. */
    async *recordDecisions(messages) {
      for await (const { number, decisions } of messages) {
        await recorder.add(decisions.map(decisionFromWire))
        yield { number }
      }
    },

    async getDecision({ decisionId }) {
      return { decision: decisionToWire(await act((tx, now) => getDecision(tx, now, { id: decisionId }))) }
    },

    async listDecisions({ peerId, direction, refusedOnly, since, until, pageSize, pageToken: token }) {
      const asked = {
        peerId,
        direction,
        refusedOnly,
        before: readPageToken(token),
        limit: pageSize || DEFAULT_LIMIT,
        since: since && timestampDate(since),
        until: until && timestampDate(until),
      }
      const { decisions, more } = await act((tx, now) => listDecisions(tx, now, asked))
      const last = decisions.at(-1)
      return { decisions: decisions.map(decisionToWire), nextPageToken: more && last ? pageToken(last) : '' }
    },
  }
}
