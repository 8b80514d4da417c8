import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Client } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { onward, passOn, peerOf, required, unary, type UnaryParts } from './unary.ts'

export type LedgerDoorParts = UnaryParts & { readonly ledger: Client<typeof AuditLedgerService> }

const { addCheckpoint, addEntries, readMirror, listAuditExcerpts, getReceipt } = FederationService.method

const LEDGER_CALLS: ReadonlySet<string> = new Set(
  [addCheckpoint, addEntries, readMirror, listAuditExcerpts, getReceipt].map(({ localName }) => localName),
)

export const isLedgerCall = (method: string): boolean => LEDGER_CALLS.has(method)

/**
 * What peers say and ask of the two ledgers. audit-ledger answers; whose peering it is about MUST be what the certificate
 * says, never what the message does, so that no peer witnesses, fills or reads in another's name.
 */
export function ledgerHandlers(
  parts: LedgerDoorParts,
): Record<
  'addCheckpoint' | 'addEntries' | 'readMirror' | 'listAuditExcerpts' | 'getReceipt',
  UntypedServiceImplementation[string]
> {
  const { ledger } = parts
  return {
    addCheckpoint: unary(parts, addCheckpoint, async (request, asked) => {
      const { peerId } = peerOf(asked)
      return required((await passOn(ledger.witnessCheckpoint({ peerId, request }, onward(asked)))).response)
    }),

    addEntries: unary(parts, addEntries, async (request, asked) => {
      const { peerId } = peerOf(asked)
      return required((await passOn(ledger.mirrorEntries({ peerId, request }, onward(asked)))).response)
    }),

    readMirror: unary(parts, readMirror, async (request, asked) => {
      const { peerId } = peerOf(asked)
      return required((await passOn(ledger.readMirror({ peerId, request }, onward(asked)))).response)
    }),

    listAuditExcerpts: unary(parts, listAuditExcerpts, async (request, asked) => {
      const { peerId } = peerOf(asked)
      return required((await passOn(ledger.listExcerpts({ peerId, request }, onward(asked)))).response)
    }),

    getReceipt: unary(parts, getReceipt, async (request, asked) => {
      const { peerId } = peerOf(asked)
      return required((await passOn(ledger.getReceipt({ peerId, request }, onward(asked)))).response)
    }),
  }
}
