import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import {
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
  type AppendStreamRequest,
  type AuditLedgerService,
} from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FRAME_HEADER_BYTES, type OpenTalk } from '@powernode/rpc'
import type { DecisionRecord } from './decision-record.ts'

/** A decision about a call of a peer, as a test wants it. */
export function aDecision(said: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    id: '01930000-0000-7000-8000-000000000001',
    peerId: '01930000-0000-7000-8000-0000000000aa',
    direction: 'in',
    atMs: Date.UTC(2026, 2, 1, 12),
    allowed: true,
    reason: 'ALLOWED',
    axis: '',
    detail: '',
    rpc: 'GetResource',
    resourceKind: 'NodeModule',
    resourceId: 'm-1',
    scope: 'read',
    nodeInstanceId: '',
    sdwanNetworkId: '',
    sourceAddress: '',
    grantId: '',
    dataClass: '',
    resourceRegion: '',
    destinationRegion: '',
    residencyMode: '',
    residencyRuleId: '',
    advised: false,
    overrideId: '',
    requestId: '',
    traceparent: '',
    policyEpoch: 0n,
    remoteDecisionId: '',
    ...said,
  }
}

/** The stream of entries to a ledger in memory, where there is no wire. */
export function talkTo(ledger: Pick<Client<typeof AuditLedgerService>, 'appendStream'>): OpenTalk {
  return async (_method, onAnswer, signal) => {
    const said: AppendStreamRequest[] = []
    let wake = () => {}
    async function* messages() {
      signal.addEventListener('abort', () => wake(), { once: true })
      while (!signal.aborted) {
        const next = said.shift()
        if (next) yield next
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    const ended = (async () => {
      for await (const answer of ledger.appendStream(messages(), { signal, timeoutMs: 0 }))
        onAnswer(Buffer.from(toBinary(AppendStreamResponseSchema, answer)))
    })()
    ended.catch(() => {})
    const send = (frame: Buffer) => {
      said.push(fromBinary(AppendStreamRequestSchema, frame.subarray(FRAME_HEADER_BYTES)))
      wake()
    }
    return { send, ended }
  }
}
