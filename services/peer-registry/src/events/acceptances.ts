import { create } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { AcceptanceMovedSchema } from '@powernode/proto/powernode/acceptance/v1/events_pb.ts'
import type { AcceptanceRun } from '../acceptance-run.ts'
import { causeOf } from '../cause.ts'
import type { Tables } from '../store/tables.ts'
import { acceptanceToWire } from '../wire-acceptance.ts'

const SEVERITY = { started: 'low', done: 'low', warned: 'medium', failed: 'high' } as const

/** fed.acceptance.<started|done|warned|failed>.<run id>: the accepting skill began, or came to its end. */
export async function acceptanceMoved(tx: Tx<Tables>, run: AcceptanceRun, at: Date) {
  const word = run.state === 'running' ? 'started' : run.state
  const said = acceptanceToWire(run)
  const { peer_findings: _left, ...governance } = said.governance ?? {}
  await append(tx, {
    noun: 'acceptance',
    word,
    id: run.id,
    severity: SEVERITY[word],
    ...(run.peerId && { peerId: run.peerId }),
    at,
    ...causeOf({ actor: run.requestedBy, requestId: run.correlationId, traceparent: run.traceparent }),
    payload: create(AcceptanceMovedSchema, { run: said.governance ? { ...said, governance } : said }),
  })
}
