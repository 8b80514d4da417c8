import { toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics } from '@powernode/process'
import { AuditLedgerService, RecordDecisionsRequestSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { MESSAGE_MAX_BYTES, mount } from '@powernode/rpc'
import { partly, startTestServer } from '@powernode/rpc/testing'
import { everyMethodFor } from '../../test/inner-services.ts'
import { Turns } from '../door/turns.ts'
import { Decisions } from './decisions.ts'

const GATEWAY = { kind: 'service', name: 'federation-gateway' } as const

/** As long as a peer can make each of them: code points that are four bytes, in what it names and in our sentence on it. */
const LONGEST = {
  resourceKind: '\u{10000}'.repeat(64),
  resourceId: '\u{10000}'.repeat(128),
  nodeInstanceId: 'n'.repeat(128),
  sdwanNetworkId: 'n'.repeat(128),
  destinationRegion: '\u{10000}'.repeat(64),
  detail: `"${'\\u0001'.repeat(158)}"`,
}

test('texts that a peer made as long as they can be do not make a message that the ledger turns away', async () => {
  const sizes: number[] = []
  const impl = partly(AuditLedgerService, {
    async *recordDecisions(requests) {
      for await (const request of requests) {
        sizes.push(toBinary(RecordDecisionsRequestSchema, request).length)
        yield { number: request.number }
      }
    },
  })
  const callers = everyMethodFor(AuditLedgerService, ['service/federation-gateway'])
  const server = startTestServer(mount(AuditLedgerService, impl, callers))
  const logger = createLogger('test', { level: 'silent' })
  const decisions = new Decisions({ clock: systemClock, logger, metrics: createMetrics('test'), turns: new Turns() })
  const recorded = Array.from({ length: 1_500 }, (_, n) => decisions.record({ id: String(n), ...LONGEST }))
  const stopping = new AbortController()
  const running = decisions.run(server.clientAs(AuditLedgerService, GATEWAY), stopping.signal)
  await Promise.all(recorded)
  expect(Math.max(...sizes)).toBeLessThan(MESSAGE_MAX_BYTES)
  expect(sizes.length).toBeLessThan(20)
  stopping.abort()
  await running
})
